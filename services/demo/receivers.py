"""The receivers' side: a mail server that keeps what it gets, and a Globe that takes files from its folder.

Both count by the receiver's own key (Message-ID, file name), so "duplicated 0" is said by those who would
suffer from a double and not by the hub.
"""

from __future__ import annotations

import asyncio
from email import message_from_bytes
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session


class Receivers:
    def __init__(self, folder: Path, smtp_port: int) -> None:
        self.folders = folder / "globe"
        self._taken = folder / "taken"
        self._mail = folder / "mail"
        self._smtp_port = smtp_port
        self._server: asyncio.Server | None = None
        for each in (self.folders, self._taken, self._mail):
            each.mkdir(parents=True, exist_ok=True)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, ident="receiver", enable_SMTPUTF8=True), "127.0.0.1", self._smtp_port
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        name = str(message_from_bytes(raw)["Message-ID"]).strip("<>").replace("/", "_")
        self._keep(self._mail, f"{name}.eml", raw)
        return "250 2.0.0 Kept"

    def take_away(self) -> None:
        """What Globe does with a pair: read it and move it out of the folder; the XML is the sign."""
        for xml in sorted(self.folders.glob("*/*.xml")):
            for file in (xml, xml.with_suffix(".pdf")):
                if file.exists():
                    self._keep(self._taken, f"{xml.parent.name}-{file.name}", file.read_bytes())
                    file.unlink()

    def doubled(self) -> int:
        """How many files or mails came more than once."""
        return sum(1 for folder in (self._taken, self._mail) for _ in folder.glob("*.again-*"))

    @staticmethod
    def _keep(folder: Path, name: str, data: bytes) -> None:
        place, times = folder / name, 1
        while place.exists():
            times += 1
            place = folder / f"{name}.again-{times}"
        place.write_bytes(data)
