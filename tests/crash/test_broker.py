"""A broker that restarts under a live transport: whoever holds it goes on by itself, and what was confirmed is there."""

from __future__ import annotations

import asyncio

import aio_pika

from libs.contracts.topology import INVOICE_EVENTS, Binding, Queue, Topology
from libs.errors import HubError
from libs.messaging import AmqpTransport, Transport
from libs.messaging.transport import Message, TransportAway
from libs.testing.rabbitmq import RabbitMQ

ONE = Queue("route.one", (Binding(INVOICE_EVENTS, "invoice.received.#"),))
KEPT = Queue("route.kept", (Binding(INVOICE_EVENTS, "invoice.received.#"),))
"""Nobody takes from it."""


def message(name: str) -> Message:
    return Message(INVOICE_EVENTS, "invoice.received.v1", b"[]", name)


async def until_published(transport: Transport, name: str) -> list[HubError]:
    """Publishes as the relay does: again until it is confirmed. Returns what was said before that."""
    refusals: list[HubError] = []
    async with asyncio.timeout(60):
        while True:
            [refused] = await transport.publish([message(name)])
            if refused is None:
                return refusals
            refusals.append(refused)
            await asyncio.sleep(0.2)


async def consume(transport: Transport, seen: list[str], away: list[str]) -> None:
    """Consumes as the consumer does: subscribes anew after every loss."""
    while True:
        try:
            async with transport.subscribe(ONE.name, prefetch=20) as subscription:
                async for delivery in subscription:
                    seen.append(delivery.message.message_id.partition(".")[0])
                    await subscription.ack([delivery])
        except TransportAway as gone:
            away.append(gone.message)
            await asyncio.sleep(0.2)


async def test_a_restarted_broker_is_found_again_by_publisher_and_consumer(
    breakable_broker: RabbitMQ,
) -> None:
    seen: list[str] = []
    away: list[str] = []
    broker = breakable_broker
    transport = AmqpTransport(broker.url)
    await transport.apply(Topology((INVOICE_EVENTS,), (ONE, KEPT)))
    consuming = asyncio.create_task(consume(transport, seen, away))
    try:
        assert await until_published(transport, "before") == []
        while seen != ["before"]:
            await asyncio.sleep(0.05)
        for how in ("hard", "soft"):
            restarting = asyncio.create_task(asyncio.to_thread(broker.restart, hard=how == "hard"))
            refusals: list[HubError] = []
            while not restarting.done():
                refusals += await until_published(transport, f"during-{how}")
            await restarting
            assert refusals, "nobody noticed"
            assert all(isinstance(each, TransportAway) for each in refusals)
            await until_published(transport, f"after-{how}")
            async with asyncio.timeout(30):
                while f"after-{how}" not in seen:
                    await asyncio.sleep(0.05)
            assert away, "the consumer was told"
            away.clear()
        assert set(seen) == {"before", "during-hard", "after-hard", "during-soft", "after-soft"}
        async with await aio_pika.connect(broker.url) as connection:
            kept = await (await connection.channel()).declare_queue(KEPT.name, passive=True)
        assert (kept.declaration_result.message_count or 0) >= len(set(seen))
    finally:
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)
        await transport.stop()
