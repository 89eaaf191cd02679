"""What only a real broker can show: arguments as declared, a restart, a second release's declaration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.contracts.topology import TOPOLOGY
from libs.messaging.amqp import AmqpTransport
from libs.messaging.transport import Message
from libs.testing.rabbitmq import RabbitMQ


@pytest.fixture
async def amqp(amqp_url: str) -> AsyncIterator[AmqpTransport]:
    transport = AmqpTransport(amqp_url)
    await transport.start()
    yield transport
    await transport.stop()


async def test_queues_are_declared_so_that_dead_lettering_cannot_lose(
    amqp: AmqpTransport, amqp_url: str, rabbitmq: RabbitMQ
) -> None:
    """Without reject-publish RabbitMQ falls back to at-most-once dead-lettering and says nothing."""
    await amqp.apply(TOPOLOGY)
    await amqp.apply(TOPOLOGY)
    found = rabbitmq.management.definitions(amqp_url.rsplit("/", 1)[1])
    queues = {queue["name"]: queue["arguments"] for queue in found["queues"]}  # type: ignore[attr-defined]
    for queue in TOPOLOGY.queues:
        arguments = queues[queue.name]
        assert arguments["x-queue-type"] == "quorum"
        assert arguments["x-overflow"] == "reject-publish"
        assert arguments["x-dead-letter-strategy"] == "at-least-once"
        assert arguments["x-dead-letter-routing-key"] == queue.dead
        assert arguments["x-delivery-limit"] == 5
        assert "x-max-length" not in arguments
        assert queue.dead in queues


async def test_messages_outlive_a_restart_of_the_broker(amqp: AmqpTransport, rabbitmq: RabbitMQ) -> None:
    await amqp.apply(TOPOLOGY)
    queue = TOPOLOGY.queues[0].name
    assert await amqp.publish([Message("", queue, b"[1]", "m1")]) == [None]
    await asyncio.to_thread(rabbitmq.restart, hard=False)
    for _ in range(100):
        results = await amqp.publish([Message("", queue, b"[2]", "m2")])
        if results == [None]:
            break
        await asyncio.sleep(0.2)
    async with amqp.subscribe(queue, prefetch=5) as subscription:
        arrivals = aiter(subscription)
        bodies = [(await asyncio.wait_for(anext(arrivals), 10)).message.body for _ in range(2)]
    assert bodies == [b"[1]", b"[2]"]
