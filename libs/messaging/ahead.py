"""What lies ahead of a relay: how much waits in the queues that its events go to.

The broker counts messages, and one carries up to two hundred events: what was sent lately tells how many are in one.
Asking costs a round trip, so between two answers what was sent is added to the last one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from libs import clock
from libs.contracts.registry import PAYLOADS
from libs.contracts.topology import Topology
from libs.messaging.pack import Pack
from libs.messaging.transport import QueueMissing, Transport, TransportAway

_log = structlog.get_logger(__name__)

DEEP = 1_500
"""Events that may wait for a stage; more wait in the outbox, where an account has a lane of its own."""
DEEP_MESSAGES = 2_000
"""Messages that may wait in a queue of facts, which nothing follows from."""
HOLDS, HOLDS_FULL = 0.25, 0.05
"""Seconds an answer of the broker holds; when there is no more room by it."""


@dataclass(slots=True)
class _Queue:
    asked: float = 0.0
    waiting: float = 0.0
    """Events, by the last answer and what was sent since."""
    each: float = 1.0
    """Events in a message, of late."""
    missing: bool = False


class Ahead:
    """Of the events of one ``schema``'s outbox."""

    def __init__(self, transport: Transport, topology: Topology, *, schema: str) -> None:
        self._transport = transport
        self._topology = topology
        self._schema = schema
        self._queues: dict[str, _Queue] = {}

    def next_stages(self, routing_key: str) -> list[str]:
        """The queues that events of this type must reach."""
        model = PAYLOADS.get(routing_key)
        return self._topology.expected(model.exchange, routing_key) if model else []

    def sent(self, packs: Iterable[Pack]) -> None:
        """These go to the broker now; it is asked soon whether they came."""
        for pack in packs:
            for name in self.next_stages(pack.message.routing_key):
                queue = self._queues.setdefault(name, _Queue())
                queue.waiting += len(pack.ids)
                queue.each += (len(pack.ids) - queue.each) / 8

    async def takes_more(self, routing_key: str) -> bool:
        """Whether every next stage has room, and is there."""
        found = True
        for name in self.next_stages(routing_key):
            found = await self._has_room(name, self._queues.setdefault(name, _Queue())) and found
        return found

    async def _has_room(self, name: str, queue: _Queue) -> bool:
        deep = DEEP_MESSAGES * queue.each if self._topology.queue(name).hears_all else DEEP
        full = queue.missing or queue.waiting >= deep
        if clock.monotonic() - queue.asked >= (HOLDS_FULL if full else HOLDS):
            await self._ask(name, queue)
        return not queue.missing and queue.waiting < deep

    async def _ask(self, name: str, queue: _Queue) -> None:
        try:
            queue.waiting = await self._transport.depth(name) * queue.each
        except TransportAway:
            # Nothing can be sent either, which whoever tries is told.
            queue.waiting = 0
        except QueueMissing as error:
            # Published now, they would be lost to it without a word: another queue has them, so they are routed.
            if not queue.missing:
                queue.missing = True
                _log.error(
                    "events wait for a missing queue: run the migrate step",
                    schema=self._schema, code=error.code, detail=name,
                )  # fmt: skip
        else:
            queue.missing = False
        queue.asked = clock.monotonic()
