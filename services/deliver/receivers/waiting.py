"""SQL of what lies ready for receivers that fetch: each statement beside the one function that runs it.

::

    queued ── attempt: it can be made in the receiver's format ──▶ queued, *offered* ── acknowledged ──▶ confirmed
                                                                        └─ not in time ─▶ undeliverable

Reading changes nothing, so a reader that dies reads again. An acknowledgement is one transaction: the attempt, the state
and both facts, *handed over* and *confirmed*; whoever repeats it is told the same. All of it is done as ``worker``, for the
rows are their senders'; the account that has the receiver's connection stands in every statement.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from libs.contracts.envelope import Event
from libs.db.types import Connection, Pool
from services.deliver import facts
from services.deliver.store import parcel_of

# A connection names the account it belongs to; what was recalled is shown to nobody.
_MINE = """
    d.channel = 'pull' AND NOT d.stopped
    AND EXISTS (SELECT FROM connection c
                 WHERE c.party_id = d.receiver_id AND c.account_id = $1 AND c.ended_at IS NULL)
    AND EXISTS (SELECT FROM attempt a WHERE a.delivery_id = d.delivery_id AND a.outcome = 'offered')
"""
_LIST = f"""
SELECT d.delivery_id, d.invoice_id, d.receiver_name AS receiver, d.created_at AS since, d.due_at AS until,
       p.body #>> '{{summary,number}}' AS number, p.body #>> '{{summary,issue_date}}' AS issue_date,
       p.body #>> '{{summary,seller,name}}' AS seller
  FROM delivery d LEFT JOIN parcel p USING (delivery_id)
 WHERE d.state IN ('queued', 'attempting') AND {_MINE} AND ($2::uuid IS NULL OR d.delivery_id > $2)
 ORDER BY d.delivery_id LIMIT $3
"""  # noqa: S608 - constants


async def listed(pool: Pool, account_id: UUID, after: UUID | None, most: int) -> list[dict[str, Any]]:
    """What waits for the receivers of this account, the oldest first, as the API shows it."""
    return [dict(row.items()) for row in await pool.fetch(_LIST, account_id, after, most)]


_ONE = f"""
SELECT d.delivery_id, d.invoice_id, d.account_id, d.receiver_id, d.receiver_name, d.channel, d.lane, d.state, d.attempts,
       d.created_at, d.due_at, p.body
  FROM delivery d LEFT JOIN parcel p USING (delivery_id)
 WHERE d.delivery_id = $2 AND d.state IN ('queued', 'attempting', 'confirmed') AND {_MINE}
"""  # noqa: S608 - constants


async def one(pool: Pool, account_id: UUID, delivery_id: UUID) -> dict[str, Any] | None:
    """One that waits, or that was acknowledged: a receiver may read it again."""
    row = await pool.fetchrow(_ONE, account_id, delivery_id)
    return dict(row.items()) if row else None


# In one order, so that two who acknowledge the same wait for each other instead of locking up.
_LOCK = f"""
SELECT d.delivery_id, d.state FROM delivery d
 WHERE d.delivery_id = ANY ($2::uuid[]) AND {_MINE}
 ORDER BY d.delivery_id FOR NO KEY UPDATE OF d
"""  # noqa: S608 - constants
_TAKEN = """
WITH taken AS (
    UPDATE delivery d
       SET state = 'confirmed', attempts = d.attempts + 1, lease_until = NULL, handed_at = now(),
           sequence = d.sequence + 2, reason = NULL
     WHERE d.delivery_id = ANY ($1::uuid[])
    RETURNING d.delivery_id, d.invoice_id, d.account_id, d.receiver_id, d.receiver_name, d.channel, d.attempts, d.sequence,
              d.correlation, d.traceparent
), written AS (
    INSERT INTO attempt (delivery_id, number, account_id, invoice_id, finished_at, outcome, detail)
    SELECT delivery_id, attempts, account_id, invoice_id, now(), 'handed_over', $2 FROM taken
)
SELECT taken.*, p.body FROM taken LEFT JOIN parcel p USING (delivery_id) ORDER BY delivery_id
"""
WORDS = "the receiver fetched it and acknowledged that it has it"


async def acknowledge(
    conn: Connection, account_id: UUID, ids: Collection[UUID]
) -> tuple[set[UUID], Sequence[Event]]:
    """These are with their receivers, inside a transaction. Returns those that are so now, from before or since, and the
    events to emit. An attempt that was just begun, because it waited too long, loses: its number is not the latest."""
    rows = await conn.fetch(_LOCK, account_id, list(ids))
    waiting = [row["delivery_id"] for row in rows if row["state"] in ("queued", "attempting")]
    there = {row["delivery_id"] for row in rows if row["state"] == "confirmed"} | set(waiting)
    if not waiting:
        return there, ()
    events: list[Event] = []
    for row in await conn.fetch(_TAKEN, waiting, WORDS):
        events += facts.acknowledged(dict(row.items()), parcel_of(row)[0].agreed, WORDS)
    return there, events
