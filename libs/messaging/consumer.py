"""The consumer: from one queue through a handler into the database.

::

    deliveries ─ collect (full, or due: ``Pace``) ─▶ Batch.handle ─ committed ─▶ ack
        │ redelivered, more than one event                │ database away
        ▼                                                 ▼
    taken apart: every event out again alone         handed back once; wait until it answers

A pack that comes *redelivered* may hold the event that crashed us. It is taken apart before anything is
tried: each event goes out again as a message of its own, with its id, so that a poison event meets the
broker's delivery limit alone instead of taking its neighbours along.

An event that had its share of deaths already, and goes again by itself or by hand (``dead``), is handled with nothing
else in hand: the consumer gets no more, finishes what it has, handles that one, and starts carefully.

For the same reason a consumer starts *carefully*, holding one message at a time: when it dies, everything it
holds counts as delivered once more, and prefetched neighbours of a poison event would reach the limit with
it. The first message that comes for the first time ends the caution: returned ones come before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar
from uuid import UUID

import structlog

from libs.contracts.topology import Rounds
from libs.db.trouble import TRANSIENT
from libs.db.types import Pool
from libs.messaging import dead, inbox, outbox
from libs.messaging.backlog import Waiting
from libs.messaging.batch import Batch
from libs.messaging.handler import Handler, Pace
from libs.messaging.pacing import Pacing
from libs.messaging.pack import Unread, unpack
from libs.messaging.transport import Delivery, QueueMissing, Subscription, Transport, TransportAway
from libs.telemetry import metrics
from libs.telemetry.gauges import Shares

K = TypeVar("K")
D = TypeVar("D")
_LONGEST_PAUSE = 5.0
_LINGER = 0.005
"""After a quiet moment: what was made together arrives together."""
_ONE = Pace(0.0, messages=1)
_ROUNDS = Rounds()
_log = structlog.get_logger(__name__)


_Arrived = tuple[Delivery, list[Unread]]


def _is_alone(arrived: _Arrived) -> bool:
    return any(unread.alone for unread in arrived[1])


def _end_if_cancelled() -> None:
    """The library of the broker may answer a cancellation with an error of its own; taken for no more than that,
    a part that was to end with another would go on for ever."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _nobody() -> None:
    """The default wake-up: the relay finds new rows by polling."""


class Consumer(Generic[K, D]):
    """Runs one handler on its queue, and moves what the broker gave up on into the dead letters."""

    def __init__(
        self,
        handler: Handler[K, D],
        pool: Pool,
        transport: Transport,
        *,
        schema: str,
        wake: Callable[[], Any] = _nobody,
        rounds: Rounds = _ROUNDS,
    ) -> None:
        self._queue = handler.queue
        self._pool = pool
        self._transport = transport
        self._wake = wake
        self._rounds = rounds
        self._pace = handler.pace
        self._batch: Batch[K, D] = Batch(handler, pool, transport=transport.name)
        self._stopping = asyncio.Event()
        self._careful = True
        self._waiting = Waiting(handler.queue)
        self._dead = Shares(metrics.dead_letters, "cause", {"service": schema, "queue": handler.queue})

    async def run(self) -> None:
        """Consume until ``stop()``; the batch in hand is finished, the rest handed back."""
        self._waiting.watch()
        # From 0 on: Prometheus does not count what a series begins with.
        metrics.events_redelivered.add(0, {"queue": self._queue})
        metrics.events_handled.add(0, {"queue": self._queue, "outcome": "handled"})
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_on(self._consume))
                group.create_task(self._keep_on(self._collect_dead))
                group.create_task(self._prune())
                group.create_task(self._count_dead())
                group.create_task(self._send_again())
        finally:
            self._waiting.forget()

    def stop(self) -> None:
        """Let ``run()`` finish the batch in hand and return."""
        self._stopping.set()

    async def _keep_on(self, part: Callable[[], Any]) -> None:
        """Run ``part`` until stopped; after a lost broker or database wait, and subscribe anew."""
        pause = 0.1
        while not self._stopping.is_set():
            try:
                await part()
                pause = 0.1
                continue
            except (TransportAway, QueueMissing) as away:
                _end_if_cancelled()
                _log.warning("cannot consume", queue=self._queue, code=away.code, detail=away.message)
                self._careful = True
            except TRANSIENT as error:
                _log.warning("database away", queue=self._queue, error=repr(error))
            if await self._stopped_within(pause):
                return
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _consume(self) -> None:
        pace = replace(self._pace, messages=1) if self._careful else self._pace
        async with (
            self._transport.subscribe(self._queue, prefetch=pace.messages) as subscription,
            # Closed here and now, not when collected: it must not take one more after we left.
            contextlib.aclosing(self._groups(subscription, pace)) as groups,
        ):
            alone: list[_Arrived] = []
            async for group in groups:
                if company := [each for each in group if not _is_alone(each)]:
                    await self._handle(subscription, company)
                alone += [each for each in group if _is_alone(each)]
                if alone:
                    await subscription.drain()
                elif self._careful and not any(delivery.redelivered for delivery, _ in group):
                    self._careful = False
                    return
            for each in alone:
                self._careful = True
                if self._stopping.is_set():
                    return
                await self._handle(subscription, [each])

    async def _handle(self, subscription: Subscription, group: Sequence[_Arrived]) -> None:
        apart = [unread for delivery, unread in group if delivery.redelivered and len(unread) > 1]
        events = [
            each
            for delivery, unread in group
            if not delivery.redelivered or len(unread) == 1
            for each in unread
        ]
        self._waiting.taken(events)
        if again := sum(len(unread) for delivery, unread in group if delivery.redelivered):
            metrics.events_redelivered.add(again, {"queue": self._queue})

        async def work() -> None:
            while apart:
                await self._take_apart(apart[-1])
                apart.pop()
            if events:
                await self._batch.handle(events)

        if not await self._insist(work):
            with contextlib.suppress(TransportAway):
                await subscription.hand_back([delivery for delivery, _ in group])
            return
        self._waiting.settled()
        self._wake()
        await subscription.ack([delivery for delivery, _ in group])

    async def _insist(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Work, again and again while the database cannot; False: asked to stop before it could.

        The events stay in hand meanwhile. Each time they were handed back the broker would count, and after
        a few outages take them for events that kill.
        """
        pause = 0.1
        while True:
            try:
                await work()
            except TRANSIENT as error:
                _log.warning("database away, events in hand", queue=self._queue, error=repr(error))
            else:
                return True
            if await self._stopped_within(pause):
                return False
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    async def _take_apart(self, unread: Sequence[Unread]) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            done = await inbox.known(conn, self._queue, [each.event_id for each in unread])
            await outbox.append_rows(
                conn,
                [
                    outbox.Row(
                        event_id=each.event_id,
                        account=each.account or UUID(int=0),
                        exchange="",
                        routing_key=self._queue,
                        subject=each.attribute("subject") or "",
                        body=each.body,
                        alone=True,
                    )
                    for each in unread
                    if each.event_id not in done
                ],
            )

    async def _groups(self, subscription: Subscription, pace: Pace) -> AsyncGenerator[list[_Arrived], None]:
        """Deliveries in groups: those that come before a group is due, or as many as make it full."""
        arrivals = aiter(subscription)
        pending: asyncio.Task[Delivery | None] | None = None
        stopping = asyncio.create_task(self._stopping.wait())
        loop = asyncio.get_running_loop()
        pacing = Pacing(pace.seconds, pace.credit)
        try:
            while not self._stopping.is_set():
                group: list[_Arrived] = []
                count, until = 0, 0.0
                while count < pace.events and len(group) < pace.messages:
                    pending = pending or asyncio.ensure_future(anext(arrivals, None))
                    left = until - loop.time() if group else None
                    if left is not None and left <= 0 and not pending.done():
                        break
                    await asyncio.wait({pending, stopping}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                    if not pending.done():
                        break
                    delivery = pending.result()
                    if delivery is None:
                        break
                    pending = None
                    unread = unpack(delivery.message)
                    group.append((delivery, unread))
                    count += len(unread)
                    until = until or max(pacing.due, loop.time() + _LINGER)
                if group:
                    pacing.cut(loop.time())
                    yield group
                elif pending is not None and pending.done():
                    return
        finally:
            for task in (pending, stopping):
                if task is not None:
                    task.cancel()
            await asyncio.gather(*(t for t in (pending, stopping) if t is not None), return_exceptions=True)

    async def _collect_dead(self) -> None:
        async with (
            self._transport.subscribe(f"{self._queue}.dead", prefetch=_ONE.messages) as subscription,
            contextlib.aclosing(self._groups(subscription, _ONE)) as groups,
        ):
            async for group in groups:
                for delivery, _ in group:
                    collect = functools.partial(
                        dead.collect, self._pool, self._queue, delivery.message, self._rounds
                    )
                    if not await self._insist(collect):
                        return
                    await subscription.ack([delivery])

    async def _count_dead(self) -> None:
        """Once a minute: how many dead letters wait for a person, and why."""
        while not self._stopping.is_set():
            with contextlib.suppress(*TRANSIENT):
                self._dead.set(await dead.count(self._pool, self._queue))
            await self._stopped_within(60)

    async def _send_again(self) -> None:
        """Second rounds, as they fall due."""
        while not self._stopping.is_set():
            went = False
            with contextlib.suppress(*TRANSIENT):
                went = await dead.again(self._pool, self._queue, self._rounds)
            if went:
                self._wake()
            wait = min(1.0 if went else 5.0, self._rounds.after.total_seconds())
            await self._stopped_within(max(0.05, wait))

    async def _prune(self) -> None:
        """Forget, an hour at a time, what no repeat can ask for any more."""
        while not self._stopping.is_set():
            with contextlib.suppress(*TRANSIENT):
                async with self._pool.acquire() as conn:
                    while await inbox.prune(conn, self._queue):
                        if self._stopping.is_set():
                            break
            await self._stopped_within(3600)
