"""What the hub asks of a message transport, whichever it is.

Two transports keep this promise, held by one conformance suite (``tests/contract``):

* ``amqp``: RabbitMQ, quorum queues, confirms; the real thing.
* ``memory``: one process; durable all the same, because the outbox row stays until every bound queue has
  settled the message.

Semantics, the same on both:

* ``publish`` returns only when the message is *safe*. AMQP: the broker confirmed it into every bound
  queue. Memory: every bound queue settled it. Unroutable is an error, never silence.
* A delivery is settled once: ``ack`` (done), ``reject`` (failed: counts against the delivery limit, comes
  back until the limit, then goes to ``<queue>.dead``) or ``hand_back`` (not tried: comes back).
* ``redelivered`` is true when this message may have been delivered before. It says nothing about why.
* Prefetch counts messages, not events.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from libs.contracts.topology import Queue, Topology
from libs.errors import HubError, Unavailable

BATCH_MEDIA_TYPE = "application/cloudevents-batch+json"


class TransportAway(Unavailable):
    """The message broker cannot be reached."""

    slug = "transport-away"


class Unroutable(HubError):
    """A message reached no queue: a binding is missing."""

    slug = "unroutable"


class QueueMissing(HubError):
    """A queue this release expects does not exist: run the migrate step."""

    slug = "queue-missing"


@dataclass(frozen=True, slots=True)
class Message:
    """What crosses the broker: a CloudEvents batch of events of one type."""

    exchange: str
    """Empty: the default exchange, where ``routing_key`` is the name of one queue."""
    routing_key: str
    body: bytes
    message_id: str


class Delivery(Protocol):
    """One message as a consumer got it. Settle it exactly once."""

    @property
    def message(self) -> Message: ...

    @property
    def queue(self) -> str: ...

    @property
    def redelivered(self) -> bool: ...


class Subscription(Protocol):
    """A running consumer of one queue."""

    def __aiter__(self) -> AsyncIterator[Delivery]: ...

    async def ack(self, deliveries: Sequence[Delivery]) -> None: ...

    async def reject(self, delivery: Delivery) -> None: ...

    async def hand_back(self, deliveries: Sequence[Delivery]) -> None: ...

    async def drain(self) -> None:
        """Get nothing more: the iteration ends behind what has arrived."""


class Transport(Protocol):
    name: str
    """``amqp`` or ``memory``: the value of ``messaging.system`` follows from it."""
    settles_on_publish: bool
    """True when ``publish`` returns only after every queue has settled the message (memory): that may take
    long, so the relay does not hold locks meanwhile."""
    suspects: asyncio.Lock
    """Held by the relay that tries what may have killed the process before: one at a time (memory)."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def apply(self, topology: Topology) -> None:
        """Declare what is missing. Raises when the broker holds something else under the same name."""

    async def missing(self, queues: Sequence[str]) -> list[str]:
        """Those of ``queues`` that do not exist."""

    async def differing(self, queues: Sequence[Queue]) -> list[str]:
        """Those of ``queues``, which exist, that were declared in another way, each with what differs."""

    async def depth(self, queue: str) -> int:
        """Messages ready in ``queue``. Raises ``QueueMissing``."""

    async def publish(self, messages: Sequence[Message]) -> list[HubError | None]:
        """Publish all, in flight together; per message ``None`` (safe) or why not
        (``Unroutable``, ``TransportAway``)."""

    def subscribe(self, queue: str, *, prefetch: int) -> AbstractAsyncContextManager[Subscription]:
        """Consume ``queue``. Iteration ends with ``TransportAway`` when the connection is lost; what was
        not settled comes back. Leaving the context cancels the consumer and hands back the rest."""
