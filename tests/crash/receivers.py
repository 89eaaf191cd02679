"""What stands at the other end: folders, mail servers, an address, a program that fetches. Each counts what it gets by its
own key, and by the number inside, which catches a double that got another key.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.crash.afar import Afar
from tests.crash.fetched import Fetching
from tests.crash.people import REFUSING
from tests.crash.pushed import Came, Pushed

_LINK = re.compile(r"^  \S+/invoices/([0-9a-f-]{36})$")
_NUMBER = re.compile(rb"<cbc:ID>([^<]*)</cbc:ID>")


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail of the hub about an invoice, to whoever it went."""

    key: str
    """Its Message-ID."""
    subject: str
    to: tuple[str, ...]
    about: str
    """The invoice's id."""
    announced: bool
    """It says itself that it may come twice."""
    mail: int = 0
    """Which mail it was: one with a list is many of these."""


@dataclass
class Receivers:
    """Folders that are emptied, here and on a server afar; a mail server, an address and a program that fetches, which keep
    what they get."""

    root: Path
    port: int
    push_port: int
    sftp_port: int
    files: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often a file of this name was found in this folder."""
    mails: Counter[str] = field(default_factory=Counter)
    """How often an invoice mail with this Message-ID was taken."""
    numbers: dict[str, set[str]] = field(default_factory=dict)
    """Under which keys an invoice of this number came."""
    bytes_of: dict[str, set[str]] = field(default_factory=dict)
    """SHA-256 of the XML that came, by number."""
    places: dict[str, set[str]] = field(default_factory=dict)
    """Where an invoice of this number came: a folder or a mail address."""
    pages: dict[str, set[str]] = field(default_factory=dict)
    """SHA-256 of the PDF that came with it each time; empty: there was none."""
    strange: list[str] = field(default_factory=list)
    """Mails that are neither a notice nor one invoice."""
    notices: list[Notice] = field(default_factory=list)
    """What the hub mailed that is no delivery, in the order it came."""
    came: list[tuple[float, str]] = field(default_factory=list)
    """When what came; seconds since the epoch."""
    hold: Callable[[str], Awaitable[None]] | None = None
    """Called with the recipient when a mail is complete and not yet answered."""
    down: set[str] = field(default_factory=set)
    """Addresses that defer whatever comes."""
    deferred: int = 0
    most_at_once: int = 0
    """So many attempts at addresses that are down were seen at the same time."""
    _at_once: int = 0
    pushed: Pushed = field(init=False)
    afar: Afar = field(init=False)
    fetching: Fetching = field(init=False)
    _server: asyncio.Server | None = None
    _globe: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.pushed = Pushed(self.root.parent, self.push_port, self.at("https"))
        self.fetching = Fetching(self.at("pull"))
        self.afar = Afar(self.root.with_name("afar"), self.sftp_port)

    def at(self, place: str) -> Came:
        """What is called when something came there."""
        return lambda key, xml, pdf: self._came(key, place, xml, pdf)

    async def open(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        await self.pushed.open()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, ident="sink", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", self.port
        )
        self._globe = asyncio.create_task(self._take_for_ever())

    async def close(self) -> None:
        await self.pushed.close()
        await self.afar.close()
        await self.fetching.close()
        if self._server is not None:
            self._server.close()
        if self._globe is not None:
            self._globe.cancel()
            await asyncio.gather(self._globe, return_exceptions=True)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == REFUSING.email:
            return "550 5.1.1 Nobody here by that name"
        if address not in self.down:
            envelope.rcpt_tos.append(address)
            return "250 2.1.5 OK"
        self.deferred += 1
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(0.3)  # long enough for others to be seen beside it
        self._at_once -= 1
        return "451 4.7.1 Later"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        mail: Any = message_from_bytes(raw, policy=policy.default)
        key = str(mail["Message-ID"])
        if key.startswith(("<notice.", "<notices.")):
            repeated = str(mail["Postbode-Repeat"]) == "possible"
            to, n = tuple(envelope.rcpt_tos), len(self.notices)
            told = listed(mail.get_content()) or [(str(mail["Subject"]), str(mail["Postbode-Invoice"]))]
            self.notices += [Notice(key, subject, to, about, repeated, n) for subject, about in told]
            self.came.append((time.time(), f"{key} about {[about for _, about in told]} to {to}"))
            return "250 2.0.0 Kept"
        # Taken when the final dot is there: whatever becomes of the answer, the receiver has it.
        self.mails[key] += 1
        found: dict[str, list[bytes]] = {"xml": [], "pdf": []}
        for part in mail.iter_attachments():
            found.setdefault(str(part.get_filename())[-3:], []).append(part.get_payload(decode=True))
        if len(found["xml"]) != 1 or len(found["pdf"]) > 1:
            self.strange.append(f"{key} has {sorted(found)}")
        for xml in found["xml"]:
            for place in envelope.rcpt_tos:
                self._came(key, place, xml, found["pdf"][0] if found["pdf"] else None)
        if self.hold is not None:
            await self.hold(envelope.rcpt_tos[0])
        return "250 2.0.0 Kept"

    async def _take_for_ever(self) -> None:
        while True:
            self.take_away()
            await asyncio.sleep(0.05)

    def take_away(self) -> None:
        """What Globe does with a pair: the XML is the sign."""
        for xml in (*self.root.glob("*/*.xml"), *self.afar.root.glob("*/*.xml")):
            data, page = xml.read_bytes(), xml.with_suffix(".pdf")
            pdf = page.read_bytes() if page.exists() else None
            for file in (xml, xml.with_suffix(".pdf")):
                if file.exists():
                    self.files[xml.parent.name, file.name] += 1
                    file.unlink()
            self._came(f"{xml.parent.name}/{xml.name}", xml.parent.name, data, pdf)

    def _came(self, key: str, place: str, xml: bytes, pdf: bytes | None) -> None:
        found = _NUMBER.search(xml)
        number = found[1].decode() if found else "?"
        self.came.append((time.time(), f"{number} as {key} to {place}"))
        self.numbers.setdefault(number, set()).add(key)
        self.bytes_of.setdefault(number, set()).add(hashlib.sha256(xml).hexdigest())
        self.places.setdefault(number, set()).add(place)
        self.pages.setdefault(number, set()).add(mark_of(pdf))


def listed(text: str) -> list[tuple[str, str]]:
    """What each line of a list is about, under the title it stands under."""
    found, title = [], ""
    for before, line in itertools.pairwise(text.splitlines()):
        if line and not line.strip("-"):
            title = before.partition(" (")[0]
        elif title and (link := _LINK.search(line)):
            found.append((f"{title}: in a list", link[1]))
    return found


def mark_of(page: bytes | None) -> str:
    """As ``Receivers.pages`` has it."""
    return hashlib.sha256(page).hexdigest() if page is not None else ""
