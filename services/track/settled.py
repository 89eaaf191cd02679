"""What is paid of an invoice, in words. Pure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from libs.contracts.invoice import InvoicePaid, InvoiceReversed, PaymentFact
from libs.contracts.parts import Words

_SENDER = Words(nl="de afzender", en="the sender")
_MONTHS = (
    ("januari", "January"), ("februari", "February"), ("maart", "March"), ("april", "April"), ("mei", "May"),
    ("juni", "June"), ("juli", "July"), ("augustus", "August"), ("september", "September"), ("oktober", "October"),
    ("november", "November"), ("december", "December"),
)  # fmt: skip


def paid(data: InvoicePaid) -> Words:
    """That an invoice is paid, or a part of it, by whose word."""
    who, when, due = _who(data), _when(data.paid_on), data.open or Decimal(0)
    much, left = _money(data.paid, data.currency), _money(due, data.currency)
    if data.in_part:
        return Words(
            nl=f"{who.nl} is van de factuur {much.nl} betaald{when.nl}; {left.nl} staat nog open.",
            en=f"{who.en}, {much.en} of the invoice is paid{when.en}; {left.en} is still open.",
        )
    nl = f"{who.nl} is de factuur betaald{when.nl}"
    en = f"{who.en}, the invoice is paid{when.en}"
    if data.paid is not None:
        nl, en = f"{nl}: {much.nl}", f"{en}: {much.en}"
    if due:
        over = _money(abs(due), data.currency)
        nl, en = f"{nl}, {over.nl} te veel", f"{en}, {over.en} too much"
    return Words(nl=f"{nl}.", en=f"{en}.")


def undone(data: InvoiceReversed) -> Words:
    """That a payment was reversed, by whose word."""
    who, when = _who(data), _when(data.paid_on)
    left = _money(data.open, data.currency)
    nl, en = f"{left.nl} staat weer open", f"{left.en} is open again"
    if data.open is None:
        nl, en = "de factuur staat weer open", "the invoice is open again"
    return Words(
        nl=f"{who.nl} is een betaling teruggedraaid{when.nl}: {nl}.",
        en=f"{who.en}, a payment was undone{when.en}: {en}.",
    )


def _who(data: PaymentFact) -> Words:
    own = Words(nl=data.receiver_name, en=data.receiver_name)
    name = own if data.by == "receiver" else _SENDER
    if data.source == "hand":
        return Words(nl=f"Volgens {name.nl}", en=f"According to {name.en}")
    if data.source == "file":
        return Words(nl=f"Volgens de bank van {name.nl}", en=f"According to the bank of {name.en}")
    return Words(nl=f"Volgens de boeken van {name.nl}", en=f"According to the books of {name.en}")


def _when(day: date | None) -> Words:
    if day is None:
        return Words(nl="", en="")
    nl, en = (f"{day.day} {month} {day.year}" for month in _MONTHS[day.month - 1])
    return Words(nl=f" op {nl}", en=f" on {en}")


def _money(amount: Decimal | None, currency: str | None) -> Words:
    if amount is None:
        return Words(nl="een deel", en="a part")
    en = f"{amount:,.2f}"
    nl = en.translate(str.maketrans(",.", ".,"))
    unit = currency or ""
    return Words(nl=f"{unit} {nl}".strip(), en=f"{unit} {en}".strip())
