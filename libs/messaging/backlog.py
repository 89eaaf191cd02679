"""How much waits in an outbox, in the queues behind it, and in a consumer's hands: what alerts and autoscalers look at."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from libs import clock
from libs.contracts.envelope import ATTEMPT
from libs.db.types import Pool
from libs.messaging.pack import Unread
from libs.messaging.transport import QueueMissing, Transport, TransportAway
from libs.telemetry import metrics, objectives

EVERY_SECONDS = 10.0

_MOST = 100_000
"""Counting on costs more the longer the outbox is, and says nothing new."""

# By id, not by the least created_at: the key's index has it at once. A retry that has just fallen due counts from
# when it was written, for the moment until it is published.
_WAITING = """
SELECT (SELECT count(*) FROM (SELECT FROM outbox WHERE not_before IS NULL LIMIT $1) AS bounded) AS events,
       coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM outbox
                  WHERE not_before IS NULL ORDER BY id LIMIT 1), 0) AS oldest
"""


async def measure(pool: Pool, schema: str) -> None:
    """Set the gauges of this outbox: events due and not published (at most 100,000), age of the oldest in seconds.
    Raises asyncpg's errors."""
    row = await pool.fetchrow(_WAITING, _MOST)
    assert row is not None
    metrics.outbox_rows.set(row["events"], {"service": schema})
    metrics.outbox_age.set(row["oldest"], {"service": schema})


async def measure_queues(transport: Transport, queues: Iterable[str]) -> None:
    """Set the gauge of each queue that can be asked after. One that is missing is the relay's to say."""
    for queue in queues:
        with contextlib.suppress(TransportAway, QueueMissing):
            metrics.queue_ready.set(await transport.depth(queue), {"queue": queue})


class Waiting:
    """How long the oldest event of one queue has waited. What its consumer has in hand came first, so no other is older;
    a retry or a replay is as old as its trouble and says nothing about the queue."""

    QUIET = 2.0
    """Seconds without anything in hand after which nothing waits."""

    def __init__(self, queue: str) -> None:
        self._attributes = {"queue": queue}
        self._made = 0.0
        self._in_hand = False
        self._left = -self.QUIET

    def watch(self) -> None:
        metrics.queue_oldest.answer(self._attributes, self.seconds)

    def forget(self) -> None:
        metrics.queue_oldest.forget(self._attributes)

    def taken(self, events: Sequence[Unread]) -> None:
        """These are in hand now."""
        made = [each.event_id for each in events if _first_time(each)]
        if not made:
            return
        self._made, self._in_hand = min(each.int >> 80 for each in made) / 1000, True
        metrics.event_wait.record(self._age(), self._attributes)
        objectives.taken_up(self._attributes["queue"], self._age())

    def settled(self) -> None:
        self._in_hand, self._left = False, clock.monotonic()

    def seconds(self) -> float:
        """Between two batches it is what it was; a moment later, nothing."""
        quiet = not self._in_hand and clock.monotonic() - self._left >= self.QUIET
        return 0.0 if quiet else self._age()

    def _age(self) -> float:
        return max(0.0, clock.now().timestamp() - self._made)


def _first_time(unread: Unread) -> bool:
    # When an event was made stands in its id (UUID version 7); what has another kind tells nothing.
    return (
        unread.event_id.version == 7
        and unread.is_object
        and not unread.alone
        and unread.raw.get(ATTEMPT, 1) == 1
    )
