"""SQL of a sender's own invoices on their way into its own books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs import clock
from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceRouted
from libs.contracts.sandbox import is_sandbox
from libs.db.types import Connection, Pool
from services.deliver.exact.sales import TWICE, Ended
from services.deliver.parcel import Job, Lease, Parcel

# ------------------------------------------------------------------ where an account books

_SELL = """
INSERT INTO exact_selling (account_id, party_id) VALUES ($1, $2)
ON CONFLICT (account_id) DO UPDATE SET party_id = EXCLUDED.party_id, since = now() WHERE exact_selling.party_id <> $2
"""


async def sell(pool: Pool, account_id: UUID, party_id: UUID) -> None:
    """From now on the account's own invoices are booked in this party's link, and no other."""
    await pool.execute(_SELL, account_id, party_id)


async def stop_selling(pool: Pool, account_id: UUID, party_id: UUID) -> None:
    """No more are entered; what waits is booked yet."""
    await pool.execute(
        "DELETE FROM exact_selling WHERE account_id = $1 AND party_id = $2", account_id, party_id
    )


async def selling_since(pool: Pool, account_id: UUID, party_id: UUID) -> datetime | None:
    since: datetime | None = await pool.fetchval(
        "SELECT since FROM exact_selling WHERE account_id = $1 AND party_id = $2", account_id, party_id
    )
    return since


async def selling(pool: Pool, accounts: Sequence[UUID]) -> set[UUID]:
    """Those of these accounts whose own invoices are booked."""
    rows = await pool.fetch(
        "SELECT account_id FROM exact_selling WHERE account_id = ANY ($1::uuid[])", accounts
    )
    return {row["account_id"] for row in rows}


# ------------------------------------------------------------------ entering

_ENTER = """
INSERT INTO exact_sale (sale_id, invoice_id, account_id, party_id, number, year, correlation, traceparent, body)
SELECT t.sale_id, t.invoice_id, t.account_id, s.party_id, t.number, t.year, t.correlation, t.traceparent, t.body
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::int[], $6::text[], $7::text[], $8::jsonb[])
    AS t (sale_id, invoice_id, account_id, number, year, correlation, traceparent, body)
  JOIN exact_selling s USING (account_id)
ON CONFLICT (invoice_id) DO NOTHING
"""


async def enter(conn: Connection, events: Sequence[Event]) -> None:
    """Those of these routed invoices whose sender has them booked in its own books, each once. Nothing leaves the
    sandbox."""
    routed = [
        (e, e.data) for e in events if isinstance(e.data, InvoiceRouted) and not is_sandbox(e.data.account_id)
    ]
    if not routed:
        return
    await conn.execute(
        _ENTER,
        [clock.uuid7() for _ in routed],
        [data.invoice_id for _, data in routed],
        [data.account_id for _, data in routed],
        [data.summary.number for _, data in routed],
        [data.summary.issue_date.year if data.summary.issue_date else None for _, data in routed],
        [event.correlation_id for event, _ in routed],
        [event.traceparent for event, _ in routed],
        [_body(data) for _, data in routed],
    )


def _body(data: InvoiceRouted) -> dict[str, Any]:
    summary = data.summary.model_copy(update={"candidates": ()})
    parcel = Parcel(
        receiver=data.receiver,
        original=data.original,
        pdf=data.pdf,
        summary=summary,
        fields=data.fields or {},
    )
    return parcel.model_dump(mode="json")


# ------------------------------------------------------------------ attempts

# What is parked goes on with another connection of its party: other rules, another division, a link set up again. One
# whose number was before waits for a person: an earlier one's, or one's that was begun, for ids are made on several
# machines' clocks. What an operator holds back (``pauses``) is left where it is.
_CLAIM = """
WITH changed AS (
    SELECT s.sale_id FROM exact_sale s JOIN connection c ON c.party_id = s.party_id AND c.ended_at IS NULL
     WHERE s.state = 'parked' AND s.reason ->> 'code' <> $3
       AND c.connection_id IS DISTINCT FROM s.connection_id
       AND NOT EXISTS (SELECT FROM pause p WHERE coalesce(p.channel, 'exact_online') = 'exact_online'
                          AND coalesce(p.account_id, s.account_id) = s.account_id)
     ORDER BY s.sale_id LIMIT $1
), due AS (
    SELECT sale_id, state, state = 'attempting' AS cut FROM exact_sale
     WHERE (state = 'queued' AND due_at <= now() OR state = 'attempting' AND lease_until < now()
            OR state = 'parked' AND sale_id IN (SELECT sale_id FROM changed))
       AND NOT EXISTS (SELECT FROM pause p WHERE coalesce(p.channel, 'exact_online') = 'exact_online'
                          AND coalesce(p.account_id, exact_sale.account_id) = exact_sale.account_id)
     ORDER BY due_at, sale_id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
), leased AS (
    UPDATE exact_sale s
       SET state = 'attempting', attempts = s.attempts + 1, lease_until = now() + make_interval(secs => $2),
           failures = CASE due.state WHEN 'parked' THEN 0 ELSE s.failures + due.cut::int END,
           unresolved = s.unresolved OR due.cut, reason = NULL,
           released_at = CASE due.state WHEN 'parked' THEN now() ELSE s.released_at END,
           connection_id = (SELECT connection_id FROM connection c
                             WHERE c.party_id = s.party_id AND c.ended_at IS NULL)
      FROM due WHERE s.sale_id = due.sale_id
    RETURNING s.*, due.cut
), ended AS (
    UPDATE exact_sale_attempt a SET outcome = 'unknown', code = 'cut-short', detail = 'nobody came back with a result'
      FROM leased l WHERE l.cut AND a.sale_id = l.sale_id AND a.number = l.attempts - 1 AND a.outcome IS NULL
), started AS (
    INSERT INTO exact_sale_attempt (sale_id, number) SELECT sale_id, attempts FROM leased
)
SELECT l.sale_id, l.invoice_id, l.account_id, l.party_id, l.number, l.attempts, l.failures, l.unresolved, l.body,
       now() - coalesce(l.released_at, l.created_at) AS age, l.correlation, l.traceparent,
       NOT l.by_hand AND EXISTS (
           SELECT FROM exact_sale e
            WHERE e.account_id = l.account_id AND e.number = l.number AND e.year IS NOT DISTINCT FROM l.year
              AND (e.sale_id < l.sale_id AND l.attempts = 1
                   OR e.attempts > 0 AND e.reason ->> 'code' IS DISTINCT FROM $3
                      AND (e.sale_id < l.sale_id OR e.sale_id <> l.sale_id AND l.attempts = 1))) AS twice,
       coalesce(k.division::text, '') AS lane
  FROM leased l LEFT JOIN exact_link k ON k.party_id = l.party_id AND k.ended_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """``job.delivery_id`` is the sale's. ``twice``: an earlier one has its number."""

    job: Job
    party_id: UUID
    twice: bool


# Of two of one number, claimed on two machines at one moment, the second sees the first.
_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('exact_sale', 22))"


async def claim(pool: Pool, most: int, seconds: float, lease: Lease) -> list[Claimed]:
    """Lease what is due; its attempts are committed as started when this returns."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(_ALONE)
        return [_claimed(row, lease) for row in await conn.fetch(_CLAIM, most, seconds, TWICE)]


def _claimed(row: Any, lease: Lease) -> Claimed:
    job = Job(
        delivery_id=row["sale_id"],
        invoice_id=row["invoice_id"],
        account_id=row["account_id"],
        channel="exact_online",
        lane=row["lane"],
        number=row["attempts"],
        unresolved=row["unresolved"],
        failures=row["failures"],
        age=row["age"],
        parcel=Parcel.model_validate(row["body"]),
        lease=lease,
        correlation=row["correlation"],
        traceparent=row["traceparent"],
    )
    return Claimed(job, row["party_id"], row["twice"])


_RENEW = """
UPDATE exact_sale SET lease_until = now() + make_interval(secs => $3)
 WHERE sale_id = $1 AND attempts = $2 AND state = 'attempting' RETURNING true
"""


async def renew(pool: Pool, job: Job, seconds: float) -> bool:
    """Keep the lease; False: somebody else has it."""
    return bool(await pool.fetchval(_RENEW, job.delivery_id, job.number, seconds))


_FINISH = """
UPDATE exact_sale
   SET state = $3, lease_until = NULL, due_at = now() + $4, failures = failures + $5::int, unresolved = $6, reason = $7,
       receipt = CASE $3 WHEN 'booked' THEN $8 END, booked_at = CASE $3 WHEN 'booked' THEN now() END,
       sequence = sequence + ($3 <> 'queued')::int
 WHERE sale_id = $1 AND attempts = $2 AND state = 'attempting'
RETURNING sequence
"""
_ATTEMPT = """
UPDATE exact_sale_attempt SET finished_at = now(), outcome = $3, code = $4, detail = $5, late = $6
 WHERE sale_id = $1 AND number = $2
"""


async def finish(conn: Connection, result: Ended) -> int | None:
    """Write a result; the number of its fact, or None when the lease was lost and it changes nothing."""
    job = result.job
    why = result.reason
    sequence: int | None = await conn.fetchval(
        _FINISH,
        job.delivery_id,
        job.number,
        result.state,
        result.wait,
        result.failed,
        result.unresolved,
        {"code": why.code, **why.reason.model_dump()} if why is not None else None,
        result.detail,
    )
    late = sequence is None
    await conn.execute(
        _ATTEMPT, job.delivery_id, job.number, result.outcome, result.code, result.detail, late
    )
    return sequence


# ------------------------------------------------------------------ looking, and releasing by hand

_LIST = """
SELECT sale_id, invoice_id, number, state, attempts, receipt, reason, created_at, booked_at FROM exact_sale
 WHERE party_id = $1 AND ($2::uuid IS NULL OR sale_id < $2) AND account_id = $4 ORDER BY sale_id DESC LIMIT $3
"""


async def listed(
    pool: Pool, account_id: UUID, party_id: UUID, before: UUID | None, most: int
) -> list[dict[str, Any]]:
    """Newest first; of this account: who had the party's link before is another."""
    return [dict(row.items()) for row in await pool.fetch(_LIST, party_id, before, most, account_id)]


_RELEASE = """
UPDATE exact_sale SET state = 'queued', due_at = now(), released_at = now(), failures = 0, reason = NULL, by_hand = true
 WHERE sale_id = $1 AND account_id = $2 AND party_id = $3 AND state = 'parked' RETURNING true
"""


async def release(pool: Pool, account_id: UUID, party_id: UUID, sale_id: UUID) -> bool:
    """It is tried once more, whatever it waited for; whether it was parked."""
    return bool(await pool.fetchval(_RELEASE, sale_id, account_id, party_id))
