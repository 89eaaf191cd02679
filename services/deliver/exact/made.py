"""From an invoice and what its books want to the entry that is sent, in one call. Pure.

::

    invoice ─▶ amounts ─▶ coding (rules, chart) ─┬─▶ entry: the body of the POST
   given  └──▶ values (matching) ────────────────┘
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from libs.einvoice.model import Invoice
from services.deliver.exact import amounts, coding, entry, values
from services.deliver.exact.chart import Chart
from services.deliver.exact.fields import Matching
from services.deliver.exact.kinds import Kind
from services.deliver.exact.rules import Rules
from services.deliver.parcel import Parked


@dataclass(frozen=True, slots=True)
class Made:
    """``total``: what the entry has to come to in the books, as it is sent (a credit note's is negative)."""

    body: dict[str, Any]
    total: Decimal


def make(
    kind: Kind,
    invoice: Invoice,
    rules: Rules,
    matching: Matching,
    chart: Chart,
    *,
    given: Mapping[str, str],
    party: str,
    document: str | None = None,
) -> Made | Parked:
    """``given``: extra fields that its sender said beside it; ``party``: the account's id at Exact; ``document``: of the
    document it belongs to. The first thing that is missing or wrong parks it."""
    found = amounts.of(invoice)
    coded = coding.code(kind, invoice, found.parts, rules, chart)
    if isinstance(coded, Parked):
        return coded
    extra = values.read(matching, invoice, given)
    if isinstance(extra, Parked):
        return extra
    body = entry.make(kind, invoice, found, coded, extra, party=party, document=document)
    if isinstance(body, Parked):
        return body
    return Made(body, found.total * (entry.CREDIT if invoice.is_credit_note else 1))
