"""A process without a broker that dies of an event: the others are handled, that one becomes a dead letter."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from asyncpg.transaction import Transaction

from libs.contracts.envelope import Event
from libs.contracts.topology import DELIVERY_LIMIT
from libs.messaging import Consumer, MemoryTransport, Relay, dead
from tests.contract.messaging.conftest import ALL, ONE, TWO, Recorder, Stage, number_of, received


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
async def transport(request: pytest.FixtureRequest) -> MemoryTransport:
    return MemoryTransport()


async def until_it_dies_or(stage: Stage, done: asyncio.Task[None], *recorders: Recorder) -> bool:
    """One life of the process. True: it was killed; nothing of it could tidy up."""
    stage.transport = MemoryTransport()
    await stage.transport.apply(stage.topology)
    parts: list[Relay | Consumer[None, int]] = [stage.relay(), stage.relay(schema="route")]
    parts += [stage.consumer(each, again=timedelta(seconds=0.05)) for each in recorders]
    tasks = [asyncio.create_task(part.run()) for part in parts]
    await asyncio.wait({done, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    killed = not done.done()
    if not killed:
        for part in parts:
            part.stop()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return killed


async def test_an_event_that_kills_the_process_ends_as_a_dead_letter_after_its_second_round(
    stage: Stage,
) -> None:
    def kill(event: Event) -> None:
        if number_of(event) == 60:
            raise Killed

    class Watched(Recorder):
        async def gather(self, events: Sequence[Event]) -> None:
            if any(number_of(event) == 60 for event in events):
                company.append(len(events) - 1)

    company: list[int] = []
    poisoned = Watched(ONE.name, decide_hook=kill)
    others = (Recorder(TWO.name), Recorder(ALL.name))
    await stage.emit(*(received(n) for n in range(120)))

    async def all_done() -> bool:
        return len(await stage.dead()) > 1 and all(
            [len(await stage.handled(q.name)) == n for q, n in ((ONE, 119), (TWO, 120), (ALL, 120))]
        )

    done = asyncio.create_task(stage.until(all_done))
    deaths = 0
    while await until_it_dies_or(stage, done, poisoned, *others):
        deaths += 1
        assert deaths <= 2 * (DELIVERY_LIMIT + 1), "it is tried for ever"
    assert deaths == 2 * (DELIVERY_LIMIT + 1)
    assert company[-DELIVERY_LIMIT - 1 :] == [0] * (DELIVERY_LIMIT + 1), "alone in its second round"
    assert await stage.dead() == [(ONE.name, "delivery-limit")] * 2
    assert await dead.count(stage.consuming, ONE.name) == {"delivery-limit": 1}
    assert await stage.handled(ONE.name) == [n for n in range(120) if n != 60]
    assert Counter(await stage.handled(TWO.name)) == Counter(range(120)), "handled once by everybody else"
    assert await stage.emitting.fetchval("SELECT count(*) FROM outbox") == 0


async def test_what_was_in_hand_at_an_orderly_stop_is_under_no_suspicion(stage: Stage) -> None:
    stage.transport = MemoryTransport()
    await stage.transport.apply(stage.topology)
    relay = stage.relay()
    await stage.emit(*(received(n) for n in range(5)))
    running = asyncio.create_task(relay.run())

    async def in_hand() -> bool:
        return bool(
            await stage.emitting.fetchval("SELECT count(*) = 5 FROM outbox WHERE not_before = 'infinity'")
        )

    await stage.until(in_hand)
    relay.stop()
    await running
    rows = await stage.emitting.fetch("SELECT not_before, tries FROM outbox")
    assert [tuple(row) for row in rows] == [(None, 0)] * 5


async def test_rows_whose_taking_was_committed_without_an_answer_are_sent_all_the_same(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.transport = MemoryTransport()
    await stage.transport.apply(stage.topology)
    recorders = [Recorder(each.name) for each in (ONE, TWO, ALL)]
    await stage.emit(*(received(n) for n in range(5)))
    leaving = Transaction.__aexit__
    cut = 0

    async def cut_off(self: Any, kind: Any, error: Any, trace: Any) -> None:
        nonlocal cut
        await leaving(self, kind, error, trace)
        taken = "SELECT count(*) FROM outbox WHERE not_before = 'infinity'"
        if asyncio.current_task() is running and not cut and await stage.emitting.fetchval(taken):
            cut += 1
            raise ConnectionResetError("cut at COMMIT")

    monkeypatch.setattr(Transaction, "__aexit__", cut_off)
    relay = stage.relay()
    parts: list[Relay | Consumer[None, int]] = [relay, *(stage.consumer(each) for each in recorders)]
    running, *others = [asyncio.create_task(part.run()) for part in parts]

    async def done() -> bool:
        return await stage.handled(ONE.name) == [0, 1, 2, 3, 4] and not await stage.emitting.fetchval(
            "SELECT count(*) FROM outbox"
        )

    await stage.until(done)
    assert cut
    for part in parts:
        part.stop()
    await asyncio.gather(running, *others)
