"""How much may wait for the next stage: counted in events, not in messages."""

from __future__ import annotations

import math

import pytest

from libs.contracts.invoice import InvoiceReceived
from libs.contracts.topology import TOPOLOGY
from libs.messaging import ahead
from libs.messaging.ahead import DEEP, DEEP_MESSAGES, Ahead
from libs.messaging.memory import MemoryTransport
from libs.messaging.pack import MOST_EVENTS, Pack, Waiting, pack

RECEIVED = InvoiceReceived.type


class Broker(MemoryTransport):
    """Says what a test wants of its queues."""

    def __init__(self) -> None:
        super().__init__()
        self.messages = {"validate.received": 0, "track.facts": 0}
        self.asked = 0

    async def depth(self, queue: str) -> int:
        self.asked += 1
        return self.messages[queue]


def packs(messages: int) -> list[Pack]:
    """Full ones."""
    rows = [Waiting(n, "invoice.events", RECEIVED, b"{}") for n in range(messages * MOST_EVENTS)]
    return list(pack(rows))


@pytest.fixture
def broker() -> Broker:
    return Broker()


async def test_nine_full_messages_are_as_deep_as_fifteen_hundred_small_ones(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "HOLDS_FULL", 0.0)
    full, small = (Ahead(broker, TOPOLOGY, schema="ingest") for _ in range(2))
    for _ in range(20):
        full.sent(packs(1))
        small.sent(pack([Waiting(1, "invoice.events", RECEIVED, b"{}")]))
    broker.messages["validate.received"] = 9
    assert not await full.takes_more(RECEIVED)
    assert await small.takes_more(RECEIVED)
    broker.messages["validate.received"] = 1
    assert await full.takes_more(RECEIVED)


async def test_what_was_sent_since_the_broker_was_asked_counts(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead_of = Ahead(broker, TOPOLOGY, schema="ingest")
    assert await ahead_of.takes_more(RECEIVED)
    # However slow this machine is: its answers hold for as long as is asked here.
    monkeypatch.setattr(ahead, "HOLDS", math.inf)
    monkeypatch.setattr(ahead, "HOLDS_FULL", math.inf)
    asked = broker.asked
    ahead_of.sent(packs(DEEP // MOST_EVENTS + 1))
    assert not await ahead_of.takes_more(RECEIVED), "eight full messages within a moment"
    assert broker.asked == asked
    monkeypatch.setattr(ahead, "HOLDS_FULL", 0.0)
    assert await ahead_of.takes_more(RECEIVED), "they came, and were taken"


async def test_facts_may_pile_up_and_the_next_stage_may_not(broker: Broker) -> None:
    """Track may be away for an hour: invoices go on."""
    ahead_of = Ahead(broker, TOPOLOGY, schema="ingest")
    broker.messages["track.facts"] = DEEP_MESSAGES - 1
    assert await ahead_of.takes_more(RECEIVED)
    broker.messages["track.facts"] = 0
    broker.messages["validate.received"] = DEEP
    again = Ahead(broker, TOPOLOGY, schema="ingest")
    assert not await again.takes_more(RECEIVED)


def test_only_who_keeps_facts_hears_all() -> None:
    """``sync.masterdata`` hears all of an exchange that is its own."""
    assert {queue.name for queue in TOPOLOGY.queues if queue.hears_all} == {"track.facts", "sync.masterdata"}
