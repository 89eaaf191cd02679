"""A receiver's SFTP server on 127.0.0.1, with its folder on this disk, that can be told to fail."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh


@dataclass
class Serving:
    root: Path
    port: int = 0
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    client_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    fault: Exception | None = None
    """What every writing request gets."""
    hang: bool = False
    cut_at_rename: int = 0
    """After so many renames the connection is cut before the answer; 0: never."""
    sessions: int = 0
    _server: asyncssh.SSHAcceptor | None = None
    _connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        key = self.host_key.export_public_key().decode().strip()
        return {"host": "127.0.0.1", "port": self.port, "username": "globe", "folder": "in", "host_key": key}

    @property
    def folder(self) -> Path:
        return self.root / "in"

    def visible(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.name != ".postbode")

    def hidden(self) -> list[str]:
        return sorted(path.name for path in (self.folder / ".postbode").iterdir())

    def take(self) -> list[str]:
        taken = self.visible()
        for each in taken:
            (self.folder / each).unlink()
        return taken

    async def start(self) -> None:
        allowed = asyncssh.import_authorized_keys(self.client_key.export_public_key().decode())
        self._server = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_host_keys=[self.host_key],
            authorized_client_keys=allowed,
            sftp_factory=functools.partial(_Server, serving=self),
            acceptor=self._accepted,
        )
        self.port = self._server.get_port()

    def _accepted(self, connection: asyncssh.SSHServerConnection) -> None:
        self.sessions += 1
        self._connections.append(connection)

    async def stop(self) -> None:
        assert self._server is not None
        self.cut()
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Hang up on everybody."""
        while self._connections:
            self._connections.pop().abort()


class _Server(asyncssh.SFTPServer):
    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], serving: Serving) -> None:
        super().__init__(channel, chroot=str(serving.root).encode())
        self._serving = serving

    def _trouble(self) -> None:
        if self._serving.fault is not None:
            raise self._serving.fault

    async def stat(self, path: bytes) -> Any:
        if self._serving.hang:
            await asyncio.sleep(30)
        return super().stat(path)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        self._trouble()
        return super().write(file_obj, offset, data)  # type: ignore[return-value]

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        self._trouble()
        super().mkdir(path, attrs)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._trouble()
        super().posix_rename(oldpath, newpath)
        if self._serving.cut_at_rename:
            self._serving.cut_at_rename -= 1
            if not self._serving.cut_at_rename:
                self._serving.cut()


@contextlib.asynccontextmanager
async def serving(root: Path) -> AsyncIterator[Serving]:
    found = Serving(root)
    found.folder.mkdir(parents=True)
    await found.start()
    try:
        yield found
    finally:
        await found.stop()
