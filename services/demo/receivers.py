"""The receivers' side: a mail server that keeps what it gets, and a Globe that takes files from its folder.

Both count by the receiver's own key (Message-ID, file name), so "lost 0 · duplicated 0" is said by those who
would suffer and not by the hub.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from email import message_from_bytes
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session

_ID = re.compile(rb"<cbc:ID>([^<]+)</cbc:ID>")
"""The first ``cbc:ID`` of an invoice is its number."""


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
        self._keep(f"{name}.eml", raw)
        return "250 2.0.0 Kept"

    def take_away(self) -> None:
        """What Globe does with a pair: move it out of the folder; the XML is the sign, so it goes last."""
        for xml in sorted(self.folders.glob("*/*.xml")):
            for file in (xml.with_suffix(".pdf"), xml):
                if file.exists():
                    file.rename(self._free(self._taken, f"{xml.parent.name}-{file.name}"))

    def got(self) -> Mapping[str, set[str]]:
        """By invoice number (BT-1): the names of the files and mails in which it came."""
        found: dict[str, set[str]] = defaultdict(set)
        for file in self._taken.glob("*.xml"):
            found[_number(file.read_bytes())].add(file.name)
        for file in self._mail.glob("*.eml"):
            for part in message_from_bytes(file.read_bytes()).walk():
                if part.get_content_type() == "application/xml":
                    found[_number(part.get_payload(decode=True))].add(file.name)
        return found

    def doubled(self, numbers: Collection[str] | None = None) -> int:
        """How many of these invoices (None: of all there are) came in more than one file or mail, and files of
        theirs that came again."""

        def asked(number: str) -> bool:
            return numbers is None or number in numbers

        again = [_number(file.read_bytes()) for file in self._taken.glob("*.xml.again-*")]
        return sum(len(names) - 1 for number, names in self.got().items() if asked(number)) + sum(
            map(asked, again)
        )

    def repeated(self) -> int:
        """Mails that came again under their Message-ID: what e-mail cannot avoid when the hub is killed
        between the receiver's word and writing it down."""
        return len(list(self._mail.glob("*.again-*")))

    def _keep(self, name: str, data: bytes) -> None:
        draft = self._mail / ".draft"
        draft.write_bytes(data)
        draft.rename(self._free(self._mail, name))

    @staticmethod
    def _free(folder: Path, name: str) -> Path:
        place, times = folder / name, 1
        while place.exists():
            times += 1
            place = folder / f"{name}.again-{times}"
        return place


def _number(xml: object) -> str:
    found = _ID.search(xml) if isinstance(xml, bytes) else None
    return found.group(1).decode() if found else ""
