"""The mail that carries an invoice: text in the receiver's language, XML and PDF under one base name. Pure but
for the templates, read once."""

from __future__ import annotations

from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, localtime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from libs import clock
from services.deliver.email.mail_words import TEXTS, Language, day, money
from services.deliver.parcel import Job, Loaded
from services.deliver.results import line


def compose(each: Loaded, mail_from: str) -> bytes:
    """The mail of one job as it goes over the wire: the same, but for its date, for every attempt.

    Only ASCII, so any mail server takes it. Put together by hand, because the ``email`` package takes longer
    over one mail with attachments than all else that happens to it. A boundary holds ``=_``, which neither
    base64 nor quoted-printable can produce.
    """
    job = each.job
    summary, receiver = job.parcel.summary, job.parcel.receiver
    language = _language(job)
    texts = TEXTS[language]
    names = {
        "number": line(summary.number or "?", 100),
        "seller": line(summary.seller.name or "?", 150),
        "receiver": line(receiver.name, 150),
    }
    facts = _facts(each, language, names)
    mixed, either = f"=_{job.delivery_id.hex}", f"=_{job.invoice_id.hex}"
    name = f"{names['seller']} via Postbode"
    parts = [
        *_names(Address(name, addr_spec=mail_from), texts.subject.format(**names)),
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
        _text("plain", _templates().get_template("invoice.txt").render(facts)),
        f"--{either}",
        _text("html", _templates().get_template("invoice.html").render(facts)),
        f"--{either}--",
    ]
    if each.pdf is not None:
        parts += ["", f"--{mixed}", _attached("pdf", job.base_name, each.pdf)]
    if each.xml is not None:
        parts += ["", f"--{mixed}", _attached(each.extension, job.base_name, each.xml)]
    parts += [f"--{mixed}--", ""]
    return "\r\n".join(parts).encode("ascii")


def _language(job: Job) -> Language:
    """What the receiver chose with its package, else what was agreed with it."""
    chosen = job.parcel.settings.get("language")
    return next((each for each in TEXTS if each == chosen), job.parcel.receiver.language)


def _facts(each: Loaded, language: Language, names: Mapping[str, str]) -> dict[str, Any]:
    """What the templates show."""
    summary, texts = each.job.parcel.summary, TEXTS[language]
    issued = day(summary.issue_date, language) if summary.issue_date is not None else ""
    amount = ""
    if summary.payable is not None:
        amount = money(summary.payable, line(summary.currency or "", 3), language)
    attached = []
    if each.xml is not None:
        attached.append((each.extension.upper(), texts.xml))
    if each.pdf is not None:
        attached.append(("PDF", texts.pdf if each.xml is not None else texts.inside))
    shown = [(texts.seller, names["seller"], False), (texts.receiver, names["receiver"], False)]
    shown += [
        (name, value, name == texts.amount)
        for name, value in ((texts.date, issued), (texts.amount, amount))
        if value
    ]
    return {
        "t": texts,
        "language": language,
        "title": texts.title.format(**names),
        "opening": texts.opening.format(**names),
        "seller": names["seller"],
        "date": issued,
        "amount": amount,
        "facts": shown,
        "attached": attached,
        # The hub's own words are Dutch and English; who reads neither gets the latter.
        "warnings": [
            line(words.nl if language == "nl" else words.en, 500) for words in each.job.parcel.warnings
        ],
    }


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
    encoded = encodebytes(data).replace(b"\n", b"\r\n").decode("ascii")
    name = f'"{base_name}.{kind}"'
    return "\r\n".join(
        (
            f"Content-Type: {'text' if kind == 'csv' else 'application'}/{kind}; name={name}",
            "Content-Transfer-Encoding: base64",
            f"Content-Disposition: attachment; filename={name}",
            "",
            encoded.removesuffix("\r\n"),
        )
    )


def message_id(job: Job, mail_from: str) -> str:
    """The same for every attempt at a delivery: the receiver can tell a repeat."""
    return f"<{job.delivery_id}@{mail_from.rpartition('@')[2]}>"


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
