"""Publish events of the past again: after a broker lost its disk, for a rebuilt projection, for a new service.

::

    outbox_sent of every service ──who of the queue's consumer has no inbox row?──▶ outbox, for that queue alone
                                            │ has one: handled, or a dead letter
                                            ▼ left alone

Events keep their ids, so one that is with the broker after all is known as a repeat. What waits in an outbox for
that queue already (a retry, an earlier redrive) is left alone too: running it twice does no more than once. To
have a consumer handle everything anew, its inbox is emptied first (``forget``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from libs.contracts.registry import PAYLOADS
from libs.contracts.topology import Queue, matches
from libs.db.types import Pool
from libs.messaging import inbox

WINDOW, WIDEST = timedelta(minutes=10), timedelta(hours=6)
"""How much time is looked at in one go: a little, and more while nothing is found."""
KEPT = timedelta(days=8)
"""Longer than ``outbox_sent`` keeps anything."""
_PAGE = 5_000

# A message that went to one queue alone (a retry, a replay, a part of a pack) is lost with the broker as well.
_ADDRESSED = (
    """((exchange <> '' AND routing_key = ANY ($1::text[])) OR (exchange = '' AND routing_key = $2))"""
)
_SINCE = f"""
SELECT DISTINCT event_id FROM outbox_sent WHERE {_ADDRESSED} AND sent_at >= $3 AND sent_at < $4
"""  # noqa: S608 - a constant
_ABOUT = f"SELECT DISTINCT event_id FROM outbox_sent WHERE {_ADDRESSED} AND subject = $3"  # noqa: S608
_WAITING = (
    "SELECT event_id FROM outbox WHERE exchange = '' AND routing_key = $1 AND event_id = ANY ($2::uuid[])"
)

# Of several copies the last: it knows how often the event was tried.
_AGAIN = f"""
INSERT INTO outbox (event_id, account, exchange, routing_key, subject, body)
SELECT DISTINCT ON (event_id) event_id, account, '', $2, subject, body
  FROM outbox_sent WHERE {_ADDRESSED} AND event_id = ANY ($3::uuid[])
 ORDER BY event_id, sent_at DESC
"""  # noqa: S608 - a constant


@dataclass(slots=True)
class Redriven:
    """What became of one queue's events."""

    again: int = 0
    """Published again (or to be, in a dry run)."""
    handled: int = 0
    """Left alone: the consumer has dealt with them, or they wait in an outbox."""


async def redrive(
    emitting: Mapping[str, Pool],
    consuming: Pool,
    queue: Queue,
    *,
    since: datetime | timedelta | None = None,
    subject: str | None = None,
    dry: bool = False,
) -> Redriven:
    """Put sent events that ``queue`` must get and its consumer has not dealt with back into their outboxes.

    ``emitting``: the services by name; ``since``: published at or after then, or no longer ago, else everything kept;
    ``subject``: an invoice id. By the databases' clocks: the operator's may be wrong, and would leave out what it takes
    for the future. Safe while everything runs. Raises asyncpg's errors.
    """
    done = Redriven()
    for pool in emitting.values():
        async for events in _sent(pool, queue, since, subject):
            for start in range(0, len(events), _PAGE):
                page = events[start : start + _PAGE]
                missing = await _unheard(pool, consuming, queue, page)
                if missing and not dry:
                    await pool.execute(_AGAIN, _keys(queue), queue.name, missing)
                done.again += len(missing)
                done.handled += len(page) - len(missing)
    return done


async def _sent(
    pool: Pool, queue: Queue, since: datetime | timedelta | None, subject: str | None
) -> AsyncIterator[list[UUID]]:
    """The events this service published that the queue must get."""
    if subject is not None:
        rows = await pool.fetch(_ABOUT, _keys(queue), queue.name, subject)
        yield [row["event_id"] for row in rows]
        return
    now: datetime = await pool.fetchval("SELECT now()")
    until, oldest = now + timedelta(minutes=1), now - KEPT
    if isinstance(since, timedelta):
        since = now - min(since, KEPT)
    start, window = max(since or oldest, oldest), WINDOW
    while start < until:
        end = min(start + window, until)
        rows = await pool.fetch(_SINCE, _keys(queue), queue.name, start, end)
        yield [row["event_id"] for row in rows]
        start, window = end, WINDOW if rows else min(2 * window, WIDEST)


async def _unheard(pool: Pool, consuming: Pool, queue: Queue, events: Sequence[UUID]) -> list[UUID]:
    async with consuming.acquire() as conn:
        done = await inbox.known(conn, queue.name, events)
    for each in (pool, consuming):
        done |= {row["event_id"] for row in await each.fetch(_WAITING, queue.name, list(events))}
    return [event for event in events if event not in done]


def _keys(queue: Queue) -> list[str]:
    """The event types that must reach the queue."""
    return [
        kind
        for kind, model in PAYLOADS.items()
        if any(b.exchange == model.exchange and matches(b.pattern, kind) for b in queue.bindings)
    ]


async def forget(consuming: Pool, queue: str) -> int:
    """Empty a consumer's inbox, so that it handles everything anew; returns how many events it had handled."""
    count = 0
    async with consuming.acquire() as conn:
        while gone := await inbox.forget_some(conn, queue):
            count += gone
    return count
