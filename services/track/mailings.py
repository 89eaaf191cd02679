"""SQL of the notices: each statement beside the one function that runs it.

::

    due ──claim──▶ due, attempt n started, lease ──act──▶ settle ──▶ sent | failed | due again later
     ▲                        │ nothing comes back
     └────── lease over ──────┘  unknown: the next attempt says that the mail may come twice

The number of the attempt is the fence: a result is taken only from the latest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from libs import clock
from libs.db.types import Connection, Pool
from services.track.notices import Kind, Notice
from services.track.status import Shown, show, stands

SAFE = 0.75
"""Share of a lease after which nothing is sent."""

_INSERT = """
INSERT INTO notice (notice_id, invoice_id, account_id, kind, topic, axis, event_id, to_name, to_email, to_language)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[],
                     $9::text[], $10::text[])
ON CONFLICT (invoice_id, topic) DO NOTHING
"""


async def add(conn: Connection, notices: Sequence[Notice]) -> None:
    """Make notices due; one whose topic was told before is left alone."""
    if not notices:
        return
    rows = sorted(notices, key=lambda n: (n.invoice_id, n.topic))
    await conn.execute(
        _INSERT,
        [clock.uuid7() for _ in rows],
        [n.invoice_id for n in rows],
        [n.account_id for n in rows],
        [n.kind for n in rows],
        [n.topic for n in rows],
        [n.axis for n in rows],
        [n.event_id for n in rows],
        [n.to.name if n.to else None for n in rows],
        [n.to.email if n.to else None for n in rows],
        [n.to.language if n.to else None for n in rows],
    )


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice in hand, its attempt already written down as started."""

    notice_id: UUID
    attempt: int
    kind: Kind
    invoice_id: UUID
    shown: Shown
    body: bytes
    """The CloudEvent it tells about."""
    name: str
    email: str
    language: Literal["nl", "en"]
    age: timedelta
    """By the database's clock: a worker's may be wrong."""
    until: float
    """On ``clock.boottime``: nothing is sent after it, because somebody else may be about to."""
    repeat: bool
    """An earlier attempt is unknown: the mail may have gone out already."""


# A notice whose account or status is not known (yet) simply waits.
_DUE = """
SELECT n.notice_id, n.attempts, n.kind, n.invoice_id, n.axis, n.event_id, now() - n.created_at AS age, s.axes, f.body,
       coalesce(n.to_name, a.name) AS name, coalesce(n.to_email, a.email) AS email,
       coalesce(n.to_language, a.language) AS language,
       EXISTS (SELECT FROM notice_attempt t WHERE t.notice_id = n.notice_id AND t.result IS NULL) AS repeat
  FROM notice n
  JOIN account a ON a.account_id = n.account_id
  JOIN status s ON s.invoice_id = n.invoice_id AND s.role = 'sender' AND s.account_id = n.account_id
  JOIN fact f ON f.event_id = n.event_id
 WHERE n.state = 'due' AND n.due_at <= now()
 ORDER BY n.due_at LIMIT $1
   FOR UPDATE OF n SKIP LOCKED
"""

_SUPERSEDE = "UPDATE notice SET state = 'superseded' WHERE notice_id = ANY ($1::uuid[])"

_START = """
WITH started AS (
    UPDATE notice SET attempts = attempts + 1, due_at = now() + $4 WHERE notice_id = ANY ($1::uuid[])
    RETURNING notice_id, attempts)
INSERT INTO notice_attempt (notice_id, attempt, address, repeat)
SELECT s.notice_id, s.attempts, t.address, t.repeat
  FROM started s JOIN unnest($1::uuid[], $2::text[], $3::boolean[]) AS t (notice_id, address, repeat)
 USING (notice_id)
"""


async def claim(pool: Pool, most: int, lease: timedelta) -> list[Claimed]:
    """Take due notices in hand. Committed when this returns: whatever happens next, it is known that an
    attempt was made. What is no longer so is not told."""
    until = clock.boottime() + SAFE * lease.total_seconds()
    async with pool.acquire() as conn, conn.transaction():
        while rows := await conn.fetch(_DUE, most):
            gone = [
                row["notice_id"] for row in rows if not stands(row["axes"], row["axis"], str(row["event_id"]))
            ]
            await conn.execute(_SUPERSEDE, gone)
            live = [row for row in rows if row["notice_id"] not in gone]
            if live:
                break
        if not rows:
            return []
        await conn.execute(
            _START,
            [row["notice_id"] for row in live],
            [row["email"] for row in live],
            [row["repeat"] for row in live],
            lease,
        )
    return [_claimed(row, until) for row in live]


def _claimed(row: Any, until: float) -> Claimed:
    return Claimed(
        notice_id=row["notice_id"],
        attempt=row["attempts"] + 1,
        kind=row["kind"],
        invoice_id=row["invoice_id"],
        shown=show(row["axes"]),
        body=row["body"],
        name=row["name"],
        email=row["email"],
        language=row["language"],
        age=row["age"],
        until=until,
        repeat=row["repeat"],
    )


Result = Literal["sent", "deferred", "refused"]

_END_ATTEMPT = """
UPDATE notice_attempt SET ended_at = now(), result = $3, detail = $4 WHERE notice_id = $1 AND attempt = $2
"""

_SETTLE = """
UPDATE notice SET state = $3, due_at = now() + $4 WHERE notice_id = $1 AND attempts = $2 AND state = 'due'
"""


async def settle(
    pool: Pool,
    claimed: Claimed,
    result: Result | None,
    detail: str,
    *,
    state: Literal["due", "sent", "failed"],
    again: timedelta = timedelta(0),
) -> None:
    """Write down how an attempt ended; ``result`` None: unknown. With state ``due`` it is tried ``again``
    after that long."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(_END_ATTEMPT, claimed.notice_id, claimed.attempt, result, detail[:500])
        await conn.execute(_SETTLE, claimed.notice_id, claimed.attempt, state, again)
