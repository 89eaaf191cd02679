"""The inbox: which events a queue's consumer has finished with.

A row is written in the transaction that writes what the event led to, so "handled" and its effect are one
fact. It is written when the event was handled or became a dead letter, and *not* when it goes out again
for a retry: the retry keeps its event id and would be taken for a repeat and lost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from libs.db.types import Connection
from libs.lifetimes import INBOX

KEEP = INBOX.kept
"""How long a repeat is recognised; ``outbox_sent`` can send again for 7 days."""

_CLAIM = """
INSERT INTO inbox (queue, event_id) SELECT $1, id FROM unnest($2::uuid[]) AS id
ON CONFLICT DO NOTHING RETURNING event_id
"""

_KNOWN = "SELECT event_id FROM inbox WHERE queue = $1 AND event_id = ANY($2::uuid[])"

_FORGET = "DELETE FROM inbox WHERE queue = $1 AND event_id = ANY($2::uuid[])"

_FORGET_SOME = """
DELETE FROM inbox WHERE queue = $1 AND event_id IN (
    SELECT event_id FROM inbox i
     WHERE queue = $1 AND NOT EXISTS (
           SELECT FROM dead d WHERE d.queue = i.queue AND d.event_id = i.event_id AND d.replayed_at IS NULL)
     LIMIT $2)
"""

_PRUNE = """
DELETE FROM inbox WHERE (queue, event_id) IN (
    SELECT queue, event_id FROM inbox
    WHERE queue = $1 AND event_id < $2 AND received_at < $3
    ORDER BY event_id LIMIT $4)
"""


async def claim(conn: Connection, queue: str, event_ids: Collection[UUID]) -> set[UUID]:
    """Mark events as finished and return those that were not before. Call it inside the transaction that
    writes what they lead to; a concurrent claim of the same event waits for that transaction's end."""
    if not event_ids:
        return set()
    # Sorted, or two consumers of the same repeats could wait for each other.
    rows = await conn.fetch(_CLAIM, queue, sorted(event_ids, key=lambda each: each.int))
    return {row["event_id"] for row in rows}


async def known(conn: Connection, queue: str, event_ids: Collection[UUID]) -> set[UUID]:
    """Those of ``event_ids`` that are finished already."""
    if not event_ids:
        return set()
    return {row["event_id"] for row in await conn.fetch(_KNOWN, queue, list(event_ids))}


async def forget(conn: Connection, queue: str, event_ids: Sequence[UUID]) -> None:
    """Let events be handled again."""
    if event_ids:
        await conn.execute(_FORGET, queue, list(event_ids))


async def forget_some(conn: Connection, queue: str, limit: int = 20_000) -> int:
    """Let some of all the events a queue handled be handled again; returns how many. Not those in a dead letter,
    open or dropped: it takes a person to replay them."""
    tag = await conn.execute(_FORGET_SOME, queue, limit)
    return int(tag.rpartition(" ")[2])


async def prune(conn: Connection, queue: str, *, keep: timedelta = KEEP, limit: int = 5000) -> int:
    """Delete one batch of rows older than ``keep``; returns how many. Both the event's birth (its id) and
    its arrival must lie that far back, so an old event that came late is remembered as long as any. By the
    database's clock: one process whose own is wrong would forget for all of them."""
    before = await conn.fetchval("SELECT now() - $1::interval", keep)
    tag = await conn.execute(_PRUNE, queue, oldest_id(before), before, limit)
    return int(tag.rpartition(" ")[2])


def oldest_id(born: datetime) -> UUID:
    """The smallest UUIDv7 an event born at ``born`` can have."""
    return UUID(int=(int(born.timestamp() * 1000) << 80) | (0x7 << 76) | (0x2 << 62))
