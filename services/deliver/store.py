"""This service's SQL: each statement stands beside the one function that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from libs import clock
from libs.db.types import Connection, Pool
from services.deliver import plan
from services.deliver.parcel import Job, Parcel

_CONNECTIONS = """
SELECT party_id, channel, settings FROM connection WHERE party_id = ANY ($1::uuid[]) AND ended_at IS NULL
"""


async def connections(pool: Pool, parties: Sequence[UUID]) -> dict[UUID, plan.Connection]:
    """The current connection of each of these parties that has one."""
    rows = await pool.fetch(_CONNECTIONS, list(parties))
    return {row["party_id"]: plan.Connection(row["channel"], row["settings"]) for row in rows}


_END = "UPDATE connection SET ended_at = now() WHERE party_id = $1 AND ended_at IS NULL"
_CONNECT = """
INSERT INTO connection (connection_id, party_id, package, channel, settings) VALUES ($1, $2, $3, $4, $5)
"""


async def connect(pool: Pool, party_id: UUID, package: str, channel: str, settings: dict[str, Any]) -> None:
    """Give a party a connection; the one it had becomes history."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(_END, party_id)
        await conn.execute(_CONNECT, clock.uuid7(), party_id, package, channel, settings)


_CONNECTION = """
SELECT party_id, package, channel, settings, created_at FROM connection
 WHERE party_id = $1 AND ended_at IS NULL
"""


async def connection(pool: Pool, party_id: UUID) -> dict[str, Any] | None:
    row = await pool.fetchrow(_CONNECTION, party_id)
    return dict(row.items()) if row else None


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery to be entered; ``state`` is ``queued`` or ``undeliverable``."""

    delivery_id: UUID
    invoice_id: UUID
    account_id: UUID
    receiver_id: UUID
    routing: int
    channel: str
    parcel: Parcel
    state: str
    correlation: str | None
    traceparent: str | None


_PLAN = """
INSERT INTO delivery (delivery_id, invoice_id, account_id, receiver_id, routing, channel, parcel, state,
                      correlation, traceparent, sequence)
SELECT delivery_id, invoice_id, account_id, receiver_id, routing, channel, parcel, state, correlation,
       traceparent, CASE state WHEN 'undeliverable' THEN 1 ELSE 0 END
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::text[], $7::jsonb[], $8::text[],
              $9::text[], $10::text[])
       AS t (delivery_id, invoice_id, account_id, receiver_id, routing, channel, parcel, state, correlation,
             traceparent)
ON CONFLICT (invoice_id, receiver_id, routing) DO NOTHING RETURNING delivery_id
"""


async def enter(conn: Connection, planned: Sequence[Planned]) -> set[UUID]:
    """Enter deliveries; one that is there already for the same routing is left alone. Returns the new ones."""
    rows = await conn.fetch(
        _PLAN,
        [p.delivery_id for p in planned],
        [p.invoice_id for p in planned],
        [p.account_id for p in planned],
        [p.receiver_id for p in planned],
        [p.routing for p in planned],
        [p.channel for p in planned],
        [p.parcel.model_dump(mode="json") for p in planned],
        [p.state for p in planned],
        [p.correlation for p in planned],
        [p.traceparent for p in planned],
    )
    return {row["delivery_id"] for row in rows}


# Due ones, and those whose attempt outlived its lease: whoever made it is gone, or too slow to be trusted.
_CLAIM = """
WITH abandoned AS MATERIALIZED (
    SELECT delivery_id, state FROM delivery WHERE state = 'attempting' AND lease_until < now()
     ORDER BY lease_until LIMIT $1 FOR UPDATE SKIP LOCKED
), due AS MATERIALIZED (
    SELECT delivery_id, state FROM delivery WHERE state = 'queued' AND due_at <= now()
     ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
), leased AS (
    SELECT * FROM (SELECT * FROM abandoned UNION ALL SELECT * FROM due) AS chosen LIMIT $1
)
UPDATE delivery d
   SET state = 'attempting', attempts = d.attempts + 1, fence = d.fence + 1,
       lease_until = now() + make_interval(secs => $2)
  FROM leased WHERE d.delivery_id = leased.delivery_id
RETURNING d.delivery_id, d.invoice_id, d.account_id, d.channel, d.attempts, d.fence, d.parcel,
          leased.state = 'attempting' AS unknown
"""
_START = """
INSERT INTO attempt (delivery_id, number, account_id)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[])
"""


async def claim(pool: Pool, most: int, lease_seconds: float) -> list[Job]:
    """Lease due deliveries and write down that their attempts start, before anything is done."""
    async with pool.acquire() as conn, conn.transaction():
        rows = await conn.fetch(_CLAIM, most, lease_seconds)
        jobs = [
            Job(
                delivery_id=row["delivery_id"],
                invoice_id=row["invoice_id"],
                account_id=row["account_id"],
                channel=row["channel"],
                number=row["attempts"],
                fence=row["fence"],
                unknown=row["unknown"],
                parcel=Parcel.model_validate(row["parcel"]),
            )
            for row in rows
        ]
        if jobs:
            await conn.execute(
                _START, [j.delivery_id for j in jobs], [j.number for j in jobs], [j.account_id for j in jobs]
            )
        return jobs


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended, as it is written down."""

    job: Job
    state: str
    outcome: str
    detail: str
    repeated: bool = False
    wait: timedelta | None = None
    file_name: str | None = None


_FINISH = """
UPDATE delivery d
   SET state = t.state, lease_until = NULL, due_at = now() + t.wait, file_name = coalesce(t.file_name, d.file_name),
       sequence = d.sequence + CASE WHEN t.state = 'queued' THEN 0 ELSE 1 END
  FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::interval[], $5::text[])
       AS t (delivery_id, fence, state, wait, file_name)
 WHERE d.delivery_id = t.delivery_id AND d.fence = t.fence AND d.state = 'attempting'
RETURNING d.delivery_id, d.sequence, d.correlation, d.traceparent
"""
_FINISH_ATTEMPTS = """
UPDATE attempt a SET finished_at = now(), outcome = t.outcome, detail = t.detail, repeated = t.repeated
  FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bool[])
       AS t (delivery_id, number, outcome, detail, repeated)
 WHERE a.delivery_id = t.delivery_id AND a.number = t.number
"""


@dataclass(frozen=True, slots=True)
class Told:
    """The number of the fact about a delivery, and what its event carries on."""

    sequence: int
    correlation: str | None
    traceparent: str | None


async def finish(conn: Connection, results: Sequence[Result]) -> dict[UUID, Told]:
    """Write results. One whose lease was lost changes no state (somebody else has the delivery now): it is
    not in the answer, only in its attempt's row."""
    rows = await conn.fetch(
        _FINISH,
        [r.job.delivery_id for r in results],
        [r.job.fence for r in results],
        [r.state for r in results],
        [r.wait or timedelta() for r in results],
        [r.file_name for r in results],
    )
    await conn.execute(
        _FINISH_ATTEMPTS,
        [r.job.delivery_id for r in results],
        [r.job.number for r in results],
        [r.outcome for r in results],
        [r.detail for r in results],
        [r.repeated for r in results],
    )
    return {row["delivery_id"]: Told(row["sequence"], row["correlation"], row["traceparent"]) for row in rows}


@dataclass(frozen=True, slots=True)
class InFolder:
    """A pair that was placed and not yet seen taken."""

    delivery_id: UUID
    invoice_id: UUID
    account_id: UUID
    attempts: int
    parcel: Parcel
    file_name: str


_IN_FOLDERS = """
SELECT delivery_id, invoice_id, account_id, attempts, parcel, file_name FROM delivery
 WHERE state = 'handed_over' AND channel = 'folder' AND delivery_id > $1 ORDER BY delivery_id LIMIT $2
"""


async def in_folders(pool: Pool, after: UUID, most: int) -> list[InFolder]:
    rows = await pool.fetch(_IN_FOLDERS, after, most)
    return [
        InFolder(
            row["delivery_id"], row["invoice_id"], row["account_id"], row["attempts"],
            Parcel.model_validate(row["parcel"]), row["file_name"],
        )
        for row in rows
    ]  # fmt: skip


_CONFIRM = """
UPDATE delivery SET state = 'confirmed', sequence = sequence + 1
 WHERE delivery_id = ANY ($1::uuid[]) AND state = 'handed_over'
RETURNING delivery_id, sequence, correlation, traceparent
"""


async def confirm(conn: Connection, deliveries: Sequence[UUID]) -> dict[UUID, Told]:
    rows = await conn.fetch(_CONFIRM, list(deliveries))
    return {row["delivery_id"]: Told(row["sequence"], row["correlation"], row["traceparent"]) for row in rows}


_DELIVERIES = """
SELECT delivery_id, invoice_id, channel, state, attempts, due_at, file_name, parcel, created_at FROM delivery
 WHERE ($1::uuid IS NULL OR invoice_id = $1) AND ($2::uuid IS NULL OR delivery_id = $2)
 ORDER BY delivery_id DESC LIMIT 200
"""


async def deliveries(
    conn: Connection, *, invoice_id: UUID | None = None, delivery_id: UUID | None = None
) -> list[dict[str, Any]]:
    """Deliveries the account set on ``conn`` may see."""
    return [dict(row.items()) for row in await conn.fetch(_DELIVERIES, invoice_id, delivery_id)]


_ATTEMPTS = """
SELECT number, started_at, finished_at, outcome, repeated, detail FROM attempt
 WHERE delivery_id = $1 ORDER BY number
"""


async def attempts(conn: Connection, delivery_id: UUID) -> list[dict[str, Any]]:
    return [dict(row.items()) for row in await conn.fetch(_ATTEMPTS, delivery_id)]


_NEXT_DUE = """
SELECT extract(epoch FROM least(
    (SELECT min(due_at) FROM delivery WHERE state = 'queued'),
    (SELECT min(lease_until) FROM delivery WHERE state = 'attempting')) - now())::float8
"""


async def seconds_until_due(pool: Pool) -> float | None:
    """How long nothing is due; None when nothing waits at all."""
    seconds: float | None = await pool.fetchval(_NEXT_DUE)
    return seconds
