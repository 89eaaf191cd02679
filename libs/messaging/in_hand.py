"""Rows on their way in a process without a broker: marked, because they stay until every queue has settled them.

::

    outbox ──take──▶ in hand (not_before = infinity) ──every queue settled it──▶ outbox_sent
       ▲                │ stopped in order: handed back      │ the process died: a suspect
       └────────────────┘                                    ▼ at the next start, before anything else
                             one row for each queue ──in groups of 100, 10, 1──▶ settled, or the dead letters

One of the rows that a dead process had in hand may be what killed it. Suspects are tried before anything else
and one group at a time in the whole process, those that were tried least first. A group that kills comes back
in smaller groups, so that after a few deaths the one that kills stands alone and the others are done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from libs.contracts.topology import DELIVERY_LIMIT, Topology
from libs.db.types import Pool
from libs.messaging.outbox import MOVE
from libs.messaging.pack import Pack, Waiting, is_alone, pack

MOST = 4_000
"""Rows in hand at once."""

_GROUPS = (100, 10)
"""How many suspects go together after their first and second death; then each goes alone."""

TAKE = "UPDATE outbox SET not_before = 'infinity', tries = tries + 1 WHERE id = ANY ($1::bigint[])"

_HAND_BACK = """
UPDATE outbox SET not_before = NULL, tries = tries - 1
 WHERE id = ANY ($1::bigint[]) AND not_before = 'infinity'
"""

_LET_GO = """
UPDATE outbox SET not_before = NULL, tries = tries - 1 WHERE not_before = 'infinity' AND id <> ALL ($1::bigint[])
"""

_EVENTS_OF_DEAD_HANDS = """
SELECT DISTINCT exchange, routing_key FROM outbox WHERE not_before = 'infinity' AND exchange <> ''
"""

_ONE_FOR_EACH_QUEUE = """
INSERT INTO outbox (event_id, account, exchange, routing_key, subject, body, alone, not_before, tries)
SELECT event_id, account, '', queue, subject, body, true, not_before, tries
  FROM outbox, unnest($3::text[]) AS queue
 WHERE not_before = 'infinity' AND exchange = $1 AND routing_key = $2
 ORDER BY id
"""

_IDS = "SELECT array_agg(id) FROM outbox WHERE not_before = 'infinity' AND exchange = $1 AND routing_key = $2"

_LEAST_TRIED = """
SELECT routing_key, tries FROM outbox WHERE not_before = 'infinity' ORDER BY tries, id LIMIT 1
"""

_GROUP = """
SELECT id, exchange, routing_key, body, alone FROM outbox
 WHERE not_before = 'infinity' AND routing_key = $1 AND tries = $2 ORDER BY id LIMIT $3
"""

_TRIED = "UPDATE outbox SET tries = tries + $2 WHERE id = ANY ($1::bigint[])"


class InHand:
    """The rows of one outbox that are in hand."""

    def __init__(self, pool: Pool, topology: Topology, settle: Callable[[Pack], Awaitable[None]]) -> None:
        self._pool = pool
        self._topology = topology
        self._settle = settle
        self._tasks: dict[asyncio.Task[None], Pack] = {}

    @property
    def full(self) -> bool:
        return sum(len(each.ids) for each in self._tasks.values()) >= MOST

    def start(self, rows: Sequence[Waiting], done: Callable[[], None]) -> None:
        """Send rows that were taken; ``done`` is called after each pack."""
        for each in pack(rows):
            task = asyncio.ensure_future(self._settle(each))
            self._tasks[task] = each
            task.add_done_callback(self._tasks.pop)
            task.add_done_callback(lambda _: done())

    async def hand_back(self) -> None:
        """Stopping in order: what is not settled yet waits for the next start, under no suspicion."""
        left = dict(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if left:
            await self._pool.execute(_HAND_BACK, [row for each in left.values() for row in each.ids])

    async def let_go_of_others(self) -> None:
        """Rows marked as taken that are not in hand here go back: the connection broke at the COMMIT that took
        them, and only the database knew that it had worked. Once the suspects are through, nobody else has
        any: without a broker an outbox has one process."""
        mine = [row for each in self._tasks.values() for row in each.ids]
        await self._pool.execute(_LET_GO, mine)

    async def try_suspects(self, one_at_a_time: asyncio.Lock, stopping: asyncio.Event) -> None:
        """Before anything else is sent: settle what a dead process had in hand."""
        async with one_at_a_time:
            await self._address_each_to_one_queue()
            while not stopping.is_set():
                least = await self._pool.fetchrow(_LEAST_TRIED)
                if least is None:
                    return
                await self._try(least["routing_key"], least["tries"], stopping)

    async def _address_each_to_one_queue(self) -> None:
        """Else one queue's poison would count against the others, which its inbox would have to sort out."""
        async with self._pool.acquire() as conn, conn.transaction():
            for exchange, key in await conn.fetch(_EVENTS_OF_DEAD_HANDS):
                ids = await conn.fetchval(_IDS, exchange, key)
                await conn.execute(_ONE_FOR_EACH_QUEUE, exchange, key, self._topology.expected(exchange, key))
                await conn.execute(MOVE, ids)

    async def _try(self, queue: str, tries: int, stopping: asyncio.Event) -> None:
        size = _GROUPS[tries - 1] if 0 < tries <= len(_GROUPS) else 1
        rows = await self._pool.fetch(_GROUP, queue, tries, size)
        # What had its share of deaths already goes alone from the first of its second round on.
        rows = [row for row in rows if is_alone(row["body"])][:1] or rows
        await self._pool.execute(_TRIED, [row["id"] for row in rows], 1)
        # What killed us alone again and again goes where its queue's dead letters are collected.
        address = f"{queue}.dead" if tries > DELIVERY_LIMIT else queue
        for each in pack([Waiting(row["id"], "", address, row["body"]) for row in rows]):
            settling = asyncio.ensure_future(self._settle(each))
            stopped = asyncio.create_task(stopping.wait())
            await asyncio.wait({settling, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not settling.done():
                # Its consumer stopped before us: not tried after all.
                settling.cancel()
                await self._pool.execute(_TRIED, each.ids, -1)
