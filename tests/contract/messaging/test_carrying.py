"""How events travel, on every transport. Each test goes red when its promise is taken away."""

from __future__ import annotations

import asyncio

import pytest

from libs.messaging.transport import QueueMissing, Unroutable
from tests.contract.messaging.conftest import ALL, ONE, TWO, Recorder, Stage, message, received


async def test_an_event_reaches_every_queue_whose_pattern_matches_and_no_other(stage: Stage) -> None:
    one, two = Recorder(ONE.name), Recorder(ALL.name)
    async with stage.running(stage.relay(), stage.consumer(one), stage.consumer(two)):
        stage_events = [received(1), received(2)]
        await stage.emit(*stage_events)
        # Nobody consumes TWO here; on the memory transport a row waits for it, so settle it too.
        async with stage.running(stage.consumer(Recorder(TWO.name))):
            await stage.until_handled(ONE.name, [1, 2])
            await stage.until_handled(ALL.name, [1, 2])


async def test_two_consumers_of_a_queue_share_its_events(stage: Stage) -> None:
    mine, theirs = Recorder(ONE.name), Recorder(ONE.name)
    first = stage.consumer(mine, max_events=1, prefetch=1)
    second = stage.consumer(theirs, max_events=1, prefetch=1)
    async with stage.running(first, second):
        await asyncio.gather(
            *(stage.transport.publish([message([received(n)], exchange="", key=ONE.name)]) for n in range(40))
        )
        await stage.until_handled(ONE.name, list(range(40)))
    assert mine.batches
    assert theirs.batches


async def test_prefetch_bounds_what_a_consumer_holds(stage: Stage) -> None:
    publishing = asyncio.create_task(
        stage.transport.publish([message([received(n)], exchange="", key=ONE.name) for n in range(10)])
    )
    held = 0
    async with stage.transport.subscribe(ONE.name, prefetch=3) as subscription:
        arrivals = aiter(subscription)
        for _ in range(3):
            await asyncio.wait_for(anext(arrivals), 10)
            held += 1
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(arrivals), 0.3)
    assert held == 3
    async with stage.running(stage.consumer(Recorder(ONE.name))):
        await asyncio.wait_for(publishing, 20)
        await stage.until_handled(ONE.name, list(range(10)))


async def test_many_events_travel_in_few_messages(stage: Stage) -> None:
    recorder = Recorder(ONE.name)
    await stage.emit(*(received(n) for n in range(150)))
    others = [stage.consumer(Recorder(queue.name)) for queue in (TWO, ALL)]
    async with stage.running(stage.consumer(recorder), *others, stage.relay()):
        await stage.until_handled(ONE.name, list(range(150)))
    assert max(recorder.batches) >= 100


async def test_what_is_rejected_or_handed_back_comes_again_marked(stage: Stage) -> None:
    publishing = asyncio.create_task(
        stage.transport.publish([message([received(1)], exchange="", key=ONE.name)])
    )
    async with stage.transport.subscribe(ONE.name, prefetch=5) as subscription:
        arrivals = aiter(subscription)
        first = await asyncio.wait_for(anext(arrivals), 10)
        assert not first.redelivered
        await subscription.hand_back([first])
        second = await asyncio.wait_for(anext(arrivals), 10)
        assert second.redelivered
        await subscription.reject(second)
        third = await asyncio.wait_for(anext(arrivals), 10)
        assert third.redelivered
        await subscription.ack([third])
    assert await asyncio.wait_for(publishing, 10) == [None]
    assert await stage.transport.depth(ONE.name) == 0


async def test_a_message_without_a_queue_is_an_error(stage: Stage) -> None:
    nowhere = [
        message([received(1)], key="party.unheard.v1"),
        message([received(1)], exchange="", key="route.gone"),
    ]
    results = await stage.transport.publish(nowhere)
    assert [type(result) for result in results] == [Unroutable, Unroutable]


async def test_the_relay_does_not_start_while_a_queue_is_missing(stage: Stage) -> None:
    stage.topology = type(stage.topology)(
        queues=(*stage.topology.queues, type(ONE)("route.late", ONE.bindings))
    )
    await stage.emit(received(1))
    consumers = [stage.consumer(Recorder(queue.name)) for queue in (ONE, TWO, ALL)]
    async with stage.running(stage.relay(), *consumers):
        await asyncio.sleep(0.7)
        assert await stage.handled(ONE.name) == []
        await stage.transport.apply(stage.topology)
        async with stage.running(stage.consumer(Recorder("route.late"))):
            await stage.until_handled(ONE.name, [1])
            await stage.until_handled("route.late", [1])


async def test_a_queue_that_is_not_there_is_told(stage: Stage) -> None:
    assert await stage.transport.missing([ONE.name, "route.gone"]) == ["route.gone"]
    with pytest.raises(QueueMissing):
        await stage.transport.depth("route.gone")
    # Those who ask beside it get their own answers.
    asked = (
        stage.transport.depth(name) for name in (ONE.name, "route.gone", TWO.name, "route.gone", ONE.name)
    )
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, QueueMissing, int, QueueMissing, int]
    with pytest.raises(QueueMissing):
        async with stage.transport.subscribe("route.gone", prefetch=1):
            pass
