"""The mail that tells a sender what became of one invoice (R24, R48b, R56); of several: ``listing.py``. Pure.

Plain text in the account's language: what happened, to which invoice, why (with line numbers), what to do.
Everything quoted from an invoice is one line of printable characters: it comes from a stranger's file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import jinja2

from libs import clock
from libs.contracts import invoice
from libs.contracts.invoice import InvoiceFact
from libs.contracts.parts import Finding, Words
from services.track import answered
from services.track.facts import located
from services.track.notices import Kind
from services.track.status import Shown

Language = Literal["nl", "en"]

MOST_FINDINGS = 20
_MOST_CHARACTERS = 400
_MOST_NUMBERS = 200

_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701 - plain text
    keep_trailing_newline=True,
)

_SUBJECTS: Mapping[Kind, Words] = {
    "rejected": Words(nl="Afgekeurd: {what}", en="Rejected: {what}"),
    "quarantined": Words(nl="Niet aangenomen: {what}", en="Not accepted: {what}"),
    "receipt": Words(nl="Ontvangen: {what}", en="Received: {what}"),
    "repeat": Words(nl="Al ontvangen: {what}", en="Received before: {what}"),
    "parked": Words(nl="Wacht op u: {what}", en="Waiting for you: {what}"),
    "returned": Words(nl="Teruggegeven: {what}", en="Given back: {what}"),
    "undeliverable": Words(nl="Niet bezorgd: {what}", en="Not delivered: {what}"),
    "recalled": Words(nl="Verkeerd bezorgd: {what}", en="Delivered to the wrong company: {what}"),
    "not-theirs": Words(nl="Niet voor u: {what}", en="Not for you: {what}"),
    "answered": Words(nl="Antwoord van uw klant: {what}", en="Your customer answered: {what}"),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes into one mail."""

    notice_id: UUID
    kind: Kind
    data: InvoiceFact
    shown: Shown
    name: str
    address: str
    language: Language
    link: str
    repeat: bool = False


def write(letter: Letter, mail_from: str) -> EmailMessage:
    """The mail. Every writing of one notice has the same Message-ID, so a mail server or program can see
    that two are one. Raises ``ValueError`` for an address that is none."""
    message = envelope(f"notice.{letter.notice_id}", letter.address, subject(letter), mail_from)
    message["Postbode-Invoice"] = str(letter.data.invoice_id)
    if letter.repeat:
        message["Postbode-Repeat"] = "possible"
    return filled(message, text(letter), letter.language)


def envelope(mail_id: str, address: str, subject: str, mail_from: str) -> EmailMessage:
    """The header of any mail of ours. It says that a program wrote it, so that no program answers (RFC 3834 §5)."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Postbode <{mail_from}>"
    message["To"] = address
    message["Subject"] = subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{mail_id}@{mail_from.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    return message


def filled(message: EmailMessage, text: str, language: Language) -> EmailMessage:
    message.set_content(text, cte="quoted-printable")
    message["Content-Language"] = language
    return message


def subject(letter: Letter) -> str:
    words = _SUBJECTS[letter.kind]
    return said(words, letter.language).format(
        what=what(letter.kind, letter.shown, letter.language, short=True)
    )


def said(words: Words, language: Language) -> str:
    return words.nl if language == "nl" else words.en


def text(letter: Letter) -> str:
    """The body."""
    language, data = letter.language, letter.data
    findings = [f for f in getattr(data, "findings", ()) if f.severity == "fatal"][:MOST_FINDINGS]
    reason = getattr(data, "reason", None)
    received = isinstance(data, invoice.InvoiceReceived)
    if isinstance(data, invoice.InvoiceReceived):
        reason = receipt_of(data)
    if isinstance(data, invoice.InvoiceAnswered):
        reason = answered.words(data)
    return rendered(
        f"notice_{language}.txt",
        received=received,
        name=one_line(letter.name),
        kind=letter.kind,
        what=what(letter.kind, letter.shown, language),
        receiver=one_line(letter.shown.receiver or ""),
        reason=one_line(getattr(reason, language), 2000) if isinstance(reason, Words) else "",
        findings=[_finding(f, language) for f in findings],
        more=max(data.fatals - len(findings), 0) if isinstance(data, invoice.InvoiceRejected) else 0,
        link=letter.link,
        seller=one_line(letter.shown.sender or ""),
        numbers=", ".join(one_line(each, 60) for each in getattr(data, "not_theirs", ())[:_MOST_NUMBERS]),
        repeat=letter.repeat,
    )


def _finding(finding: Finding, language: Language) -> dict[str, Any]:
    return {
        "rule": one_line(finding.rule),
        "text": one_line(getattr(located(finding), language), 1000),
        "seen": one_line(finding.seen or ""),
        "expected": one_line(finding.expected or ""),
        "hint": one_line(getattr(finding.hint, language), 1000) if finding.hint else "",
    }


def rendered(template: str, **values: Any) -> str:
    return _templates.get_template(template).render(**values)


def receipt_of(data: invoice.InvoiceReceived) -> Words:
    """What proves that this very file was taken in."""
    ids = f"{data.submission_id}, SHA-256 {data.original.sha256}"
    return Words(nl=f"Inzending {ids}.", en=f"Submission {ids}.")


def what(kind: Kind, shown: Shown, language: Language, *, short: bool = False) -> str:
    """The invoice by what its sender knows it by."""
    dutch = language == "nl"
    file = one_line(shown.filename or "")
    if kind == "quarantined":
        if not file:
            return "een bijlage" if dutch else "an attachment"
        return f"het bestand „{file}”" if dutch else f"the file “{file}”"
    if not shown.number:
        if not file:
            return "factuur" if dutch else "invoice"
        return f"factuur „{file}”" if dutch else f"invoice “{file}”"
    named = f"{'factuur' if dutch else 'invoice'} {one_line(shown.number)}"
    if short:
        return named
    if shown.issue_date is not None:
        issued = shown.issue_date
        named += f" van {issued.day}-{issued.month}-{issued.year}" if dutch else f" of {issued.isoformat()}"
    if shown.receiver and kind != "undeliverable":
        named += f" {'voor' if dutch else 'to'} {one_line(shown.receiver)}"
    return named


def one_line(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Text of a stranger as one line of printable characters."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
