"""The mail that carries an invoice: text in the receiver's language, XML and PDF under one base name. Pure but
for the templates, read once."""

from __future__ import annotations

from decimal import Decimal
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime
from functools import cache
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from libs import clock
from services.deliver.parcel import Job, Loaded
from services.deliver.results import line

Language = Literal["nl", "en"]

POLICY = SMTP.clone(cte_type="7bit")
"""Only ASCII on the wire: any mail server takes it."""

_SUBJECTS = {"nl": "Factuur {number} van {seller}", "en": "Invoice {number} from {seller}"}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_MAAND = (
    "januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober",
    "november", "december",
)  # fmt: skip


def compose(each: Loaded, mail_from: str) -> EmailMessage:
    """The mail of one job: the same, but for its date, for every attempt."""
    job = each.job
    summary, receiver = job.parcel.summary, job.parcel.receiver
    language: Language = receiver.language
    facts = {
        "number": line(summary.number or "?", 100),
        "seller": line(summary.seller.name or "?", 150),
        "receiver": line(receiver.name, 150),
        "date": "",
        "amount": "",
        "has_pdf": each.pdf is not None,
    }
    if summary.issue_date is not None:
        months = _MAAND if language == "nl" else _MONTHS
        day = summary.issue_date
        facts["date"] = f"{day.day} {months[day.month - 1]} {day.year}"
    if summary.payable is not None:
        facts["amount"] = money(summary.payable, line(summary.currency or "", 3), language)
    message = EmailMessage(POLICY)
    message["From"] = Address(f"{facts['seller']} via Postbode", addr_spec=mail_from)
    message["To"] = Address(addr_spec=job.parcel.settings["email"])
    message["Subject"] = _SUBJECTS[language].format(**facts)
    message["Date"] = localtime(clock.now())
    message["Message-ID"] = message_id(job, mail_from)
    message["X-Postbode-Invoice"] = str(job.invoice_id)
    message["X-Postbode-Delivery"] = str(job.delivery_id)
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
