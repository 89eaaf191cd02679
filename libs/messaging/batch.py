"""From deliveries to a written batch: what happens to events between arriving and being acknowledged.

::

    unread ─ read ─┬─ unreadable ──────────────▶ dead letter
                   └─ decide ─┬─ decision ─────▶ write ─ fails? ▶ bisect ▶ the one that fails: like ↓
                              ├─ Retry(after) ─▶ outbox row for this queue alone, not before then
                              └─ any error ────▶ the same with backoff; after the last try a dead letter

One transaction holds the inbox rows, the state, the outgoing events, the retries and the dead letters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg
import structlog

from libs import clock
from libs.contracts.envelope import Event
from libs.contracts.registry import UndecodableEvent
from libs.db.trouble import NOT_NOW
from libs.db.types import Pool
from libs.errors import HubError, Park, Reject, Retry
from libs.messaging import dead, inbox, outbox, tracing
from libs.messaging.backoff import next_try
from libs.messaging.handler import Decided, Handler
from libs.messaging.pack import Unread
from libs.telemetry import metrics

K = TypeVar("K")
D = TypeVar("D")

_CLASH = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_CLASH_TRIES = 5

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Sorted(Generic[D]):
    decided: list[Decided[D]] = field(default_factory=list)
    retries: list[tuple[Event, timedelta]] = field(default_factory=list)
    dying: list[dead.Dying] = field(default_factory=list)


class Batch(Generic[K, D]):
    """Writes batches of one handler."""

    def __init__(self, handler: Handler[K, D], pool: Pool, *, transport: str) -> None:
        self._handler = handler
        self._pool = pool
        self._queue = handler.queue
        self._transport = transport

    async def handle(self, arrived: Sequence[Unread]) -> None:
        """Handle every event once. Raises only what is nobody's fault (``NOT_NOW``), and what a schema that was
        not migrated says."""
        began = clock.monotonic()
        bodies = {unread.event_id: unread for unread in arrived}
        events, unreadable = self._read(list(bodies.values()))
        if unreadable:
            await self._write(_Sorted(dying=unreadable), {})
        if events:
            with tracing.processing(self._transport, self._queue, events):
                await self._handle(events, bodies)
                self._took(began)
        else:
            self._took(began)
        if len(bodies) < len(arrived):
            self._count("repeated", len(arrived) - len(bodies))

    def _took(self, began: float) -> None:
        """Said within the span of the batch: so the figure leads to it."""
        metrics.process_duration.record(clock.monotonic() - began, {"queue": self._queue})

    def _count(self, outcome: str, events: int) -> None:
        metrics.events_handled.add(events, {"queue": self._queue, "outcome": outcome})

    async def _handle(self, events: Sequence[Event], bodies: dict[UUID, Unread]) -> None:
        """Gather, decide, write; on failure halve until the one that fails stands alone."""
        try:
            known = await self._handler.gather(events)
            result = await self._decide(events, known, bodies)
            await self._write(result, bodies)
        except NOT_NOW:
            raise
        except Exception as error:  # noqa: BLE001 - the one place that must take whatever a handler does
            if len(events) > 1:
                half = len(events) // 2
                await self._handle(events[:half], bodies)
                await self._handle(events[half:], bodies)
                return
            _log.warning("event failed", queue=self._queue, event_id=str(events[0].id), exc_info=error)
            await self._write(self._failed(events[0], error, bodies), bodies)

    async def _decide(self, events: Sequence[Event], known: K, bodies: dict[UUID, Unread]) -> _Sorted[D]:
        def work() -> _Sorted[D]:
            result: _Sorted[D] = _Sorted()
            for event in events:
                self._decide_one(event, known, bodies, result)
            return result

        return await asyncio.to_thread(work) if self._handler.heavy else work()

    def _decide_one(self, event: Event, known: K, bodies: dict[UUID, Unread], result: _Sorted[D]) -> None:
        try:
            try:
                decision = self._handler.decide(event, known)
            except (Reject, Park) as word:
                decision = self._handler.refused(event, word)
        except Retry as later:
            result.retries.append((event, later.after))
        except Exception as error:  # noqa: BLE001 - one bad event must not hurt its neighbours
            failed: _Sorted[D] = self._failed(event, error, bodies)
            result.retries += failed.retries
            result.dying += failed.dying
        else:
            result.decided.append(Decided(event, decision))

    def _failed(self, event: Event, error: Exception, bodies: dict[UUID, Unread]) -> _Sorted[Any]:
        """Try again later, or bury: what cannot change is buried at once."""
        tracing.failed(self._queue, event, error)
        hopeless = isinstance(error, HubError) and not error.transient
        wait = None if hopeless else next_try(event.attempt)
        if wait is not None:
            return _Sorted(retries=[(event, wait)])
        cause = error.code if isinstance(error, HubError) else type(error).__name__
        return _Sorted(dying=[dead.Dying(bodies[event.id], event.attempt, cause, str(error))])

    def _read(self, unread: Sequence[Unread]) -> tuple[list[Event], list[dead.Dying]]:
        events: list[Event] = []
        dying: list[dead.Dying] = []
        for each in unread:
            try:
                events.append(each.read())
            except UndecodableEvent as error:
                dying.append(dead.Dying(each, 1, error.code, error.message))
        return events, dying

    async def _write(self, result: _Sorted[D], bodies: dict[UUID, Unread]) -> None:
        for attempt in range(1, _CLASH_TRIES + 1):
            try:
                fresh = await self._write_once(result)
            except _CLASH:
                # Another worker won; the same work again succeeds.
                if attempt == _CLASH_TRIES:
                    raise
                await asyncio.sleep(0.01 * attempt)
            else:
                break
        finished = len(result.decided) + len(result.dying)
        self._count("handled", fresh)
        if fresh < finished:
            self._count("repeated", finished - fresh)
        if result.retries:
            self._count("retried", len(result.retries))
        if result.dying:
            self._count("dead", len(result.dying))
            for each in result.dying:
                _log.error(
                    "dead letter", queue=self._queue, event_id=str(each.unread.event_id), cause=each.cause,
                    detail=each.detail[:300],
                )  # fmt: skip

    async def _write_once(self, result: _Sorted[D]) -> int:
        """One transaction; returns how many events were not finished before. A repeat shows here and nowhere
        else: it was decided for nothing, which is rare, where asking beforehand would cost every batch."""
        async with self._pool.acquire() as conn, conn.transaction():
            ids = {d.event.id for d in result.decided} | {d.unread.event_id for d in result.dying}
            fresh = await inbox.claim(conn, self._queue, ids)
            decided = [d for d in result.decided if d.event.id in fresh]
            if decided:
                following = await self._handler.write(conn, decided)
                await outbox.append(conn, tracing.follow(following, [d.event for d in decided]))
            await dead.bury(conn, self._queue, [d for d in result.dying if d.unread.event_id in fresh])
            await outbox.append_rows(conn, [_retry(self._queue, *retry) for retry in result.retries])
        return len(fresh)


def _retry(queue: str, event: Event, after: timedelta) -> outbox.Row:
    """The same event for this queue alone. No inbox row is written: the retry keeps its id."""
    return outbox.Row(
        event_id=event.id,
        account=event.account,
        exchange="",
        routing_key=queue,
        subject=event.subject,
        body=event.again().encode(),
        after=after,
    )
