"""A batch through a handler as the consumer does it, without the queue: for tests that look at one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from libs.contracts.envelope import Event
from libs.db.types import Pool
from libs.messaging import Decided, Handler, outbox

K = TypeVar("K")
D = TypeVar("D")


class Counted:
    """A connection that counts the statements run through it."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        if name in ("execute", "executemany", "fetch", "fetchrow", "fetchval"):
            self.statements += 1
        return getattr(self._conn, name)


async def handle(handler: Handler[K, D], pool: Pool, events: Sequence[Event]) -> list[Event]:
    """Gather, decide, write in one transaction; raises what ``decide`` raises. Returns what was emitted."""
    emitted, _ = await counted(handler, pool, events)
    return emitted


async def counted(handler: Handler[K, D], pool: Pool, events: Sequence[Event]) -> tuple[list[Event], int]:
    """The same, with how many statements the write took, the outbox included."""
    known = await handler.gather(events)
    decided = [Decided(event, handler.decide(event, known)) for event in events]
    async with pool.acquire() as conn, conn.transaction():
        watched: Any = Counted(conn)
        emitted = await handler.write(watched, decided)
        await outbox.append(watched, emitted)
    return list(emitted), watched.statements
