"""The broker's exchanges, queues and bindings as plain data.

Applied by the migrate step before anybody publishes; exported as RabbitMQ definitions; read by the
relay, which refuses to start while a queue of its event types is missing.

A binding ends in ``.#`` after the event's name, so every version reaches its consumer: a version the
consumer does not know is kept as a dead letter instead of vanishing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

INVOICE_EVENTS = "invoice.events"
PARTY_EVENTS = "party.events"
MASTERDATA_EVENTS = "masterdata.events"
DEAD = "hub.dead"

DELIVERY_LIMIT = 5
"""Redeliveries after a crash before the broker gives up on a message; n means n + 1 deliveries."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """What an event gets that the broker gave up on, before it is left to a person."""

    most: int = 1
    """How many rounds more, each of ``DELIVERY_LIMIT + 1`` deliveries."""
    after: timedelta = timedelta(minutes=5)
    """How long it waits for each: whatever else kills shall be over."""


@dataclass(frozen=True, slots=True)
class Binding:
    exchange: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Queue:
    """One work queue of one service. ``<name>.dead`` belongs to it."""

    name: str
    bindings: tuple[Binding, ...]

    @property
    def service(self) -> str:
        return self.name.partition(".")[0]

    @property
    def dead(self) -> str:
        return f"{self.name}.dead"

    @property
    def hears_all(self) -> bool:
        """Whether it gets every fact of an exchange: whoever reads it keeps them, and no stage waits for it."""
        return any(binding.pattern.partition(".")[2] == "#" for binding in self.bindings)

    @property
    def dead_arguments(self) -> Mapping[str, str | int]:
        """Of ``<name>.dead``: quorum too, and as good as without a limit, for nothing lies behind it. Said, because
        RabbitMQ 4 takes 20 where nothing is; as a number, because RabbitMQ 3 refuses -1."""
        return {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000}

    @property
    def arguments(self) -> Mapping[str, str | int]:
        """Quorum, with dead-lettering that cannot lose: at-least-once needs ``reject-publish``, else the
        broker falls back silently to at-most-once."""
        return {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD,
            "x-dead-letter-routing-key": self.dead,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }


@dataclass(frozen=True, slots=True)
class Topology:
    exchanges: tuple[str, ...] = (INVOICE_EVENTS, PARTY_EVENTS, MASTERDATA_EVENTS)
    queues: tuple[Queue, ...] = field(default=())

    def queue(self, name: str) -> Queue:
        """The queue called ``name``; ``KeyError`` if there is none."""
        for queue in self.queues:
            if queue.name == name:
                return queue
        raise KeyError(name)

    def expected(self, exchange: str, routing_key: str) -> list[str]:
        """The queues a message with this key must reach, by name."""
        return [
            queue.name
            for queue in self.queues
            if any(b.exchange == exchange and matches(b.pattern, routing_key) for b in queue.bindings)
        ]


def matches(pattern: str, routing_key: str) -> bool:
    """AMQP topic match: ``*`` is one word, ``#`` any number of words."""
    return _match(pattern.split("."), routing_key.split("."))


def _match(pattern: list[str], words: list[str]) -> bool:
    # Row-by-row dynamic programming: a recursive match is exponential in the number of '#'.
    reach = [True] + [False] * len(words)
    for part in pattern:
        if part == "#":
            for i in range(1, len(reach)):
                reach[i] = reach[i] or reach[i - 1]
        else:
            reach = [False] + [reach[i] and part in ("*", word) for i, word in enumerate(words)]
    return reach[-1]


def _invoice(*names: str) -> tuple[Binding, ...]:
    return tuple(Binding(INVOICE_EVENTS, f"invoice.{name}.#") for name in names)


def _queues() -> Iterable[Queue]:
    yield Queue("ingest.outcomes", _invoice("rejected", "returned", "undeliverable", "recalled"))
    yield Queue("validate.received", _invoice("received"))
    yield Queue("validate.erased", _invoice("erased"))
    yield Queue("route.validated", _invoice("validated"))
    yield Queue("route.outcomes", _invoice("rejected", "undeliverable"))
    yield Queue("route.erased", _invoice("erased"))
    yield Queue("route.accounts", (Binding(PARTY_EVENTS, "account.registered.#"),))
    yield Queue("deliver.routed", _invoice("routed"))
    yield Queue("deliver.recalls", _invoice("recalled"))
    yield Queue("deliver.erased", _invoice("erased"))
    yield Queue("track.facts", (Binding(INVOICE_EVENTS, "invoice.#"),))
    yield Queue(
        "track.accounts",
        (
            Binding(PARTY_EVENTS, "account.registered.#"),
            Binding(PARTY_EVENTS, "account.link_made.#"),
            Binding(PARTY_EVENTS, "account.connection_lapsed.#"),
        ),
    )
    yield Queue("sync.masterdata", (Binding(MASTERDATA_EVENTS, "masterdata.#"),))


TOPOLOGY = Topology(queues=tuple(_queues()))
