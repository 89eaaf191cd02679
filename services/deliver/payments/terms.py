"""Payment terms as Exact Online has them (``sync/Cashflow/PaymentTerms``, exact.md §3.5), and what they say is paid.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import structlog

from services.deliver.exact import wire

ENDPOINT = "sync/Cashflow/PaymentTerms"
_log = structlog.get_logger(__name__)
SELECT = "ID,TransactionEntryID,IsFullyPaid,LastPaymentDate,AmountFC,Timestamp"


@dataclass(frozen=True, slots=True)
class Term:
    """A part of what is to be paid of an entry: all of it, unless it was paid in parts."""

    term: str
    entry: str
    amount: Decimal
    """With the sign that the entry has there."""
    paid: bool
    paid_on: date | None
    stamp: int


def read(row: Mapping[str, Any]) -> Term:
    """A row of the endpoint. Raises ``ValueError`` for one that is no term."""
    day = wire.moment(row.get("LastPaymentDate"))
    try:
        return Term(
            term=str(row["ID"]),
            entry=str(row["TransactionEntryID"] or "").lower(),
            amount=Decimal(str(row["AmountFC"])),
            paid=row["IsFullyPaid"] is True,
            paid_on=day.date() if day else None,
            stamp=int(row["Timestamp"]),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation) as strange:
        raise ValueError(f"no payment term: {strange!r}") from strange


def known(rows: Iterable[Mapping[str, Any]]) -> list[Term]:
    """Those of a page that are terms. One that is none must not keep all behind it from being read; where it is of an entry
    of the hub, that one's terms do not add up, and nothing is told of it."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except ValueError as strange:
            _log.warning("a strange payment term is left out", error=str(strange))
    return found


@dataclass(frozen=True, slots=True)
class Stand:
    """What is paid of an invoice by its entry's terms."""

    paid: Decimal
    paid_on: date | None


def stand(terms: Iterable[Mapping[str, Any]], payable: Decimal, total: Decimal | None) -> Stand | None:
    """What all terms of one entry say; None while some of them are not known yet: they add up to less than ``total``, what
    was booked. What was paid before the invoice was made is in no term of it that is open, so what is open counts, and
    not what is paid."""
    rows = list(terms)
    known = sum((abs(row["amount"]) for row in rows), Decimal(0))
    if not rows or (total is not None and known < abs(total)):
        return None
    left = sum((abs(row["amount"]) for row in rows if not row["paid"]), Decimal(0))
    open_ = min(left, abs(payable))
    days = [row["paid_on"] for row in rows if row["paid"] and row["paid_on"] is not None]
    sign = -1 if payable < 0 else 1
    return Stand(sign * (abs(payable) - open_), max(days, default=None))
