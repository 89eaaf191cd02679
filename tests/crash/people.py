"""Those around the hub: suppliers who try again until they are answered, receivers who count what comes.

A receiver counts by its own key: the name of a file in its folder, the Message-ID of a mail; and by the invoice
number inside, which catches a double that got another key.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import random
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal

import aiosmtplib
import httpx
from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.testing import builders
from tests.crash.pushed import Pushed

_LINK = re.compile(r"^  \S+/invoices/([0-9a-f-]{36})$")
_NUMBER = re.compile(rb"<cbc:ID>([^<]*)</cbc:ID>")


@dataclass(frozen=True, slots=True)
class Receiver:
    """``folder``: its Globe reads there; else it gets mail. ``later``: the hub does not know it at first.
    ``refuses``: its mail server takes nothing, for good."""

    name: str
    kvk: str
    folder: str | None = None
    later: bool = False
    refuses: bool = False
    pushed: bool = False
    """Its invoices are pushed to an address of its own."""

    @property
    def email(self) -> str:
        return f"in@{self.name.split()[0].lower()}.example"

    @property
    def place(self) -> str:
        """Where its invoices come, and nobody else's."""
        return "pushed" if self.pushed else self.folder or self.email


RECEIVERS = (
    Receiver("Jong BV", "58070036", "jong"),
    Receiver("Smit BV", "69599084"),
    Receiver("Gemeente Voorbeeld", "55344526", "gemeente"),
    Receiver("Visser BV", "68750110"),
    Receiver("Eigen Pakket BV", "70000042", pushed=True),
)
LATER = (Receiver("Nieuw BV", "70000018", later=True), Receiver("Starter BV", "70000026", later=True))
REFUSING = Receiver("Dicht BV", "70000034", refuses=True)
SENDER = "boekhouding@bakker.example"
"""Where notices go: the supplier's address."""
End = Literal["delivered", "rejected", "quarantined", "undeliverable", "duplicate"]


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice to be sent: its bytes, and what must become of it. Without XML it is a page by itself."""

    number: str
    xml: bytes
    pdf: bytes | None
    by: Literal["api", "mail"]
    to: Receiver
    lawful: bool = True
    twin: bool = False
    """It says what another says that was delivered, under the same number inside."""

    @property
    def files(self) -> list[tuple[str, bytes]]:
        own = [(f"{self.number}.xml", self.xml)] if self.xml else []
        return [*own, (f"{self.number}.pdf", self.pdf)] if self.pdf else own

    @property
    def end(self) -> End:
        if not self.xml:
            return "quarantined"
        if not self.lawful:
            return "rejected"
        if self.twin:
            return "duplicate"
        return "undeliverable" if self.to.refuses else "delivered"


def invoices(
    count: int, random_: random.Random, prefix: str = "F", *, to: Sequence[Receiver] = RECEIVERS,
    mailed: float = 0.25, unlawful: float = 0.05, odd: float = 0.0, lines: int = 1,
) -> list[Invoice]:  # fmt: skip
    """``count`` invoices with unique numbers, chosen by ``random_``. ``odd``: the share of those that do not just go
    through: to receivers that are not known yet or refuse, and pages without an invoice."""
    made = []
    for n in range(count):
        number, receiver = f"{prefix}{n:05d}", random_.choice(to)
        if random_.random() < odd:
            other = random_.choice((*LATER, REFUSING, None))
            if other is None:
                made.append(Invoice(number, b"", builders.pdf(number), "mail", receiver))
                continue
            receiver = other
        lawful = random_.random() >= unlawful
        xml = builders.invoice(
            number=number, lines=lines, buyer_name=receiver.name, buyer_kvk=receiver.kvk,
            break_rule=None if lawful else "BR-NL-2",
        )  # fmt: skip
        pdf = builders.pdf(number) if random_.random() < 0.5 else None
        by: Literal["api", "mail"] = "mail" if random_.random() < mailed else "api"
        made.append(Invoice(number, xml, pdf, by, receiver, lawful))
    return made


def twin_of(invoice: Invoice) -> Invoice:
    """The same invoice exported once more: other bytes, and a file of another name."""
    return replace(
        invoice, number=f"TWIN-{invoice.number}", xml=invoice.xml + b"\n", pdf=None, by="api", twin=True
    )


@dataclass
class Supplier:
    """Hands invoices over, again and again until somebody says they are stored."""

    url: str
    smtp_port: int
    key: str
    mailbox: str
    acknowledged: dict[str, str] = field(default_factory=dict)
    """Invoice id by number (by mail: the submission's id)."""
    tries: Counter[str] = field(default_factory=Counter)

    async def send(self, batch: Sequence[Invoice], *, at_once: int = 8, patience: float = 60.0) -> None:
        """All of them; returns when each is acknowledged or ``patience`` seconds are over."""
        waiting = list(reversed(batch))

        async def work(http: httpx.AsyncClient) -> None:
            while waiting:
                invoice = waiting.pop()
                while invoice.number not in self.acknowledged:
                    self.tries[invoice.number] += 1
                    if not await (self._post(http, invoice) if invoice.by == "api" else self._mail(invoice)):
                        await asyncio.sleep(0.1)

        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=self.url, timeout=5, trust_env=False, limits=limits) as http:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await asyncio.gather(*(work(http) for _ in range(at_once)))

    async def _post(self, http: httpx.AsyncClient, invoice: Invoice) -> bool:
        try:
            reply = await http.post(
                "/v1/submissions",
                headers=self._headers(invoice),
                files=[("file", file) for file in invoice.files],
            )
        except httpx.HTTPError:
            return False
        if reply.status_code not in (200, 202):
            if reply.status_code < 500 and reply.status_code not in (409, 429):
                raise AssertionError(f"{invoice.number}: {reply.status_code} {reply.text}")
            return False
        self.acknowledged[invoice.number] = reply.json()["invoices"][0]["invoice_id"]
        return True

    def _headers(self, invoice: Invoice) -> dict[str, str]:
        # Every other one relies on its key, the others on being the same bytes.
        keyed = {"Idempotency-Key": invoice.number} if sum(invoice.number.encode()) % 2 else {}
        return {"Authorization": f"Bearer {self.key}", **keyed}

    async def _mail(self, invoice: Invoice) -> bool:
        message = EmailMessage()
        message["From"], message["To"] = "verkoop@supplier.example", self.mailbox
        message["Subject"], message["Message-ID"] = "Factuur", f"<{invoice.number}@supplier.example>"
        message.set_content("Bijgaand.")
        for name, data in invoice.files:
            subtype = "pdf" if name.endswith(".pdf") else "xml"
            message.add_attachment(data, maintype="application", subtype=subtype, filename=name)
        try:
            async with aiosmtplib.SMTP(
                hostname="127.0.0.1", port=self.smtp_port, start_tls=False, timeout=5
            ) as smtp:
                _, said = await smtp.send_message(message)
        except aiosmtplib.SMTPResponseException as no:
            if no.code >= 500:
                raise AssertionError(f"{invoice.number}: {no.code} {no.message}") from no
            return False
        except (aiosmtplib.SMTPException, OSError):
            return False
        found = re.search(r"[0-9a-f-]{36}", said)
        assert found, said
        self.acknowledged[invoice.number] = found.group()
        return True


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
    """Folders that are emptied and a mail server that keeps what it gets."""

    root: Path
    port: int
    push_port: int
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
    _server: asyncio.Server | None = None
    _globe: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        def came(key: str, xml: bytes, pdf: bytes | None) -> None:
            self._came(key, "pushed", xml, pdf)

        self.pushed = Pushed(self.root.parent, self.push_port, came)

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
        for xml in self.root.glob("*/*.xml"):
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
