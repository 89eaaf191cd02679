"""What of an invoice is booked: the amounts its lines, allowances, charges, rounding and payments in advance make. Pure.

An entry's total is what the books then owe or are owed: the total with VAT (BT-112), less what was paid before (BT-113),
plus the rounding (BT-114). VAT is the invoice's own, by category and rate (BG-23), and is never reckoned anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from libs.einvoice.model import AllowanceCharge, Amount, Invoice, Line, VatBreakdown
from libs.einvoice.money import ZERO, cents, total

Of: TypeAlias = Literal["line", "allowance", "charge", "rounding", "prepaid"]


class Vat(NamedTuple):
    """Category (BT-118) and rate (BT-119, as a percentage without trailing zeros)."""

    category: str
    rate: Decimal


class Sum(NamedTuple):
    """One VAT category and rate of the invoice: BT-116 and BT-117."""

    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """One amount, without VAT, in the invoice's currency and sign; an allowance and what was paid before are negative.
    ``vat`` is None where there is none to speak of (rounding, paid before)."""

    of: Of
    net: Decimal
    vat: Vat | None
    label: str
    """What it is, in the invoice's own words."""
    searched: str
    """What rules look in: name, description, the seller's own number, the note."""
    line: int | None = None
    """Place in ``invoice.lines``, from 0."""


@dataclass(frozen=True, slots=True)
class Amounts:
    parts: tuple[Part, ...]
    sums: Mapping[Vat, Sum]
    total: Decimal
    """What the entry has to come to, in the invoice's sign."""


def of(invoice: Invoice) -> Amounts:
    """The amounts of an invoice; they need not add up (``entry`` sees to that)."""
    sums = _sums(invoice)
    parts = tuple(_parts(invoice, next(iter(sums)) if len(sums) == 1 else None))
    totals = invoice.totals
    gross = _value(totals.total_with_vat if totals else None)
    if totals is None or totals.total_with_vat is None:
        gross = cents(total(p.net for p in parts if p.vat is not None) + total(s.tax for s in sums.values()))
    return Amounts(parts, sums, gross + total(p.net for p in parts if p.vat is None))


def _sums(invoice: Invoice) -> dict[Vat, Sum]:
    found: dict[Vat, Sum] = {}
    for each in invoice.vat_breakdown:
        key, before = _of_breakdown(each), found.get(_of_breakdown(each), Sum(ZERO, ZERO))
        found[key] = Sum(before.net + _value(each.taxable_amount), before.tax + _value(each.tax_amount))
    return found


def _of_breakdown(each: VatBreakdown) -> Vat:
    return vat_of(each.category_code, each.rate)


def vat_of(category: str | None, rate: Decimal | None) -> Vat:
    """Older formats may leave out the category: a rate is then the standard one's, none is zero-rated."""
    said = rate or ZERO
    return Vat(category or ("S" if said else "Z"), said.normalize() if said else ZERO)


def _parts(invoice: Invoice, only: Vat | None) -> Iterator[Part]:
    """``only``: the one category and rate of the invoice, which is that of a line that says none."""
    for place, line in enumerate(invoice.lines):
        unsaid = line.vat_category_code is None and line.vat_rate is None
        vat = only if unsaid and only is not None else vat_of(line.vat_category_code, line.vat_rate)
        yield Part("line", _value(line.net_amount), vat, _label(line), _searched(line), place)
    for each in invoice.allowances:
        yield _adjustment("allowance", each, only, -_value(each.amount))
    for each in invoice.charges:
        yield _adjustment("charge", each, only, _value(each.amount))
    if invoice.totals is not None:
        rounding, paid = _value(invoice.totals.rounding_amount), _value(invoice.totals.paid_amount)
        if rounding:
            yield Part("rounding", rounding, None, "Afronding", "Afronding")
        if paid:
            yield Part("prepaid", -paid, None, "Vooruitbetaald", "Vooruitbetaald")


def _adjustment(of: Of, each: AllowanceCharge, only: Vat | None, net: Decimal) -> Part:
    unsaid = each.vat_category_code is None and each.vat_rate is None
    vat = only if unsaid and only is not None else vat_of(each.vat_category_code, each.vat_rate)
    label = each.reason or ("Korting" if of == "allowance" else "Toeslag")
    return Part(of, net, vat, label, label)


def _label(line: Line) -> str:
    name = line.item.name or line.item.description if line.item is not None else None
    return name or line.note or f"Regel {line.identifier or ''}".strip()


def _searched(line: Line) -> str:
    item = line.item
    said = (
        (item.name, item.description, item.sellers_identifier, item.buyers_identifier)
        if item is not None
        else ()
    )
    return "\n".join(text for text in (*said, line.note, line.buyer_accounting_reference) if text)


def _value(amount: Amount | None) -> Decimal:
    return ZERO if amount is None else amount.value
