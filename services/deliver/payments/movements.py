"""SQL of what was paid: movements are kept, and each becomes one fact.

An invoice may be told of by both its parties at once, so all its deliveries are locked before its facts are counted, as
with answers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, TypeAlias
from uuid import UUID

from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoicePaid, InvoiceReversed, PaymentFact
from libs.db.types import Connection, Pool
from libs.telemetry.tracing import inherit
from services.deliver import SOURCE
from services.deliver.payments.matching import Side, Told

Source: TypeAlias = Literal["hand", "file", "exact_online"]


@dataclass(frozen=True, slots=True)
class Movement:
    """What somebody says was paid of an invoice. Either ``amount`` (more, or below zero less, than before) or ``total``
    (what is paid by now in all); in the invoice's currency."""

    delivery_id: UUID
    side: Side
    source: Source
    evidence: str
    by: tuple[UUID, UUID | None]
    """Account and user."""
    amount: Decimal | None = None
    total: Decimal | None = None
    paid_on: date | None = None
    entry: str | None = None
    """Line of a statement; it counts once for an account and invoice."""


@dataclass(frozen=True, slots=True)
class Recorded:
    events: Sequence[Event]
    left: Sequence[Movement]
    """What does not fit what is known by now: it would leave more paid than due, or less than nothing."""


_LOCK = """
SELECT d.delivery_id, d.invoice_id, d.account_id, d.channel, d.receiver_id, d.receiver_name, d.correlation, d.traceparent,
       p.body #>> '{summary,payable}' AS payable, p.body #>> '{summary,currency}' AS currency
  FROM delivery d JOIN parcel p USING (delivery_id)
 WHERE d.invoice_id IN (SELECT invoice_id FROM delivery WHERE delivery_id = ANY ($1::uuid[]))
 ORDER BY d.delivery_id FOR NO KEY UPDATE OF d
"""
_STAND = """
SELECT invoice_id, side, max(sequence) AS sequence, (array_agg(paid ORDER BY sequence DESC))[1] AS paid FROM payment
 WHERE invoice_id = ANY ($1::uuid[]) GROUP BY invoice_id, side
"""
_KNOWN = """
SELECT by_account, entry, invoice_id FROM payment WHERE by_account = ANY ($1::uuid[]) AND entry = ANY ($2::text[])
"""
_INSERT = """
INSERT INTO payment (invoice_id, sequence, delivery_id, account_id, side, source, amount, paid, open, currency, paid_on,
                     evidence, entry, by_account, by_user)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::numeric[], $8::numeric[],
                     $9::numeric[], $10::text[], $11::date[], $12::text[], $13::text[], $14::uuid[], $15::uuid[])
"""


def due(paid: Decimal, payable: Decimal) -> bool:
    """Whether that much may be paid of it: nothing, all, or anything between."""
    return min(payable, Decimal(0)) <= paid <= max(payable, Decimal(0))


async def record(conn: Connection, movements: Sequence[Movement]) -> Recorded:
    """Keep these, in their order. Returns the facts to emit; what changes nothing, and lines that are known, make none.
    Needs the worker role and a transaction."""
    if not movements:
        return Recorded((), ())
    locked = await conn.fetch(_LOCK, [m.delivery_id for m in movements])
    rows = {row["delivery_id"]: dict(row.items()) for row in locked}
    invoices = list({row["invoice_id"] for row in rows.values()})
    counts: dict[UUID, int] = {}
    paid: dict[tuple[UUID, str], Decimal] = {}
    for row in await conn.fetch(_STAND, invoices):
        counts[row["invoice_id"]] = max(counts.get(row["invoice_id"], 0), row["sequence"])
        paid[row["invoice_id"], row["side"]] = row["paid"]
    entries = {(m.by[0], m.entry) for m in movements if m.entry is not None}
    known = {
        (row["by_account"], row["entry"], row["invoice_id"])
        for row in await conn.fetch(_KNOWN, [by for by, _ in entries], [entry for _, entry in entries])
    }
    kept: list[tuple[Any, ...]] = []
    events: list[Event] = []
    left: list[Movement] = []
    for movement in movements:
        about = rows[movement.delivery_id]
        invoice = about["invoice_id"]
        if (movement.by[0], movement.entry, invoice) in known:
            continue
        before = paid.get((invoice, movement.side), Decimal(0))
        payable = Decimal(about["payable"])
        after = movement.total if movement.total is not None else before + (movement.amount or 0)
        if after == before:
            continue
        if movement.source != "exact_online" and not due(after, payable):
            left.append(movement)
            continue
        counts[invoice] = counts.get(invoice, 0) + 1
        paid[invoice, movement.side] = after
        open_ = payable - after
        kept.append(
            (
                invoice, counts[invoice], about["delivery_id"], about["account_id"], movement.side, movement.source,
                after - before, after, open_, about["currency"], movement.paid_on, movement.evidence, movement.entry,
                *movement.by,
            )
        )  # fmt: skip
        events.append(_fact(about, movement, counts[invoice], before, after, open_))
    if kept:
        await conn.execute(_INSERT, *(list(column) for column in zip(*kept, strict=True)))
    return Recorded(events, left)


def _fact(
    row: Mapping[str, Any], movement: Movement, sequence: int, before: Decimal, after: Decimal, open_: Decimal
) -> Event:
    undone = abs(after) < abs(before) and open_ * (after + open_) > 0
    kind: type[PaymentFact] = InvoiceReversed if undone else InvoicePaid
    names = ("invoice_id", "account_id", "delivery_id", "channel", "receiver_id", "receiver_name")
    data = kind(
        **{name: row[name] for name in names},
        sequence=sequence,
        evidence=movement.evidence,
        by=movement.side,
        source=movement.source,
        paid=after,
        open=open_,
        currency=row["currency"],
        paid_on=movement.paid_on,
    )
    trace = row["traceparent"]
    return new_event(
        data,
        source=SOURCE,
        account=row["account_id"],
        correlation_id=row["correlation"],
        traceparent=inherit(trace) or trace,
    )


_HISTORY = """
SELECT sequence, side, source, amount, paid, open, currency, paid_on, evidence, told_at FROM payment
 WHERE invoice_id = $1 ORDER BY sequence
"""


async def history(conn: Connection | Pool, invoice_id: UUID) -> list[dict[str, Any]]:
    """All that was told of an invoice, in order."""
    return [dict(row.items()) for row in await conn.fetch(_HISTORY, invoice_id)]


_TAKEN = "SELECT DISTINCT entry FROM payment WHERE by_account = $1 AND entry = ANY ($2::text[])"


async def taken(conn: Connection | Pool, account_id: UUID, entries: Collection[str]) -> set[str]:
    """Those of these lines that this account's statements brought before."""
    return {row["entry"] for row in await conn.fetch(_TAKEN, account_id, list(entries))}


_TOLD = """
SELECT invoice_id, side, amount, paid_on FROM payment
 WHERE by_account = $1 AND entry IS NOT NULL AND paid_on = ANY ($2::date[])
"""


async def told(conn: Connection | Pool, account_id: UUID, days: Collection[date]) -> set[Told]:
    """What this account's statements said of these days before."""
    return {
        (row["invoice_id"], row["side"], row["amount"], row["paid_on"])
        for row in await conn.fetch(_TOLD, account_id, list(days))
    }
