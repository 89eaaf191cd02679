"""SQL of deliveries and their attempts: each statement beside the one function that runs it.

::

    enter ─▶ queued ── claim ──▶ attempting ── finish ──▶ handed_over ── confirm ──▶ confirmed
               ▲    attempt n       │    fence n holds    undeliverable · parked
               └── finish, wait ────┘
                                    └─ lease over: claim again; attempt n is *unknown*

The number of the latest attempt is the fence. Packages of receivers have their SQL in ``connections.py``, what is
parked goes on from ``parked.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
from pydantic import ValidationError

from libs.db.types import Connection, Pool
from services.deliver.parcel import Channel, Job, Parcel, Parked, Refused, unreadable

State = Literal["queued", "attempting", "handed_over", "confirmed", "undeliverable", "parked"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery to be entered: ``queued``, or undeliverable from the beginning when ``refused``."""

    delivery_id: UUID
    invoice_id: UUID
    account_id: UUID
    routing: int
    channel: Channel
    lane: str
    parcel: Parcel
    refused: Refused | None
    correlation: str | None
    traceparent: str | None
    sold: bool
    """Its sender has it booked in its own books too."""


# A routing that was superseded, or comes while the receiver is being served, makes no second delivery.
# Facts are counted per invoice and receiver, on all channels together: a delivery goes on where the last one stopped,
# also one that was parked and went on by another channel.
_ENTER = """
WITH entered AS (
    INSERT INTO delivery (delivery_id, invoice_id, account_id, receiver_id, receiver_name, routing, channel,
                          lane, size, state, reason, correlation, traceparent, sequence)
    SELECT delivery_id, invoice_id, account_id, receiver_id, receiver_name, routing, channel, lane, size,
           CASE WHEN reason IS NULL THEN 'queued' ELSE 'undeliverable' END, reason, correlation, traceparent,
           coalesce((SELECT max(d.sequence) FROM delivery d
                      WHERE d.invoice_id = t.invoice_id AND d.receiver_id = t.receiver_id), 0)
           + CASE WHEN reason IS NULL THEN 0 ELSE 1 END
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::int[], $7::text[],
                  $8::text[], $9::int[], $10::jsonb[], $11::text[], $12::text[])
           AS t (delivery_id, invoice_id, account_id, receiver_id, receiver_name, routing, channel, lane,
                 size, reason, correlation, traceparent)
     WHERE NOT EXISTS (SELECT FROM delivery d WHERE d.invoice_id = t.invoice_id AND d.routing > t.routing)
    ON CONFLICT DO NOTHING
    RETURNING delivery_id, sequence
), packed AS (
    INSERT INTO parcel (delivery_id, body)
    SELECT delivery_id, body FROM unnest($1::uuid[], $13::jsonb[]) AS t (delivery_id, body)
      JOIN entered USING (delivery_id)
)
SELECT delivery_id, sequence FROM entered
"""


async def enter(conn: Connection, planned: Sequence[Planned]) -> dict[UUID, int]:
    """Enter deliveries. Returns the new ones, each with the number of its last fact (0: none yet)."""
    rows = await conn.fetch(
        _ENTER,
        [p.delivery_id for p in planned],
        [p.invoice_id for p in planned],
        [p.account_id for p in planned],
        [p.parcel.receiver.party_id for p in planned],
        [p.parcel.receiver.name for p in planned],
        [p.routing for p in planned],
        [p.channel for p in planned],
        [p.lane for p in planned],
        [p.parcel.size for p in planned],
        [reason_of(p.refused) for p in planned],
        [p.correlation for p in planned],
        [p.traceparent for p in planned],
        [p.parcel.model_dump(mode="json") for p in planned],
    )
    entered = {row["delivery_id"]: row["sequence"] for row in rows}
    mailed_later = [p.delivery_id for p in planned if p.parcel.fallback and p.delivery_id in entered]
    if mailed_later:
        await conn.execute(ARM_FALLBACK, mailed_later)
    return entered


# From now on counts the time that these have for their package.
ARM_FALLBACK = """
UPDATE delivery d
   SET fallback_at = now() + make_interval(secs => (p.body #>> '{settings,fallback_after}')::float8)
  FROM parcel p
 WHERE d.delivery_id = ANY ($1::uuid[]) AND p.delivery_id = d.delivery_id AND d.state = 'queued' AND d.channel <> 'smtp'
"""


def reason_of(refused: Refused | Parked | None) -> dict[str, Any] | None:
    """As it is kept: what its sender reads, and under ``receiver`` what is for the receiver alone (``held``)."""
    if refused is None:
        return None
    whole = {"code": refused.code, **refused.reason.model_dump()}
    outward = refused.outward if isinstance(refused, Parked) else None
    if outward is None:
        return whole
    return {"code": outward.code, **outward.reason.model_dump(), "receiver": whole}


def parcel_of(row: Any) -> tuple[Parcel, str]:
    """What a row says is to be delivered, and why that cannot be: a row that is gone or that nobody can read any more
    is no reason to leave those beside it."""
    if row["body"] is None:
        return unreadable(row["receiver_id"], row["receiver_name"]), "its parcel is gone"
    try:
        return Parcel.model_validate(row["body"]), ""
    except ValidationError as bad:
        return unreadable(row["receiver_id"], row["receiver_name"]), f"its parcel cannot be read: {bad}"


_RENEW = """
UPDATE delivery d SET lease_until = now() + make_interval(secs => $3)
  FROM unnest($1::uuid[], $2::int[]) AS t (delivery_id, number)
 WHERE d.delivery_id = t.delivery_id AND d.attempts = t.number AND d.state = 'attempting'
RETURNING d.delivery_id
"""


async def renew(pool: Pool, jobs: Sequence[Job], seconds: float) -> set[UUID]:
    """Keep the leases of these; those not returned are lost."""
    rows = await pool.fetch(_RENEW, [j.delivery_id for j in jobs], [j.number for j in jobs], seconds)
    return {row["delivery_id"] for row in rows}


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended, as it is written down. ``wait``: until the next (``queued``), or until nobody waits any
    longer (``parked``)."""

    job: Job
    state: State
    outcome: str
    code: str | None
    detail: str
    repeated: bool = False
    failed: bool = False
    unresolved: bool = False
    wait: timedelta = timedelta()
    file_name: str | None = None
    refused: Refused | Parked | None = None
    switching: bool = False
    """It goes by e-mail from here."""


# `late` looks at the fence, not at what the first part changed: the same result written twice (an answer to
# COMMIT that was lost) is not late.
_FINISH = """
WITH result AS (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::interval[], $5::boolean[], $6::boolean[],
                         $7::text[], $8::jsonb[], $9::text[], $10::text[], $11::text[], $12::boolean[],
                         $14::text[])
        AS t (delivery_id, number, state, wait, failed, unresolved, file_name, reason, outcome, code, detail,
              repeated, findings)
), finished AS (
    UPDATE delivery d
       SET state = t.state, lease_until = NULL, due_at = now() + t.wait, failures = d.failures + t.failed::int,
           unresolved = t.unresolved, file_name = coalesce(t.file_name, d.file_name), reason = t.reason,
           findings = t.findings::jsonb,
           sequence = d.sequence + (t.state <> 'queued')::int,
           handed_at = CASE t.state WHEN 'handed_over' THEN now() END
      FROM result t
     WHERE d.delivery_id = t.delivery_id AND d.attempts = t.number AND d.state = 'attempting'
    RETURNING d.delivery_id, d.sequence
), written AS (
    UPDATE attempt a
       SET finished_at = now(), outcome = t.outcome, code = t.code, detail = t.detail, repeated = t.repeated,
           late = d.attempts <> t.number
      FROM result t JOIN delivery d USING (delivery_id)
     WHERE a.delivery_id = t.delivery_id AND a.number = t.number
), prepared AS (
    UPDATE folder SET prepared_at = now() WHERE name = ANY ($13::text[]) AND prepared_at IS NULL
)
SELECT delivery_id, sequence FROM finished
"""


async def finish(conn: Connection, results: Sequence[Result]) -> dict[UUID, int]:
    """Write results. Returns those that counted, each with the number of its fact. One whose lease was lost
    changes nothing (somebody else has the delivery now): it stands in its attempt's row only."""
    new = {r.job.lane for r in results if not r.job.prepared and r.state == "handed_over"}
    rows = await conn.fetch(
        _FINISH,
        [r.job.delivery_id for r in results],
        [r.job.number for r in results],
        [r.state for r in results],
        [r.wait for r in results],
        [r.failed for r in results],
        [r.unresolved for r in results],
        [r.file_name for r in results],
        [reason_of(r.refused) for r in results],
        [r.outcome for r in results],
        [r.code for r in results],
        [r.detail for r in results],
        [r.repeated for r in results],
        sorted(new),
        # As text: a list inside an array of jsonb would be taken for another dimension of the array.
        [_findings(r.refused) for r in results],
    )
    return {row["delivery_id"]: row["sequence"] for row in rows}


def _findings(refused: Refused | Parked | None) -> str | None:
    if not isinstance(refused, Parked) or not refused.findings:
        return None
    return orjson.dumps([finding.model_dump(mode="json") for finding in refused.findings]).decode()


_CONFIRM = """
UPDATE delivery SET state = 'confirmed', sequence = sequence + 1
 WHERE delivery_id = ANY ($1::uuid[]) AND state = 'handed_over'
RETURNING delivery_id, invoice_id, account_id, receiver_id, receiver_name, channel, attempts, sequence,
          file_name, correlation, traceparent
"""


async def confirm(conn: Connection, ids: Iterable[UUID]) -> list[dict[str, Any]]:
    """Mark as arrived; returns those that were not yet."""
    # In one order, so that two who look at the same folder wait for each other instead of locking up.
    return [dict(row.items()) for row in await conn.fetch(_CONFIRM, sorted(ids))]


_DELIVERIES = """
SELECT delivery_id, invoice_id, channel, receiver_name, state, attempts, due_at, handed_at, file_name, reason,
       findings, created_at, coalesce(released_at, created_at) AS since
  FROM delivery
 WHERE ($1::uuid IS NULL OR invoice_id = $1) AND ($2::uuid IS NULL OR delivery_id = $2)
   AND ($3::text IS NULL OR state = $3) AND ($4::uuid IS NULL OR delivery_id < $4)
 ORDER BY delivery_id DESC LIMIT $5
"""


async def deliveries(
    conn: Connection | Pool,
    *,
    invoice_id: UUID | None = None,
    delivery_id: UUID | None = None,
    state: str | None = None,
    before: UUID | None = None,
    most: int = 200,
) -> list[dict[str, Any]]:
    """Deliveries, newest first; on an ``api`` connection those of its account."""
    rows = await conn.fetch(_DELIVERIES, invoice_id, delivery_id, state, before, most)
    return [dict(row.items()) for row in rows]


_ATTEMPTS = """
SELECT number, started_at, finished_at, outcome, repeated, late, code, detail FROM attempt
 WHERE delivery_id = $1 ORDER BY number
"""


async def attempts(conn: Connection | Pool, delivery_id: UUID) -> list[dict[str, Any]]:
    return [dict(row.items()) for row in await conn.fetch(_ATTEMPTS, delivery_id)]


_PARCEL = """
SELECT d.receiver_id, d.receiver_name, p.body FROM delivery d LEFT JOIN parcel p USING (delivery_id)
 WHERE d.delivery_id = $1
"""


async def parcel(pool: Pool, delivery_id: UUID) -> Parcel:
    """What is delivered, and how that was agreed. Needs the worker role: where to is not its sender's to know."""
    row = await pool.fetchrow(_PARCEL, delivery_id)
    return parcel_of(row)[0]
