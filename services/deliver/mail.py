"""The mail that carries an invoice: text in the receiver's language, XML and PDF under one base name. Pure but
for the templates, read once."""

from __future__ import annotations

from base64 import b64encode
from binascii import b2a_qp
from decimal import Decimal
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, localtime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from libs import clock
from services.deliver.parcel import Job, Loaded
from services.deliver.results import line

Language = Literal["nl", "en"]

_SUBJECTS = {"nl": "Factuur {number} van {seller}", "en": "Invoice {number} from {seller}"}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_MAAND = (
    "januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober",
    "november", "december",
)  # fmt: skip


def compose(each: Loaded, mail_from: str) -> bytes:
    """The mail of one job as it goes over the wire: the same, but for its date, for every attempt.

    Only ASCII, so any mail server takes it. Put together by hand, because the ``email`` package takes longer
    over one mail with attachments than all else that happens to it. A boundary holds ``=_``, which neither
    base64 nor quoted-printable can produce.
    """
    job = each.job
    summary, receiver = job.parcel.summary, job.parcel.receiver
    language: Language = receiver.language
    facts: dict[str, Any] = {
        "number": line(summary.number or "?", 100),
        "seller": line(summary.seller.name or "?", 150),
        "receiver": line(receiver.name, 150),
        "date": "",
        "amount": "",
        "has_pdf": each.pdf is not None,
        "has_xml": each.xml is not None,
    }
    facts["warnings"] = [line(getattr(each, language), 500) for each in job.parcel.warnings]
    if summary.issue_date is not None:
        months = _MAAND if language == "nl" else _MONTHS
        day = summary.issue_date
        facts["date"] = f"{day.day} {months[day.month - 1]} {day.year}"
    if summary.payable is not None:
        facts["amount"] = money(summary.payable, line(summary.currency or "", 3), language)
    mixed, either = f"=_{job.delivery_id.hex}", f"=_{job.invoice_id.hex}"
    name = f"{facts['seller']} via Postbode"
    parts = [
        *_names(Address(name, addr_spec=mail_from), _SUBJECTS[language].format(**facts)),
        f"To: {job.parcel.settings['email']}",
        f"Date: {format_datetime(localtime(clock.now()))}",
        f"Message-ID: {message_id(job, mail_from)}",
        f"X-Postbode-Invoice: {job.invoice_id}",
        f"X-Postbode-Delivery: {job.delivery_id}",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{mixed}"',
        "",
        f"--{mixed}",
        f'Content-Type: multipart/alternative; boundary="{either}"',
        "",
        f"--{either}",
        _text("plain", _templates().get_template(f"invoice.{language}.txt").render(facts)),
        f"--{either}",
        _text("html", _templates().get_template(f"invoice.{language}.html").render(facts)),
        f"--{either}--",
    ]
    if each.pdf is not None:
        parts += ["", f"--{mixed}", _attached("pdf", job.base_name, each.pdf)]
    if each.xml is not None:
        parts += ["", f"--{mixed}", _attached(each.extension, job.base_name, each.xml)]
    parts += [f"--{mixed}--", ""]
    return "\r\n".join(parts).encode("ascii")


def _names(sender: Address, subject: str) -> list[str]:
    """The two headers with strangers' words in them. ``email`` encodes what plain ASCII cannot say."""
    if sender.display_name.isascii() and subject.isascii():
        return [f"From: {formataddr((sender.display_name, sender.addr_spec))}", f"Subject: {subject}"]
    head = EmailMessage(SMTP.clone(cte_type="7bit"))
    head["From"] = sender
    head["Subject"] = subject
    return [head.as_bytes().decode("ascii").rstrip("\r\n")]


def _text(kind: Literal["plain", "html"], text: str) -> str:
    lines = "\r\n".join(text.splitlines()) + "\r\n"
    return (
        f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
        + b2a_qp(lines.encode(), istext=True).decode("ascii")
    )


def _attached(kind: str, base_name: str, data: bytes) -> str:
    """The base name is safe by itself: no quote, nothing but ASCII."""
    encoded, name = b64encode(data).decode("ascii"), f'"{base_name}.{kind}"'
    return "\r\n".join(
        (
            f"Content-Type: {'text' if kind == 'csv' else 'application'}/{kind}; name={name}",
            "Content-Transfer-Encoding: base64",
            f"Content-Disposition: attachment; filename={name}",
            "",
            *(encoded[n : n + 76] for n in range(0, len(encoded), 76)),
        )
    )


def message_id(job: Job, mail_from: str) -> str:
    """The same for every attempt at a delivery: the receiver can tell a repeat."""
    return f"<{job.delivery_id}@{mail_from.rpartition('@')[2]}>"


def money(amount: Decimal, currency: str, language: Language) -> str:
    """``€ 1.234,50`` in Dutch, ``€1,234.50`` in English; other currencies by their code."""
    text = f"{amount:,.2f}"
    if language == "nl":
        text = text.translate(str.maketrans(",.", ".,"))
    if currency != "EUR":
        return f"{currency} {text}".strip()
    return f"€ {text}" if language == "nl" else f"€{text}"


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
