"""One session at a receiver's SFTP server: the address looked at, the host key pinned, every step in time."""

from __future__ import annotations

import asyncio
import contextlib
import posixpath
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, cast

import asyncssh

from libs import clock
from libs.http.public import Network, NotPublic, is_public
from services.deliver.channels.disk import HIDDEN

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 20.0
"""A session is used again within this time."""
_AT_ONCE = 16
"""Files read side by side over one session."""
_MOST_BYTES = 1024 * 1024
"""Of pairs on their way side by side, so that none of them takes much longer than alone; one that is larger goes alone."""


class HostKeyChanged(Exception):
    """Somebody answers there who does not have the key that was agreed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a receiver's folder is. ``host_key``: as in ``known_hosts``, without the host."""

    host: str
    port: int
    username: str
    folder: str
    host_key: str

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Self:
        """From the settings of a delivery. Raises ``KeyError`` and ``ValueError``."""
        return cls(
            settings["host"],
            int(settings["port"]),
            settings["username"],
            settings["folder"],
            settings["host_key"],
        )


class Session:
    """Open it with ``connect``; names are of the folder, or of the hidden area in it when they begin with it."""

    def __init__(self, ssh: asyncssh.SSHClientConnection, sftp: asyncssh.SFTPClient, folder: str) -> None:
        self._ssh = ssh
        self._sftp = sftp
        self._folder = folder
        self._last = clock.monotonic()
        self._users = self._bytes = 0
        self._next = asyncio.Lock()
        self._left = asyncio.Event()

    @classmethod
    async def connect(cls, place: Place, key: bytes, also: Sequence[Network]) -> Self:
        """``key``: the private key in OpenSSH's form. Raises ``HostKeyChanged``, ``NotPublic``, ``asyncssh.Error``,
        ``OSError`` and ``TimeoutError``."""
        pinned = asyncssh.import_public_key(place.host_key)
        async with asyncio.timeout(CONNECT_SECONDS):
            address = await _checked(place, also)
            try:
                ssh = await asyncssh.connect(
                    address,
                    place.port,
                    username=place.username,
                    client_keys=[asyncssh.import_private_key(key)],
                    known_hosts=([pinned], [], []),
                    # Another kind of key of the same server is not the one that was agreed either.
                    server_host_key_algs=_algorithms(pinned),
                    config=None,
                    agent_path=None,
                    preferred_auth="publickey",
                    keepalive_interval=10,
                )
            except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as other:
                raise HostKeyChanged(str(other)) from other
            try:
                return cls(ssh, await ssh.start_sftp_client(), place.folder)
            except BaseException:
                ssh.abort()
                raise

    @property
    def fresh(self) -> bool:
        """It can be used: open, and in use or just used."""
        used = self._users > 0 or clock.monotonic() - self._last < IDLE_SECONDS
        return used and not self._ssh.is_closed()

    @contextlib.asynccontextmanager
    async def room(self, size: int) -> AsyncIterator[None]:
        """Wait, first come first served, until ``size`` bytes more may be on their way; use the session inside."""
        async with self._next:
            while self._bytes and self._bytes + size > _MOST_BYTES:
                self._left.clear()
                await self._left.wait()
            self._users, self._bytes = self._users + 1, self._bytes + size
        try:
            yield
        finally:
            self._users, self._bytes = self._users - 1, self._bytes - size
            self._last = clock.monotonic()
            self._left.set()

    async def prepare(self) -> None:
        """The hub's own area, in a folder that is there. Raises ``asyncssh.SFTPNoSuchFile`` when it is not."""
        if not await self._sftp.exists(self._at(HIDDEN)):
            try:
                await self._sftp.mkdir(self._at(HIDDEN), asyncssh.SFTPAttrs(permissions=0o700))
            except asyncssh.SFTPError:
                # Servers have several words for a folder that another pair has made meanwhile.
                if not await self._sftp.exists(self._at(HIDDEN)):
                    raise

    async def write(self, name: str, data: bytes) -> None:
        """A whole file, over one that is there already; on the server's disk where it can say so."""
        async with self._sftp.open(self._at(name), "wb") as file:
            await file.write(data)
            try:
                await file.fsync()
            except asyncssh.SFTPOpUnsupported:
                return

    async def there(self, name: str) -> bool:
        return await self._sftp.lexists(self._at(name))

    async def move(self, name: str, to: str) -> None:
        """In one step, where the server has it (OpenSSH's ``posix-rename``); else by its own renaming."""
        try:
            await self._sftp.posix_rename(self._at(name), self._at(to))
        except asyncssh.SFTPOpUnsupported:
            await self._sftp.rename(self._at(name), self._at(to))

    async def remove(self, name: str) -> None:
        await self._sftp.remove(self._at(name))

    async def names(self) -> frozenset[str] | None:
        """What is to be seen; None when the hub's area is not: an empty mount point is no folder from which all was
        taken."""
        found = frozenset(str(name) for name in await self._sftp.listdir(self._folder or "."))
        return found if HIDDEN in found else None

    async def beginnings(self, names: Sequence[str], most: int = 4096) -> dict[str, bytes]:
        """Up to ``most`` bytes of each of these that is a plain file and can be read: no link is followed."""
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def one(name: str) -> bytes | None:
            async with at_once:
                with contextlib.suppress(
                    asyncssh.SFTPNoSuchFile, asyncssh.SFTPPermissionDenied, asyncssh.SFTPFailure
                ):
                    if (await self._sftp.lstat(self._at(name))).type == asyncssh.FILEXFER_TYPE_REGULAR:
                        async with self._sftp.open(self._at(name), "rb") as file:
                            return cast("bytes", await file.read(most))
            return None

        found = await asyncio.gather(*map(one, names))
        return {name: data for name, data in zip(names, found, strict=True) if data is not None}

    async def take_away(self, names: Sequence[str]) -> None:
        """Remove files from sight; what cannot be removed stays."""
        for name in names:
            with contextlib.suppress(
                asyncssh.SFTPNoSuchFile, asyncssh.SFTPPermissionDenied, asyncssh.SFTPFailure
            ):
                await self.remove(name)

    def close(self) -> None:
        self._ssh.abort()

    def _at(self, name: str) -> str:
        return posixpath.join(self._folder, name)


async def _checked(place: Place, also: Sequence[Network]) -> str:
    """An address of this host, after all of them were found public."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    addresses = [str(each[4][0]) for each in found]
    if not addresses or not all(is_public(each, also) for each in addresses):
        raise NotPublic("it resolves to an address that is not public")
    return addresses[0]


def _algorithms(key: asyncssh.SSHKey) -> list[str]:
    kind = key.get_algorithm()
    return ["rsa-sha2-512", "rsa-sha2-256"] if kind == "ssh-rsa" else [kind]
