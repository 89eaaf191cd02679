"""How often a relay asks its outbox, over a broker: a claim that finds nothing costs nearly what one that does costs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from libs.messaging import relay as relays
from libs.messaging.amqp import AmqpTransport
from tests.contract.messaging.conftest import Stage, received


@pytest.fixture
async def transport(amqp_url: str) -> AsyncIterator[AmqpTransport]:
    transport = AmqpTransport(amqp_url)
    await transport.start()
    yield transport
    await transport.stop()


async def until_published(stage: Stage) -> None:
    async def none_left() -> bool:
        return not await stage.emitting.fetchval("SELECT count(*) FROM outbox")

    await stage.until(none_left)


async def test_a_relay_that_is_told_of_commits_does_not_look_for_more(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "_POLL_BUSY", 60.0)
    relay, found = stage.relay(), list[int]()
    pump = relay.pump

    async def counted() -> int:
        found.append(moved := await pump())
        return moved

    monkeypatch.setattr(relay, "pump", counted)
    relay.wake()
    await stage.emit(*(received(n, UUID(int=n % 3 + 1)) for n in range(9)))
    async with stage.running(relay):
        await until_published(stage)
        for n in range(9, 12):
            await stage.emit(received(n))
            relay.wake()
            await until_published(stage)
    assert found[:4] == [9, 1, 1, 1]


async def test_what_one_claim_leaves_behind_is_claimed_without_being_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three accounts share a claim of thirty: of the one that has forty it leaves some, and nobody commits again."""
    monkeypatch.setattr(relays, "_POLL_BUSY", 60.0)
    relay = stage.relay()
    monkeypatch.setattr(relay, "_batch", 30)
    relay.wake()
    await stage.emit(
        *(received(n, UUID(int=1)) for n in range(40)), *(received(40 + n, UUID(int=2 + n)) for n in range(2))
    )
    async with stage.running(relay):
        await until_published(stage)
