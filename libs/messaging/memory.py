"""The transport of one process: topic match, competing consumers, delivery limit, dead letters.

It holds nothing that matters: a row leaves the outbox only when every bound queue has settled it, so what
is lost with the process is sent again from the outbox (``in_hand``) and the inbox absorbs what was already
handled.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from libs.contracts.topology import DELIVERY_LIMIT, Queue, Topology, matches
from libs.errors import HubError
from libs.messaging.transport import Delivery, Message, QueueMissing, Subscription, TransportAway, Unroutable


@dataclass(eq=False, slots=True)
class _Item:
    """One message in one queue."""

    message: Message
    queue: str
    settled: asyncio.Future[None]
    redelivered: bool = False
    failures: int = 0


@dataclass(eq=False, slots=True)
class _Queue:
    spec: Queue | None
    ready: deque[_Item] = field(default_factory=deque)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)


class MemoryTransport:
    """See ``Transport`` for the promises."""

    name = "memory"
    settles_on_publish = True

    def __init__(self) -> None:
        self.suspects = asyncio.Lock()
        self._queues: dict[str, _Queue] = {}
        self._subscriptions: set[_Subscription] = set()

    async def start(self) -> None:
        return None

    async def stop(self) -> None:
        self.drop_connections()

    async def apply(self, topology: Topology) -> None:
        for queue in topology.queues:
            self._queues.setdefault(queue.name, _Queue(queue))
            self._queues.setdefault(queue.dead, _Queue(None))

    async def missing(self, queues: Sequence[str]) -> list[str]:
        return [name for name in queues if name not in self._queues]

    async def differing(self, queues: Sequence[Queue]) -> list[str]:
        return []  # they were made by this release, in this process

    async def depth(self, queue: str) -> int:
        if queue not in self._queues:
            raise QueueMissing(queue)
        return len(self._queues[queue].ready)

    def delete(self, queue: str) -> None:
        """Lose a queue and what is in it (tests)."""
        del self._queues[queue]

    def drop_connections(self) -> None:
        """Break every subscription: what is unsettled comes back (tests, stop)."""
        for subscription in list(self._subscriptions):
            subscription.broken.set()

    async def publish(self, messages: Sequence[Message]) -> list[HubError | None]:
        waiting: list[list[asyncio.Future[None]] | None] = []
        for message in messages:
            targets = self._targets(message)
            if not targets:
                waiting.append(None)
                continue
            waiting.append([await self._put(name, message) for name in targets])
        results: list[HubError | None] = []
        for message, futures in zip(messages, waiting, strict=True):
            if futures is None:
                results.append(Unroutable(f"{message.exchange or 'default'}/{message.routing_key}"))
                continue
            await asyncio.gather(*futures)
            results.append(None)
        return results

    def _targets(self, message: Message) -> list[str]:
        if not message.exchange:
            return [message.routing_key] if message.routing_key in self._queues else []
        return [
            name
            for name, queue in self._queues.items()
            if queue.spec is not None
            and any(
                b.exchange == message.exchange and matches(b.pattern, message.routing_key)
                for b in queue.spec.bindings
            )
        ]

    async def _put(self, name: str, message: Message) -> asyncio.Future[None]:
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._append(name, _Item(message, name, settled))
        return settled

    async def _append(self, name: str, item: _Item, *, front: bool = False) -> None:
        queue = self._queues.get(name)
        if queue is None:
            return
        async with queue.changed:
            (queue.ready.appendleft if front else queue.ready.append)(item)
            queue.changed.notify_all()

    async def failed(self, item: _Item) -> None:
        """Count a failed delivery: back to the queue, or to the dead letters when the limit is passed."""
        item.failures += 1
        item.redelivered = True
        dead = f"{item.queue}.dead"
        if item.failures <= DELIVERY_LIMIT or dead not in self._queues:
            # Behind the dead letters lies nothing: those come again without a limit.
            await self._append(item.queue, item, front=True)
            return
        # Settled for its queue only when the dead letter is: the row stays in the outbox until then.
        future = await self._put(dead, item.message)
        future.add_done_callback(lambda _: _settle(item))

    async def returned(self, items: Sequence[_Item]) -> None:
        """Not tried: back to the head of the queue, in the old order."""
        for item in reversed(items):
            item.redelivered = True
            await self._append(item.queue, item, front=True)

    @contextlib.asynccontextmanager
    async def subscribe(self, queue: str, *, prefetch: int) -> AsyncIterator[Subscription]:
        if queue not in self._queues:
            raise QueueMissing(queue)
        subscription = _Subscription(self, self._queues[queue], prefetch)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        except BaseException:
            # Its consumer died, or lost the connection: what it held counts, as it does with a broker.
            for item in list(subscription.held):
                await self.failed(item)
            subscription.held.clear()
            raise
        finally:
            self._subscriptions.discard(subscription)
            await self.returned(list(subscription.held))


def _settle(item: _Item) -> None:
    if not item.settled.done():
        item.settled.set_result(None)


class _Subscription:
    def __init__(self, transport: MemoryTransport, queue: _Queue, prefetch: int) -> None:
        self._transport = transport
        self._queue = queue
        self._prefetch = prefetch
        self.held: dict[_Item, None] = {}
        self.broken = asyncio.Event()
        self._drained = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        while item := await self._next():
            yield _Delivery(item)

    async def drain(self) -> None:
        self._drained.set()

    async def _next(self) -> _Item | None:
        if self._drained.is_set():
            return None
        ends = [asyncio.create_task(each.wait()) for each in (self.broken, self._drained)]
        taking = asyncio.create_task(self._take())
        try:
            await asyncio.wait({taking, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if self.broken.is_set():
                raise TransportAway("the connection was lost")
            return taking.result() if taking.done() else None
        finally:
            for task in (taking, *ends):
                task.cancel()
            await asyncio.gather(taking, *ends, return_exceptions=True)

    async def _take(self) -> _Item:
        queue = self._queue
        async with queue.changed:
            await queue.changed.wait_for(lambda: queue.ready and len(self.held) < self._prefetch)
            item = queue.ready.popleft()
            self.held[item] = None
            return item

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        for item in self._let_go(deliveries):
            _settle(item)
        await self._room()

    async def reject(self, delivery: Delivery) -> None:
        for item in self._let_go([delivery]):
            await self._transport.failed(item)
        await self._room()

    async def hand_back(self, deliveries: Sequence[Delivery]) -> None:
        await self._transport.returned(self._let_go(deliveries))
        await self._room()

    def _let_go(self, deliveries: Sequence[Delivery]) -> list[_Item]:
        if self.broken.is_set():
            raise TransportAway("the connection was lost")
        items = [d.item for d in deliveries if isinstance(d, _Delivery)]
        for item in items:
            del self.held[item]
        return items

    async def _room(self) -> None:
        async with self._queue.changed:
            self._queue.changed.notify_all()


@dataclass(frozen=True, slots=True)
class _Delivery:
    item: _Item

    @property
    def message(self) -> Message:
        return self.item.message

    @property
    def queue(self) -> str:
        return self.item.queue

    @property
    def redelivered(self) -> bool:
        return self.item.redelivered
