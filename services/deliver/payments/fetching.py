"""SQL of reading what is paid from Exact Online: what is due, how far it is, what it brought.

A page of terms is kept in one transaction with the Timestamp it ends at; what an entry's terms say together is told once
all pages were read, so that an entry whose terms stand on two pages is never told of by half. A worker that dies in
between leaves terms that are not told yet, and the next one tells them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.db.types import Connection, Pool
from libs.messaging import outbox
from services.deliver.payments import movements, sources
from services.deliver.payments.movements import Movement
from services.deliver.payments.terms import Term, stand

LEASE = timedelta(minutes=5)
MOST = 500
"""Entries told in one transaction."""

# Whoever chose Exact Online, for each link that works; and what is of no use any more is forgotten.
_ENTER = """
INSERT INTO payment_fetch (link_id, account_id, due_at)
SELECT l.link_id, l.account_id, CASE s.way WHEN 'automatic' THEN now() ELSE 'infinity'::timestamptz END
  FROM payment_source s JOIN exact_link l USING (account_id) JOIN exact_grant g USING (grant_id)
 WHERE s.source = 'exact_online' AND s.way <> 'file' AND l.ended_at IS NULL AND l.division IS NOT NULL AND g.state = 'live'
ON CONFLICT DO NOTHING
"""
# An entry counts as the hub's once its booking is written down. Where one was under way, the next reading begins with what
# this one read already.
_UNDER_WAY = """
EXISTS (SELECT FROM exact_booking b JOIN exact_link l USING (link_id)
         WHERE l.account_id = f.account_id AND (b.entry IS NULL AND b.doing IS NOT NULL{more}))
"""
# While it is read it is not due: who asks meanwhile makes it so, and it is read once more. In another division the
# Timestamps are others, and reading begins with the first.
_CLAIM = f"""
WITH due AS MATERIALIZED (
    SELECT p.link_id, l.division, p.division IS DISTINCT FROM l.division AS elsewhere,
           p.unfinished AND p.division = l.division AS on_its_way
      FROM payment_fetch p JOIN payment_source s USING (account_id) JOIN exact_link l USING (link_id)
     WHERE (p.lease_until < now() OR p.lease_until IS NULL AND p.due_at <= now()) AND l.ended_at IS NULL
       AND s.source = 'exact_online' AND s.way <> 'file' AND l.division IS NOT NULL
     ORDER BY p.due_at LIMIT 1 FOR UPDATE OF p SKIP LOCKED
)
UPDATE payment_fetch f
   SET run = run + 1, due_at = 'infinity', lease_until = now() + $1::interval, unfinished = true,
       division = due.division,
       low = CASE WHEN elsewhere THEN 0 ELSE low END,
       middle = CASE WHEN elsewhere THEN 0 ELSE middle END,
       high = CASE WHEN elsewhere THEN 0 WHEN unfinished THEN high ELSE low END,
       started_at = CASE WHEN on_its_way THEN started_at ELSE now() END,
       calm = CASE WHEN on_its_way THEN calm ELSE NOT {_UNDER_WAY.format(more="")} END
  FROM due WHERE f.link_id = due.link_id
RETURNING f.link_id, account_id, f.division, run, high
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Reading:
    link_id: UUID
    account_id: UUID
    division: int
    run: int
    high: int


async def claim(pool: Pool) -> Reading | None:
    """A link whose terms are to be read, for ``LEASE``."""
    await pool.execute(_ENTER)
    row = await pool.fetchrow(_CLAIM, LEASE)
    return Reading(**row) if row else None


_KEEP = """
INSERT INTO payment_term AS t (link_id, term, booking, amount, paid, paid_on, stamp)
SELECT $1, said.term, b.delivery_id, said.amount, said.paid, said.paid_on, said.stamp
  FROM unnest($3::text[], $4::text[], $5::numeric[], $6::boolean[], $7::date[], $8::bigint[])
       AS said (term, entry, amount, paid, paid_on, stamp)
  JOIN exact_booking b ON b.division = $2 AND b.entry = said.entry
  JOIN exact_link booked ON booked.link_id = b.link_id
  JOIN exact_link reading ON reading.link_id = $1 AND reading.account_id = booked.account_id
ON CONFLICT (link_id, term) DO UPDATE
   SET amount = EXCLUDED.amount, paid = EXCLUDED.paid, paid_on = EXCLUDED.paid_on, stamp = EXCLUDED.stamp, told = false
 WHERE t.stamp < EXCLUDED.stamp
"""
_HELD = """
UPDATE payment_fetch SET high = greatest(high, $3), lease_until = now() + $4::interval
 WHERE link_id = $1 AND run = $2 RETURNING true
"""


async def keep(pool: Pool, reading: Reading, page: Sequence[Term]) -> bool:
    """A page: terms of what the hub booked for this account, and how far that is. False: somebody else reads by now."""
    # Of two rows of one term the newer counts.
    newest = {term.term: term for term in sorted(page, key=lambda term: term.stamp)}
    rows = list(newest.values())
    high = max((term.stamp for term in rows), default=reading.high)
    async with pool.acquire() as conn, conn.transaction():
        if not await conn.fetchval(_HELD, reading.link_id, reading.run, high, LEASE):
            return False
        await conn.execute(
            _KEEP,
            reading.link_id,
            reading.division,
            [term.term for term in rows],
            [term.entry for term in rows],
            [term.amount for term in rows],
            [term.paid for term in rows],
            [term.paid_on for term in rows],
            [term.stamp for term in rows],
        )
    return True


_NEWS = """
SELECT DISTINCT booking FROM payment_term WHERE link_id = $1 AND NOT told AND booking > $2
 ORDER BY booking LIMIT $3
"""
# What a sender booked for itself is told of by the delivery to its customer, once there is one.
_TERMS = """
SELECT t.booking, t.amount, t.paid, t.paid_on, b.kind, b.total, b.entry_number, d.delivery_id,
       (p.body #>> '{summary,payable}')::numeric AS payable, p.body #>> '{summary,currency}' AS currency
  FROM payment_term t JOIN exact_booking b ON b.delivery_id = t.booking
 CROSS JOIN LATERAL (SELECT delivery_id FROM delivery
                      WHERE invoice_id = b.invoice_id AND (b.kind = 'sales' OR delivery_id = b.delivery_id)
                      ORDER BY delivery_id LIMIT 1) AS d
  JOIN parcel p ON p.delivery_id = d.delivery_id
 WHERE t.link_id = $1 AND t.booking = ANY ($2::uuid[])
 ORDER BY t.booking, t.term FOR UPDATE OF t
"""
_TOLD = "UPDATE payment_term SET told = true WHERE link_id = $1 AND booking = ANY ($2::uuid[])"
_FIRST = UUID(int=0)


async def tell(pool: Pool, reading: Reading) -> bool:
    """What the terms that are new say together, as facts. False: the account has another source by now, and nothing more is
    told."""
    after = _FIRST
    while True:
        async with pool.acquire() as conn, conn.transaction():
            if not (await sources.held(conn, reading.account_id)).fetched:
                return False
            rows = await conn.fetch(_NEWS, reading.link_id, after, MOST)
            if not rows:
                return True
            found = [row["booking"] for row in rows]
            after = found[-1]
            await _tell(conn, reading, found)


async def _tell(conn: Connection, reading: Reading, found: list[UUID]) -> None:
    by_booking: dict[UUID, list[dict[str, Any]]] = {}
    for row in await conn.fetch(_TERMS, reading.link_id, found):
        by_booking.setdefault(row["booking"], []).append(dict(row.items()))
    moved: list[Movement] = []
    told: list[UUID] = []
    for booking, rows in by_booking.items():
        first = rows[0]
        if not first["payable"] or first["currency"] is None:
            # Nobody can say what is paid of it, and it must not keep the others from being told.
            told.append(booking)
            continue
        said = stand(rows, first["payable"], first["total"])
        if said is None:
            continue
        told.append(booking)
        moved.append(
            Movement(
                delivery_id=first["delivery_id"],
                side="receiver" if first["kind"] == "purchase" else "sender",
                source="exact_online",
                evidence=f"Exact Online: entry {first['entry_number']}",
                by=(reading.account_id, None),
                total=said.paid,
                paid_on=said.paid_on,
            )
        )
    recorded = await movements.record(conn, moved)
    await outbox.append(conn, recorded.events)
    await conn.execute(_TOLD, reading.link_id, told)


_END = f"""
UPDATE payment_fetch f
   SET lease_until = NULL, unfinished = false, read_at = now(), trouble = NULL,
       low = CASE WHEN calm AND NOT {_UNDER_WAY.format(more=" OR b.doing_at >= f.started_at")} THEN high ELSE middle END,
       middle = high,
       due_at = least(due_at, CASE (SELECT way FROM payment_source s WHERE s.account_id = f.account_id)
                              WHEN 'automatic' THEN now() + $3::interval ELSE 'infinity'::timestamptz END)
 WHERE link_id = $1 AND run = $2
"""  # noqa: S608
_STOP = """
UPDATE payment_fetch SET lease_until = NULL, trouble = $3,
       due_at = greatest($4, now() + interval '5 s')
 WHERE link_id = $1 AND run = $2
"""


async def end(pool: Pool, reading: Reading, every: timedelta) -> None:
    """All there was has been read and told; again after ``every``, where it is automatic."""
    await pool.execute(_END, reading.link_id, reading.run, every)


async def stop(pool: Pool, reading: Reading, trouble: str | None, until: datetime) -> None:
    """It goes on later, from where it is."""
    await pool.execute(_STOP, reading.link_id, reading.run, trouble, until)


_NOW = """
UPDATE payment_fetch f SET due_at = least(due_at, now()) FROM exact_link l
 WHERE f.account_id = $1 AND l.link_id = f.link_id AND l.ended_at IS NULL RETURNING f.link_id
"""
_STATE = """
SELECT f.read_at, f.trouble, CASE WHEN isfinite(f.due_at) THEN f.due_at END AS due_at, coalesce(f.lease_until > now(),
false) AS reading,
       l.division, l.division_name
  FROM payment_fetch f JOIN exact_link l USING (link_id) WHERE f.account_id = $1 AND l.ended_at IS NULL ORDER BY link_id
"""


async def ask(conn: Connection | Pool, account_id: UUID) -> int:
    """Read now, or as soon as bookings leave room; of how many links."""
    await conn.execute(_ENTER)
    return len(await conn.fetch(_NOW, account_id))


async def state(pool: Pool, account_id: UUID) -> list[dict[str, Any]]:
    return [dict(row.items()) for row in await pool.fetch(_STATE, account_id)]
