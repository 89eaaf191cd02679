"""Somebody has become known: whatever waited for it goes on.

::

    party confirmed ─▶ rows in arrival ─▶ as many as fit go on in that very transaction
                            └─▶ the schedule releases the rest, a piece a transaction, from where it stopped
"""

from __future__ import annotations

from libs.db.types import Connection, Pool
from libs.messaging import outbox
from libs.service import Wake
from services.route import facts, store, words
from services.route.companies import directory
from services.route.companies.directory import as_text
from services.route.page import validated_of


async def release_some(conn: Connection, most: int) -> bool:
    """Release up to ``most`` invoices in the caller's transaction; returns whether more may wait."""
    left = most
    while left > 0:
        arrival = await store.next_arrival(conn)
        if arrival is None:
            return False
        waiting = await store.lock_waiting_for(conn, arrival, left)
        events = await facts.release(conn, waiting, as_text(arrival.key), words.now_known(arrival.key))
        await outbox.append(conn, events)
        last = validated_of(waiting[-1]).invoice_id if len(waiting) == left else None
        await store.arrival_got_to(conn, arrival, last)
        left -= len(waiting)
    return True


class Releases:
    """The schedule."""

    def __init__(self, pool: Pool, wake: Wake, most: int) -> None:
        """``pool`` has the worker role: one number may be waited for by many accounts."""
        self._pool = pool
        self._wake = wake
        self._most = most

    async def run(self) -> None:
        """Release until nothing waits for anybody known."""
        more = True
        while True:
            async with self._pool.acquire() as conn, conn.transaction():
                # What waited for a number may now wait for a party.
                await directory.hold(conn)
                more = await release_some(conn, self._most)
            self._wake()
            if not more:
                return
