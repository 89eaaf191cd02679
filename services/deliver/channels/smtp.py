"""The e-mail channel: one mail an invoice, XML and PDF attached under the same base name.

A mail server cannot be asked whether it has a message. After an attempt cut short between the final dot and
its answer the mail goes out again under the same Message-ID, and the attempt says so (``repeated``): many
receiving systems drop the second, and nobody is told it was not possible.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import localtime
from functools import cache
from pathlib import Path

import aiosmtplib
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from libs.contracts.parts import Words
from services.deliver.parcel import Failed, HandedOver, Job, Loaded, Outcome, Refused

_SUBJECTS = {"nl": "Factuur {number} van {seller}", "en": "Invoice {number} from {seller}"}
_REFUSED = Words(
    nl="De mailserver van de ontvanger weigert de e-mail ({said}). Vraag uw klant naar het juiste e-mailadres.",
    en="The receiver's mail server refuses the e-mail ({said}). Ask your customer for the right e-mail address.",
)
_BAD_ADDRESS = Words(
    nl="Het afgesproken e-mailadres van de ontvanger is geen geldig adres. Vraag uw klant naar het juiste.",
    en="The agreed e-mail address of the receiver is not a valid address. Ask your customer for the right one.",
)


class SmtpChannel:
    def __init__(self, host: str, port: int, mail_from: str, *, connections: int = 4) -> None:
        self._host = host
        self._port = port
        self._mail_from = mail_from
        self._connections = connections

    async def deliver(self, loaded: Sequence[Loaded]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        queue = list(enumerate(loaded))

        async def worker() -> None:
            async with contextlib.AsyncExitStack() as stack:
                held: aiosmtplib.SMTP | None = None
                while queue:
                    index, each = queue.pop(0)
                    try:
                        if held is None or not held.is_connected:
                            held = await stack.enter_async_context(self._connect())
                        outcomes[index] = await self._send(held, each)
                    except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
                        held = None
                        outcomes[index] = Failed(_said(error))

        await asyncio.gather(*(worker() for _ in range(min(self._connections, len(queue)))))
        return [outcomes[index] for index in range(len(loaded))]

    async def settled(self, loaded: Sequence[Loaded]) -> None:
        return None

    @contextlib.asynccontextmanager
    async def _connect(self) -> AsyncIterator[aiosmtplib.SMTP]:
        smtp = aiosmtplib.SMTP(hostname=self._host, port=self._port, timeout=30, start_tls=None)
        await smtp.connect()
        try:
            yield smtp
        finally:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await smtp.quit()

    async def _send(self, smtp: aiosmtplib.SMTP, each: Loaded) -> Outcome:
        try:
            message = compose(each, self._mail_from)
        except ValueError:
            return Refused("bad-address", _BAD_ADDRESS)
        try:
            _, said = await smtp.send_message(message, sender=self._mail_from)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return _refusal(refused.recipients[0].code, refused.recipients[0].message)
        except aiosmtplib.SMTPResponseException as refused:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await smtp.rset()
            return _refusal(refused.code, refused.message)
        return HandedOver(f"250 {said}"[:300], repeated=each.job.unknown)


def _refusal(code: int, said: str) -> Outcome:
    text = f"{code} {said}"[:200]
    if 500 <= code < 600:
        words = Words(nl=_REFUSED.nl.format(said=text), en=_REFUSED.en.format(said=text))
        return Refused("mail-refused", words)
    return Failed(text)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def compose(each: Loaded, mail_from: str) -> EmailMessage:
    """The mail of one job. Raises ``ValueError`` for an address or value that cannot stand in a header."""
    job = each.job
    summary, receiver = job.parcel.summary, job.parcel.receiver
    language = receiver.language
    facts = {
        "number": _line(summary.number or "?"),
        "seller": _line(summary.seller.name or "?"),
        "receiver": _line(receiver.name),
        "date": summary.issue_date.isoformat() if summary.issue_date else "",
        "amount": f"{summary.payable:.2f} {summary.currency or ''}" if summary.payable is not None else "",
        "has_pdf": each.pdf is not None,
    }
    message = EmailMessage()
    message["From"] = Address(display_name="Postbode", addr_spec=mail_from)
    message["To"] = Address(addr_spec=job.parcel.settings["email"])
    message["Subject"] = _SUBJECTS[language].format(**facts)
    message["Date"] = localtime()
    message["Message-ID"] = message_id(job, mail_from)
    message["X-Postbode-Invoice"] = str(job.invoice_id)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_templates().get_template(f"invoice.{language}.txt").render(facts))
    message.add_alternative(
        _templates().get_template(f"invoice.{language}.html").render(facts), subtype="html"
    )
    if each.pdf is not None:
        message.add_attachment(
            each.pdf, maintype="application", subtype="pdf", filename=f"{job.base_name}.pdf"
        )
    message.add_attachment(each.xml, maintype="application", subtype="xml", filename=f"{job.base_name}.xml")
    return message


def message_id(job: Job, mail_from: str) -> str:
    """The same for every attempt at a delivery: the receiver can tell a repeat."""
    return f"<{job.delivery_id}@{mail_from.rpartition('@')[2]}>"


def _line(text: str) -> str:
    """Text from an invoice on one line: no header of ours is continued by a stranger."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:150]


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
