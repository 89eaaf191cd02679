"""RabbitMQ: one connection publishes, another consumes, because the broker throttles publishers by
connection and a throttled connection must not keep acknowledgements back.

Publishing goes over one channel with many confirms in flight. A lost connection is told at once
(``TransportAway``): the outbox keeps the rows, so nothing here hides an outage by waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika import DeliveryMode, ExchangeType
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
)
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, PublishError
from aiormq.abc import TimeoutType
from aiormq.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from libs.contracts.topology import DEAD, Queue, Topology
from libs.errors import Conflict, HubError
from libs.messaging.transport import (
    BATCH_MEDIA_TYPE,
    Delivery,
    Message,
    QueueMissing,
    Subscription,
    TransportAway,
    Unroutable,
)

CONFIRM_SECONDS = 10.0
_LOST = (
    AMQPError,
    ChannelInvalidStateError,
    ConnectionError,
    OSError,
    asyncio.TimeoutError,
    RuntimeError,
)
_OURS = (TransportAway, ChannelNotFoundEntity, PublishError)


@contextlib.contextmanager
def _away(doing: str = "the connection to the broker was lost") -> Iterator[None]:
    """Whatever a lost connection looks like from inside the library is ``TransportAway`` outside it.

    aiormq answers calls that a closing connection cuts short with a bare ``Exception``, or with a
    ``CancelledError`` that nobody asked for: taken for a real one, it would end a relay without a word.
    """
    try:
        yield
    except _OURS:
        raise
    except _LOST as away:
        raise TransportAway(f"{doing}: {away}") from away
    except asyncio.CancelledError as away:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise TransportAway(doing) from away
    except Exception as away:
        if type(away) is not Exception:
            raise
        raise TransportAway(doing) from away


@contextlib.contextmanager
def _if_there() -> Iterator[None]:
    """For what is only polite: closing, on a connection that may be gone."""
    with contextlib.suppress(TransportAway, *_LOST), _away():
        yield


class _Connection(aio_pika.Connection):
    """Closed when it cannot be made. The library leaves that to the garbage collector, which may come by in a
    thread without an event loop: then it closes nothing and complains."""

    async def connect(self, timeout: TimeoutType = None) -> None:  # noqa: ASYNC109  as inherited
        try:
            await super().connect(timeout)
        except BaseException:
            await self.close()
            raise


class AmqpTransport:
    """See ``Transport`` for the promises."""

    name = "amqp"
    settles_on_publish = False

    def __init__(self, url: str) -> None:
        self.suspects = asyncio.Lock()
        self._url = url
        self._connections: dict[str, AbstractConnection] = {}
        self._publishing: AbstractChannel | None = None
        self._asking: AbstractChannel | None = None
        self._asked = asyncio.Lock()
        self._exchanges: dict[str, AbstractExchange] = {}
        self._lock = asyncio.Lock()
        self._numbers = itertools.count(1)

    async def start(self) -> None:
        """Connect once, so that a wrong URL is told at start. Raises ``TransportAway``."""
        await self._connection("publish")

    async def stop(self) -> None:
        for connection in self._connections.values():
            with _if_there():
                await connection.close()
        self._connections.clear()
        self._publishing = self._asking = None

    async def _connection(self, purpose: str) -> AbstractConnection:
        async with self._lock:
            connection = self._connections.get(purpose)
            # Not `is_closed`: that stays false when it was the other side that went away.
            if connection is None or not connection.connected.is_set():
                if connection is not None:
                    with _if_there():
                        await connection.close()
                with _away("cannot reach the message broker"):
                    connection = await aio_pika.connect(
                        self._url,
                        timeout=5,
                        client_properties={"connection_name": f"postbode-{purpose}"},
                        connection_class=_Connection,
                    )
                self._connections[purpose] = connection
            return connection

    @contextlib.asynccontextmanager
    async def _channel(self, purpose: str = "admin") -> AsyncIterator[AbstractChannel]:
        """A channel for one errand: a failed passive declare closes the channel it was made on."""
        connection = await self._connection(purpose)
        with _away():
            channel = await connection.channel(publisher_confirms=False)
        try:
            yield channel
        finally:
            with _if_there():
                await channel.close()

    async def apply(self, topology: Topology) -> None:
        async with self._channel() as channel:
            with _away("the broker did not declare the queues (postbode doctor says which differ)"):
                await self._apply(channel, topology)

    async def _apply(self, channel: AbstractChannel, topology: Topology) -> None:
        for name in topology.exchanges:
            await channel.declare_exchange(name, ExchangeType.TOPIC, durable=True)
        dead = await channel.declare_exchange(DEAD, ExchangeType.TOPIC, durable=True)
        for spec in topology.queues:
            letters = await channel.declare_queue(
                spec.dead, durable=True, arguments=dict(spec.dead_arguments)
            )
            await letters.bind(dead, spec.dead)
            queue = await channel.declare_queue(spec.name, durable=True, arguments=dict(spec.arguments))
            for binding in spec.bindings:
                await queue.bind(binding.exchange, binding.pattern)

    async def missing(self, queues: Sequence[str]) -> list[str]:
        return [name for name in queues if await self._look(name) is None]

    async def differing(self, queues: Sequence[Queue]) -> list[str]:
        return [said for queue in queues if (said := await self._difference(queue)) is not None]

    async def _difference(self, queue: Queue) -> str | None:
        """The broker compares when a queue is declared again. Bound too: should it have been deleted this very moment, it
        is whole again, and not one that is there and gets nothing."""
        async with self._channel() as channel:
            with _away():
                try:
                    found = await channel.declare_queue(
                        queue.name, durable=True, arguments=dict(queue.arguments)
                    )
                    for binding in queue.bindings:
                        await found.bind(binding.exchange, binding.pattern)
                except ChannelPreconditionFailed as differs:
                    return f"{queue.name}: {str(differs).partition(' - ')[2] or differs}"
        return None

    async def depth(self, queue: str) -> int:
        found = await self._look(queue)
        if found is None:
            raise QueueMissing(queue)
        return found

    async def empty(self, queues: Sequence[str]) -> int:
        """Throw away what lies in these queues; how many messages. Raises ``Conflict`` while somebody takes from one, and
        then nothing is thrown away."""
        async with self._channel() as channel:
            with _away():
                found = [await channel.declare_queue(queue, passive=True) for queue in queues]
                taken = [each.name for each in found if each.declaration_result.consumer_count]
                if taken:
                    raise Conflict(
                        f"workers still take from {', '.join(taken)}: stop every process first",
                        nl=f"workers nemen nog uit {', '.join(taken)}: stop eerst alle processen",
                    )
                return sum([(await each.purge()).message_count or 0 for each in found])

    async def _look(self, queue: str) -> int | None:
        """Messages in ``queue``; None: there is none. One question at a time: a queue that is missing costs the channel,
        and whoever had asked meanwhile his answer. The channel is kept: to make one is dearer than to ask."""
        async with self._asked:
            if self._asking is None or self._asking.is_closed:
                connection = await self._connection("admin")
                with _away():
                    self._asking = await connection.channel(publisher_confirms=False)
            with _away():
                try:
                    found = await self._asking.declare_queue(queue, passive=True)
                except ChannelNotFoundEntity:
                    self._asking = None
                    return None
            return int(found.declaration_result.message_count or 0)

    async def _publisher(self) -> AbstractChannel:
        if self._publishing is None or self._publishing.is_closed:
            connection = await self._connection("publish")
            with _away():
                self._publishing = await connection.channel(publisher_confirms=True, on_return_raises=True)
            self._exchanges.clear()
        return self._publishing

    async def publish(self, messages: Sequence[Message]) -> list[HubError | None]:
        try:
            channel = await self._publisher()
        except TransportAway as away:
            return [away] * len(messages)
        return list(await asyncio.gather(*(self._publish(channel, message) for message in messages)))

    async def _publish(self, channel: AbstractChannel, message: Message) -> HubError | None:
        where = f"{message.exchange or 'default'}/{message.routing_key}"
        try:
            with _away(where):
                await self._send(channel, message)
        except PublishError:
            return Unroutable(where)
        except ChannelNotFoundEntity:
            return Unroutable(where)
        except TransportAway as away:
            return away
        return None

    async def _send(self, channel: AbstractChannel, message: Message) -> None:
        exchange = self._exchanges.get(message.exchange)
        if exchange is None:
            exchange = self._exchanges[message.exchange] = (
                await channel.get_exchange(message.exchange, ensure=False)
                if message.exchange
                else channel.default_exchange
            )
        await exchange.publish(
            aio_pika.Message(
                message.body,
                content_type=BATCH_MEDIA_TYPE,
                delivery_mode=DeliveryMode.PERSISTENT,
                # aiormq tells a returned message by this id: two in flight under one id, and an
                # unroutable one would be taken for confirmed (seen).
                message_id=f"{message.message_id}.{next(self._numbers)}",
            ),
            message.routing_key,
            mandatory=True,
            timeout=CONFIRM_SECONDS,
        )

    @contextlib.asynccontextmanager
    async def subscribe(self, queue: str, *, prefetch: int) -> AsyncIterator[Subscription]:
        connection = await self._connection("consume")
        subscription = _Subscription(queue)
        try:
            with _away():
                channel = await connection.channel(publisher_confirms=False)
                await channel.set_qos(prefetch_count=prefetch)
                target = await channel.get_queue(queue, ensure=True)
                channel.close_callbacks.add(subscription.lost)
                subscription.consumes(target, await target.consume(subscription.arrived))
        except ChannelNotFoundEntity as missing:
            raise QueueMissing(queue) from missing
        try:
            yield subscription
        finally:
            with _if_there():
                if not channel.is_closed:
                    await subscription.drain()
                    await subscription.hand_back_rest()
                    await channel.close()


class _Subscription:
    """Deliveries of one channel. ``_open`` holds what is not settled, by delivery tag, in tag order."""

    def __init__(self, queue: str) -> None:
        self._name = queue
        self._arrivals: asyncio.Queue[_Delivery | None] = asyncio.Queue()
        self._open: dict[int, _Delivery] = {}
        self._consumed: tuple[AbstractQueue, str] | None = None
        self._lost = False

    def consumes(self, queue: AbstractQueue, tag: str) -> None:
        self._consumed = queue, tag

    async def arrived(self, message: AbstractIncomingMessage) -> None:
        delivery = _Delivery(self._name, message)
        self._open[delivery.tag] = delivery
        self._arrivals.put_nowait(delivery)

    def lost(self, *_: Any) -> None:
        self._lost = True
        self._arrivals.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        while True:
            delivery = await self._arrivals.get()
            if self._lost:
                raise TransportAway("the connection to the broker was lost")
            if delivery is None:
                return
            yield delivery

    async def drain(self) -> None:
        if self._consumed is None:
            return
        (queue, tag), self._consumed = self._consumed, None
        with _away():
            await queue.cancel(tag)
        # What arrived before the answer is put down by tasks of its own, two turns of the loop later.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self._arrivals.put_nowait(None)

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """``multiple`` is only said when every lower tag is settled: it acknowledges those too."""
        settled = self._settle(deliveries)
        if not settled:
            return
        highest = settled[-1]
        with _away():
            if not self._open or next(iter(self._open)) > highest.tag:
                await highest.raw.ack(multiple=True)
            else:
                for delivery in settled:
                    await delivery.raw.ack()

    async def reject(self, delivery: Delivery) -> None:
        for each in self._settle([delivery]):
            with _away():
                await each.raw.reject(requeue=True)

    async def hand_back(self, deliveries: Sequence[Delivery]) -> None:
        for each in self._settle(deliveries):
            with _away():
                await each.raw.nack(requeue=True)

    async def hand_back_rest(self) -> None:
        await self.hand_back(list(self._open.values()))

    def _settle(self, deliveries: Sequence[Delivery]) -> list[_Delivery]:
        own = sorted((d for d in deliveries if isinstance(d, _Delivery)), key=lambda d: d.tag)
        for delivery in own:
            del self._open[delivery.tag]
        return own


@dataclass(frozen=True, slots=True)
class _Delivery:
    queue: str
    raw: AbstractIncomingMessage

    @property
    def tag(self) -> int:
        return self.raw.delivery_tag or 0

    @property
    def message(self) -> Message:
        return Message(
            exchange=self.raw.exchange or "",
            routing_key=self.raw.routing_key or "",
            body=self.raw.body,
            message_id=self.raw.message_id or "",
        )

    @property
    def redelivered(self) -> bool:
        return bool(self.raw.redelivered)
