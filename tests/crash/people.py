"""Those around the hub: who receives, what is to be sent to whom, and suppliers who try again until they are answered."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from typing import Literal

import aiosmtplib
import httpx

from libs.testing import builders


@dataclass(frozen=True, slots=True)
class Receiver:
    """``folder``: its Globe reads there. ``later``: the hub does not know it at first. ``refuses``: its mail server takes
    nothing, for good."""

    name: str
    kvk: str
    folder: str | None = None
    later: bool = False
    refuses: bool = False
    by: Literal["smtp", "folder", "sftp", "https", "pull", "exact"] = "smtp"
    """``sftp``: its folder is on a server of its own. ``https``: its invoices are pushed to an address of its own.
    ``pull``: it fetches them. ``exact``: they are booked at Exact Online."""

    @property
    def email(self) -> str:
        return f"in@{self.name.split()[0].lower()}.example"

    @property
    def place(self) -> str:
        """Where its invoices come, and nobody else's."""
        return self.by if self.by in ("https", "pull", "exact") else self.folder or self.email


RECEIVERS = (
    Receiver("Jong BV", "58070036", "jong", by="folder"),
    Receiver("Smit BV", "69599084"),
    Receiver("Gemeente Voorbeeld", "55344526", "gemeente", by="folder"),
    Receiver("Visser BV", "68750110"),
    Receiver("Eigen Pakket BV", "70000042", by="https"),
    Receiver("Overzee BV", "70000050", "overzee", by="sftp"),
    Receiver("Ophaler BV", "70000069", by="pull"),
)
LATER = (Receiver("Nieuw BV", "70000018", later=True), Receiver("Starter BV", "70000026", later=True))
BOOKKEEPER = Receiver("Boekhouder BV", "70000077", by="exact")
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
