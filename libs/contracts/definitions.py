"""The topology as RabbitMQ definitions: for a broker that its own administrators set up.

``migrate`` declares the same from the same data (tested: both ways, one broker, no difference). Only exchanges,
queues and bindings: users and rights are each installation's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from libs.contracts.topology import DEAD, TOPOLOGY, Topology


def definitions(topology: Topology = TOPOLOGY, *, vhost: str = "/") -> dict[str, Any]:
    """What ``rabbitmqctl import_definitions`` and ``POST /api/definitions`` read, in the form RabbitMQ exports:
    lists of ``vhosts``, ``exchanges``, ``queues`` and ``bindings``. Importing it twice changes nothing."""
    return {
        "vhosts": [{"name": vhost}],
        "exchanges": [
            {
                "name": name,
                "vhost": vhost,
                "type": "topic",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
            for name in (*topology.exchanges, DEAD)
        ],
        "queues": [
            {"name": name, "vhost": vhost, "durable": True, "auto_delete": False, "arguments": arguments}
            for name, arguments in _queues(topology)
        ],
        "bindings": [
            {
                "source": source,
                "vhost": vhost,
                "destination": queue,
                "destination_type": "queue",
                "routing_key": key,
                "arguments": {},
            }
            for source, key, queue in _bindings(topology)
        ],
    }


def _queues(topology: Topology) -> Iterator[tuple[str, dict[str, str | int]]]:
    for queue in topology.queues:
        yield queue.dead, dict(queue.dead_arguments)
        yield queue.name, dict(queue.arguments)


def _bindings(topology: Topology) -> Iterator[tuple[str, str, str]]:
    for queue in topology.queues:
        yield DEAD, queue.dead, queue.dead
        for binding in queue.bindings:
            yield binding.exchange, binding.pattern, queue.name
