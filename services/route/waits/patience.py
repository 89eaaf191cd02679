"""Nobody's invoice waits for ever.

::

    parked ── half its time ──▶ its sender is told on which day it is given back ── that day ──▶ returned
       └── goes on, or is taken back: nothing of this happens

Whoever shortens the time gives nothing back unannounced: from being told to being given back always takes half of it.
Both are a row locked and an event written in one transaction, so a process that dies has done it or has not. A row that
somebody is releasing at that moment is left to them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias

from libs.db.types import Connection, Pool
from libs.messaging import outbox
from libs.service import Wake
from services.route import facts, store, words

_Piece: TypeAlias = Callable[[Connection], Awaitable[int]]


class Patience:
    """The schedule."""

    def __init__(self, pool: Pool, wake: Wake, patience: timedelta, most: int) -> None:
        """``pool`` has the worker role: invoices of all accounts grow old. ``most``: invoices of one transaction."""
        self._pool = pool
        self._wake = wake
        self._patience = patience
        self._most = most

    async def run(self) -> None:
        """Until nobody has to be told and nothing has waited too long."""
        await self._all(self._remind)
        await self._all(self._give_back)

    async def _all(self, piece: _Piece) -> None:
        done = self._most
        while done == self._most:
            async with self._pool.acquire() as conn, conn.transaction():
                done = await piece(conn)
            if done:
                self._wake()

    async def _remind(self, conn: Connection) -> int:
        silent = await store.lock_silent(conn, self._patience, self._most)
        await outbox.append(conn, await facts.remind(conn, silent))
        return len(silent)

    async def _give_back(self, conn: Connection) -> int:
        overdue = await store.lock_overdue(conn, self._most)
        await outbox.append(
            conn, await facts.give_back(conn, overdue, "waited-too-long", words.waited_too_long())
        )
        return len(overdue)
