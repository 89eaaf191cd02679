"""A receiver whose folder is on an SFTP server of its own, and the fault points between the steps of placing a pair there.

What came is counted by file name, as with a folder on this disk.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh

from tests.crash.wrapping import wrap
from tests.integration.deliver.serving import Serving


class Afar:
    """On 127.0.0.1. ``root`` holds the folders of those it serves."""

    def __init__(self, root: Path, port: int) -> None:
        self.root = root
        self._serving = Serving(root, port)
        self._open = False

    def settings(self, folder: str) -> dict[str, Any]:
        """What the hub must be told to put a receiver's invoices there."""
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        return {**self._serving.settings, "folder": folder}

    async def let_in(self, public_key: str) -> None:
        """From now on the server is there, for whoever has the key that belongs to this one."""
        self._serving.client_key = asyncssh.import_public_key(public_key)
        await self._serving.start()
        self._open = True

    async def close(self) -> None:
        if self._open:
            await self._serving.stop()


def arm(hit: Callable[..., None]) -> None:
    """A window before and after each attempt, and one after each step: a file put, the pair marked, each of it in sight."""

    def run(original: Any) -> Any:
        async def wrapped(self: Any, session: Any) -> Any:
            hit("dispatch.act.before", "sftp")
            outcome = await original(self, session)
            hit("dispatch.act.after", "sftp")
            return outcome

        return wrapped

    wrap("services.deliver.channels.sftp:_Placing.run", run)

    def write(original: Any) -> Any:
        async def wrapped(self: Any, name: str, data: bytes) -> None:
            await original(self, name, data)
            hit("sftp.marked.after" if name.endswith(".staged") else "sftp.put.after")

        return wrapped

    wrap("services.deliver.channels.sftp_session:Session.write", write)

    def move(original: Any) -> Any:
        async def wrapped(self: Any, name: str, to: str) -> None:
            await original(self, name, to)
            hit("sftp.pdf-shown.after" if to.endswith(".pdf") else "sftp.shown.after")

        return wrapped

    wrap("services.deliver.channels.sftp_session:Session.move", move)
