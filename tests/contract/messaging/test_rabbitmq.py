"""What only a real broker can show: arguments as declared."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.contracts.topology import TOPOLOGY
from libs.messaging.amqp import AmqpTransport
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
        # Said, not left out: RabbitMQ 4 would take 20 and drop what was returned more often.
        assert queues[queue.dead] == {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000}
