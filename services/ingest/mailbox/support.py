"""Mail to support that the hub itself answers: requests for a key (R17), and invoices that went astray (R64). Pure.

Everything is answered in the dialogue, so the sender's own mail server tells it: no mail of ours goes to an address that
anybody may have written into From.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parseaddr
from typing import Literal

from libs.contracts.parts import Words
from services.ingest.mailbox import mail
from services.ingest.uploads import names, zipped
from services.ingest.uploads.part import Part

SUBJECT = "aanvraag exact globe emailsleutel"

INVOICE = Words(
    nl="Facturen aan dit adres bereiken uw klant niet en worden niet doorgestuurd: mail ze naar uw eigen sleuteladres "
    "(Mijn Bedrijf, Bedrijfsgegevens, Uw upload emailadres).",
    en="Invoices mailed here do not reach your customer and are not forwarded: mail them to your own key address "
    "(My company, company data, your upload e-mail address).",
)
ASKED = Words(
    nl="Is het afzenderadres bij ons geregistreerd, dan gaat de sleutel daarheen.",
    en="If the sender's address is registered with us, the key is mailed to it.",
)
OTHER = Words(
    nl="Dit adres beantwoordt alleen mails met als onderwerp: aanvraag Exact Globe emailsleutel.",
    en="This address answers only mails with the subject: aanvraag Exact Globe emailsleutel.",
)
OFTEN = Words(
    nl="Dit is te vaak gevraagd: het wordt later opnieuw geprobeerd.",
    en="This was asked too often: it is tried again later.",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a mail to support is, and who it says it is from (not believed: only who is registered is answered)."""

    what: Literal["key", "invoice", "other"]
    sender: str | None = None


def read(raw: bytes) -> Asked:
    """What is inside a mail never makes it raise."""
    try:
        found = mail.read(raw)
    except mail.UnreadableMail:
        return Asked("other")
    parts = zipped.opened(found.parts).parts
    if any(_like_an_invoice(part) for part in parts):
        return Asked("invoice")
    if mail.automatic(raw) or found.report or SUBJECT not in _folded(found.subject):
        return Asked("other")
    _, address = parseaddr(found.evidence.header_from or "")
    return Asked("key", address.lower() if "@" in address else None)


def said(code: str, status: str, words: Words, more: str = "") -> str:
    """An answer in both languages (RFC 5321 §4.2.1: several lines)."""
    return f"{code}-{status} {words.en}{more}\r\n{code} {status} {words.nl}{more}"


def _like_an_invoice(part: Part) -> bool:
    return part.is_pdf or part.claims_xml


def _folded(subject: str) -> str:
    return " ".join(names.decoded(subject).casefold().split())
