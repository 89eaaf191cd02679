"""What was booked against what was sent, field by field: the read-back proof. Pure.

Exact gives days as ``/Date(ms)/``, amounts as numbers, codes padded with blanks, and the header's amount with VAT. A field
that was not sent is not compared: the books may well fill it in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from libs.contracts.parts import Words
from libs.einvoice import extra_fields
from services.deliver.exact.kinds import Kind

HEADER = ("EntryID", "EntryNumber", "Status", "AmountFC")
"""What is read back beside what was sent."""
_DATE = re.compile(r"/Date\((-?[0-9]{1,15})\)/")
_DAYS = frozenset({"EntryDate", "DueDate", "From", "To"})
_AMOUNTS = frozenset(
    {"AmountFC", "VATAmountFC", "StatisticalValue", "StatisticalQuantity", "StatisticalNetWeight", "Rate"}
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES: Mapping[str, Words] = {
    "Supplier": Words(nl="leverancier", en="supplier"),
    "Customer": Words(nl="klant", en="customer"),
    "Journal": Words(nl="dagboek", en="journal"),
    "Type": Words(nl="soort boeking", en="type of entry"),
    "Description": Words(nl="omschrijving", en="description"),
    "EntryDate": Words(nl="datum", en="date"),
    "DueDate": Words(nl="vervaldatum", en="due date"),
    "Currency": Words(nl="valuta", en="currency"),
    "Document": Words(nl="document", en="document"),
    "AmountFC": Words(nl="bedrag", en="amount"),
    "VATAmountFC": Words(nl="btw-bedrag", en="VAT amount"),
    "GLAccount": Words(nl="grootboekrekening", en="G/L account"),
    "VATCode": Words(nl="btw-code", en="VAT code"),
    "CostCenter": Words(nl="kostenplaats", en="cost centre"),
    "CostUnit": Words(nl="kostendrager", en="cost unit"),
    **{each.name: each.words for each in extra_fields.ALL},
}


class Difference(NamedTuple):
    """One field that stands in the books otherwise than it was sent. ``line`` counts from 1; None: the header."""

    field: str
    line: int | None
    sent: str
    booked: str | None

    @property
    def words(self) -> Words:
        name = _NAMES.get(self.field, Words(nl=self.field, en=self.field))
        at = (f" van regel {self.line}", f" of line {self.line}") if self.line is not None else ("", "")
        nothing = self.booked is None
        return Words(
            nl=f"{name.nl}{at[0]} ({self.field}): gestuurd “{self.sent}”, geboekt "
            + ("niets" if nothing else f"“{self.booked}”"),
            en=f"{name.en}{at[1]} ({self.field}): sent “{self.sent}”, booked "
            + ("nothing" if nothing else f"“{self.booked}”"),
        )


def asked(kind: Kind, body: Mapping[str, Any]) -> dict[str, str]:
    """The query that reads back all that was sent: ``$select`` and ``$expand``."""
    header = [name for name in body if name != kind.lines]
    lines = sorted({name for line in body[kind.lines] for name in line} | {"AmountFC", "VATAmountFC"})
    select = [
        *dict.fromkeys((*HEADER, *header)),
        *(f"{kind.lines}/{name}" for name in (*lines, "LineNumber")),
    ]
    return {"$select": ",".join(select), "$expand": kind.lines}


def differences(
    kind: Kind, body: Mapping[str, Any], booked: Mapping[str, Any], total: Decimal | None = None
) -> tuple[Difference, ...]:
    """``body`` as it was sent; ``booked`` as it was read back with ``asked``. ``total``: what the entry had to come to, as
    it was sent (a credit note's is negative)."""
    found = [
        difference
        for name, sent in body.items()
        if name != kind.lines and (difference := _difference(name, None, sent, booked.get(name))) is not None
    ]
    if total is not None and (of_total := _difference("AmountFC", None, total, booked.get("AmountFC"))):
        found.append(of_total)
    theirs = rows(booked.get(kind.lines))
    for place, sent_line in enumerate(body[kind.lines]):
        line = theirs[place] if place < len(theirs) else {}
        found += [
            difference
            for name, sent in sent_line.items()
            if (difference := _difference(name, place + 1, sent, line.get(name))) is not None
        ]
    found += [
        Difference("AmountFC", place + 1, "–", _shown("AmountFC", theirs[place].get("AmountFC")))
        for place in range(len(body[kind.lines]), len(theirs))
    ]
    return tuple(found)


def rows(lines: Any) -> list[Mapping[str, Any]]:
    """The lines of an entry that was read with ``$expand``, in their order."""
    found = lines.get("results", []) if isinstance(lines, Mapping) else lines
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return sorted(
        (row for row in found if isinstance(row, Mapping)), key=lambda row: row.get("LineNumber") or 0
    )


def told(found: Sequence[Difference], most: int = 5) -> Words:
    """As people read it, in one sentence each."""
    more = len(found) - most
    return Words(
        nl="; ".join(each.words.nl for each in found[:most]) + (f"; en nog {more}" if more > 0 else ""),
        en="; ".join(each.words.en for each in found[:most]) + (f"; and {more} more" if more > 0 else ""),
    )


def _difference(name: str, line: int | None, sent: Any, booked: Any) -> Difference | None:
    mine, theirs = _shown(name, sent), _shown(name, booked)
    return None if mine == theirs or mine is None else Difference(name, line, mine, theirs)


def _shown(name: str, value: Any) -> str | None:
    """A value in one form, whichever side it comes from; None for nothing."""
    if value is None or value == "":
        return None
    if name in _DAYS:
        return _day(str(value))
    if name in _AMOUNTS:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return str(value)
        return f"{number.normalize():f}" if number else "0"
    # Ids come in either case, codes with blanks around them.
    said = str(value).strip()
    return (
        said.lower() if name in ("Supplier", "Customer", "GLAccount", "Document", "TrackingNumber") else said
    )


def _day(value: str) -> str:
    found = _DATE.fullmatch(value)
    if found is None:
        return value[:10]
    return (_EPOCH + timedelta(milliseconds=int(found[1]))).date().isoformat()
