"""An invoice as the JSON of a purchase or sales entry. Pure.

Amounts with the same account, VAT code and cost centre are one line, unless a line of the invoice has extra fields of
its own. VAT is the invoice's, to the cent: where Exact Online would reckon another amount from a line, or might round it
either way, the line says it (``VATAmountFC``). With a VAT code that is inclusive the line's amount holds its VAT. What does
not come to the invoice's own total is not booked.

Inferences (docs/exact-online.md): a credit note's amounts are negative; without ``Rate`` Exact takes its own of the day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from libs.contracts.parts import Words
from libs.einvoice import extra_fields
from libs.einvoice.model import Invoice
from libs.einvoice.money import ZERO, plain, total
from services.deliver.exact import fields
from services.deliver.exact.amounts import Amounts, Sum, Vat
from services.deliver.exact.chart import VatCode
from services.deliver.exact.coding import Coded, CodedPart
from services.deliver.exact.kinds import Kind
from services.deliver.exact.values import Extra
from services.deliver.parcel import Parked

REFERENCE, LABEL = 30, 60
"""Characters of ``YourRef`` and of a description."""
VAT_TOLERANCE = Decimal("1.00")
"""How far a line's VAT may be from what its code makes of it (inference, as the simulator has it)."""
_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)
CREDIT = -1
"""Which way a credit note's amounts go (inference)."""


def make(
    kind: Kind,
    invoice: Invoice,
    amounts: Amounts,
    coded: Coded,
    extra: Extra,
    *,
    party: str,
    document: str | None = None,
) -> dict[str, Any] | Parked:
    """The body of a POST. ``party``: the account's id at Exact; ``document``: that of the document it belongs to.
    Amounts are text with two decimals; references to tracking numbers still hold what the invoice says (``tracked``)."""
    rows = [row for group in _groups(coded.parts, extra) for row in group]
    trouble = _settle(rows, amounts)
    if trouble is not None:
        return trouble
    sign = CREDIT if invoice.is_credit_note else 1
    body: dict[str, Any] = {
        kind.party: party,
        "Journal": coded.journal,
        "Type": kind.credit_type if invoice.is_credit_note else kind.invoice_type,
        "YourRef": reference(invoice.number or ""),
        "Description": _description(kind, invoice),
        "EntryDate": _day(invoice.issue_date),
        "DueDate": _day(invoice.payment_due_date),
        "PaymentReference": _payment_reference(invoice),
        "Currency": invoice.currency_code,
        "Document": document,
        **extra.header,
        kind.lines: [_line(row, extra, sign) for row in rows],
    }
    return {name: value for name, value in body.items() if value is not None}


def reference(number: str) -> str:
    """An invoice number as ``YourRef``: as it is, or its end with a mark of the whole, so that two long ones stay two."""
    if len(number) <= REFERENCE:
        return number
    mark = hashlib.sha256(number.encode()).hexdigest()[:8]
    return f"{number[-(REFERENCE - 9) :]}~{mark}"


def sought(kind: Kind, body: Mapping[str, Any]) -> str:
    """The ``$filter`` that finds an entry which may have been booked already."""
    your_ref = str(body["YourRef"]).replace("'", "''")
    return f"YourRef eq '{your_ref}' and {kind.party} eq guid'{body[kind.party]}'"


def tracked(kind: Kind, body: Mapping[str, Any]) -> frozenset[str]:
    """The tracking numbers a body names: Exact wants their ids."""
    return frozenset(line["TrackingNumber"] for line in body[kind.lines] if "TrackingNumber" in line)


def with_tracking(kind: Kind, body: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """With the ids of these numbers instead of them."""
    lines = [
        {**line, "TrackingNumber": ids[line["TrackingNumber"]]} if "TrackingNumber" in line else line
        for line in body[kind.lines]
    ]
    return {**body, kind.lines: lines}


@dataclass(slots=True)
class _Row:
    """One line of the entry while it is made. ``net`` and ``tax`` in the invoice's sign."""

    parts: list[CodedPart]
    net: Decimal = ZERO
    tax: Decimal = ZERO

    @property
    def vat(self) -> Vat | None:
        return self.parts[0].part.vat

    @property
    def code(self) -> VatCode | None:
        return self.parts[0].vat_code

    @property
    def reckoned(self) -> Decimal:
        """The VAT that its code makes of its amount, unrounded."""
        if self.code is None:
            return ZERO
        if self.code.inclusive:
            percentage = self.code.percentage
            return (self.net + self.tax) * percentage / (_HUNDRED + percentage)
        return self.net * self.code.percentage / _HUNDRED


def _groups(parts: Sequence[CodedPart], extra: Extra) -> Iterable[list[_Row]]:
    """Rows by category and rate, in the order of the invoice."""
    groups: dict[Vat | None, dict[object, _Row]] = {}
    for number, each in enumerate(parts):
        key: object = (each.account.id, each.vat_code, each.cost_center, each.cost_unit)
        if extra.own(each.part.line):
            key = number
        groups.setdefault(each.part.vat, {}).setdefault(key, _Row([])).parts.append(each)
    return [list(rows.values()) for rows in groups.values()]


def _settle(rows: Sequence[_Row], amounts: Amounts) -> Parked | None:
    """Give every row its amount and its VAT, so that each rate and the whole come to what the invoice says."""
    by_rate: dict[Vat, list[_Row]] = {}
    for row in rows:
        row.net = _cents(total(each.part.net for each in row.parts))
        if row.vat is not None:
            by_rate.setdefault(row.vat, []).append(row)
    for vat, some in by_rate.items():
        told = amounts.sums.get(vat)
        if told is not None:
            _to(some, told)
        else:
            _to(some, Sum(total(row.net for row in some), ZERO))
    made = total(row.net + row.tax for row in rows)
    if made != amounts.total:
        return _other_total(made, amounts.total)
    return next((_other_vat(row) for row in rows if abs(row.tax - row.reckoned) > VAT_TOLERANCE), None)


def _to(rows: Sequence[_Row], told: Sum) -> None:
    """Cents that rounding left over go to the largest row. An older invoice's lines may have more than two decimals."""
    largest = max(rows, key=lambda row: abs(row.net))
    left = told.net - total(row.net for row in rows)
    if abs(left) <= _CENT * sum(len(row.parts) for row in rows):
        largest.net += left
    for row in rows:
        row.tax = _cents(row.net * (row.vat.rate if row.vat else ZERO) / _HUNDRED)
    largest.tax += told.tax - total(row.tax for row in rows)


def _line(row: _Row, extra: Extra, sign: int) -> dict[str, Any]:
    first = row.parts[0]
    amount = row.net + row.tax if row.code is not None and row.code.inclusive else row.net
    line: dict[str, Any] = {
        "AmountFC": plain(amount * sign),
        "GLAccount": first.account.id,
        "Description": _label(row),
        **extra.of_line(first.part.line),
    }
    if row.code is not None:
        line["VATCode"] = row.code.code
        if _deviates(row):
            line["VATAmountFC"] = plain(row.tax * sign)
    if first.cost_center is not None:
        line["CostCenter"] = first.cost_center
    if first.cost_unit is not None:
        line["CostUnit"] = first.cost_unit
    return line


def _deviates(row: _Row) -> bool:
    """Whether Exact would not surely make the same of it: a half cent goes up or down, nobody says which."""
    return abs(row.reckoned - row.tax) >= _CENT / 2


def _label(row: _Row) -> str:
    first = " ".join(row.parts[0].part.label.split())
    more = f" (+ {len(row.parts) - 1})" if len(row.parts) > 1 else ""
    return first[: LABEL - len(more)] + more


def _description(kind: Kind, invoice: Invoice) -> str:
    """Begins with the whole number, if it is not longer than that: ``YourRef`` may have been given another meaning."""
    party = kind.other(invoice)
    name = (party.name or "") if party is not None else ""
    return " ".join(f"{invoice.number or ''} {name}".split())[:LABEL].strip()


def _payment_reference(invoice: Invoice) -> str | None:
    """BT-83, what the payment has to name; half of one is worth nothing."""
    for each in invoice.payment_instructions:
        said = each.remittance_information
        if said and extra_fields.BY_NAME["PaymentReference"].read(said):
            return said
    return None


def _day(day: date | None) -> str | None:
    return None if day is None else fields.as_sent(day)


def _cents(value: Decimal) -> Decimal:
    return value.quantize(_CENT, ROUND_HALF_UP)


def _other_vat(row: _Row) -> Parked:
    label = row.parts[0].part.label[:40]
    code = row.code.code if row.code is not None else ""
    return Parked(
        "exact-other-vat",
        Words(
            nl=f"Niet geboekt. De factuur rekent {plain(row.tax)} btw over “{label}”, en btw-code {code} maakt daar "
            f"{plain(_cents(row.reckoned))} van. Vraag de leverancier om een verbeterde factuur, of boek haar met de hand.",
            en=f"Not booked. The invoice charges {plain(row.tax)} VAT on “{label}”, and VAT code {code} makes that "
            f"{plain(_cents(row.reckoned))}. Ask the supplier for a corrected invoice, or book it by hand.",
        ),
    )


def _other_total(made: Decimal, wanted: Decimal) -> Parked:
    return Parked(
        "exact-other-total",
        Words(
            nl=f"Niet geboekt. De regels van de factuur komen op {plain(made)} en haar totaal is {plain(wanted)}. Vraag de "
            "leverancier om een verbeterde factuur, of boek haar met de hand.",
            en=f"Not booked. The lines of the invoice come to {plain(made)} and its total is {plain(wanted)}. Ask the "
            "supplier for a corrected invoice, or book it by hand.",
        ),
    )
