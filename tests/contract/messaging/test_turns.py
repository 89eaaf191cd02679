"""Nobody's burst stands in front of somebody else, on every transport."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from tests.contract.messaging.conftest import ALL, ONE, TWO, Recorder, Stage, number_of, received


async def test_one_accounts_burst_does_not_stand_in_front_of_another(stage: Stage) -> None:
    await stage.emit(*(received(n, UUID(int=10)) for n in range(2000)))
    await stage.emit(received(9999, UUID(int=11)))
    relay = stage.relay()
    await stage.transport.apply(stage.topology)
    order: list[int] = []
    recorder = Recorder(ONE.name, decide_hook=lambda event: order.append(number_of(event)))
    others = [stage.consumer(Recorder(queue.name)) for queue in (TWO, ALL)]
    async with stage.running(stage.consumer(recorder), *others, relay):

        async def came() -> bool:
            return 9999 in order

        await stage.until(came)
    assert order.index(9999) < 600


async def test_of_one_account_a_share_goes_on_while_others_are_about(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the relay looks: one window holds for the whole test."""
    monkeypatch.setattr("libs.messaging.shares.WINDOW_SECONDS", 600.0)
    await stage.emit(*(received(n, UUID(int=10)) for n in range(300)))
    await stage.emit(received(9999, UUID(int=11)))
    relay = stage.relay(share=6)

    async def waiting() -> dict[UUID, int]:
        rows = await stage.emitting.fetch(
            "SELECT account, count(*) AS waiting FROM outbox WHERE not_before IS NULL GROUP BY account"
        )
        return {row["account"]: row["waiting"] for row in rows}

    async def began() -> bool:
        return (await waiting()).get(UUID(int=10), 0) < 300

    async with stage.running(relay):
        await stage.until(began)
        for _ in range(3):
            relay.wake()
            await asyncio.sleep(0.1)
        assert await waiting() == {UUID(int=10): 294}


async def test_what_a_stage_has_not_begun_is_bounded_in_events(stage: Stage) -> None:
    """Packed, two thousand messages would be all the outbox has: nobody else's could come before them."""
    await stage.emit(*(received(n, UUID(int=10)) for n in range(4000)))

    async def began() -> bool:
        return await waiting() < 4000

    async def waiting() -> int:
        return int(await stage.emitting.fetchval("SELECT count(*) FROM outbox WHERE not_before IS NULL"))

    others = [stage.consumer(Recorder(queue.name)) for queue in (TWO, ALL)]
    # The second takes what a careful consumer's beginning handed back.
    async with stage.running(stage.relay(), stage.relay(schema="route"), *others):
        await stage.until(began)
        left, before = await waiting(), -1
        while left != before:  # on a busy machine a fixed time would pass without any bound at all
            await asyncio.sleep(0.5)
            left, before = await waiting(), left
        assert left >= 1500, "a few full messages more than the bound, between two answers of the broker"
        async with stage.running(stage.consumer(Recorder(ONE.name))):
            await stage.until_handled(ONE.name, range(4000))
