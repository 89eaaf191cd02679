"""What becomes of an event that fails: tried again, or kept as a dead letter. No neighbour is blamed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import orjson
import pytest

from libs.contracts.envelope import Event
from libs.contracts.topology import DELIVERY_LIMIT, Rounds
from libs.errors import HubError, NotFound, Reject, Retry
from libs.messaging import dead
from libs.messaging.consumer import Consumer
from libs.messaging.transport import Message
from tests.contract.messaging.conftest import ALL, ONE, TWO, Recorder, Stage, message, number_of, received


async def test_a_retry_is_a_row_that_returns_only_to_the_queue_that_failed(stage: Stage) -> None:
    tries: list[int] = []

    def once(event: Event) -> None:
        tries.append(event.attempt)
        if event.attempt == 1:
            raise Retry(timedelta(seconds=0.5))

    failing, fine = Recorder(ONE.name, decide_hook=once), Recorder(ALL.name)
    parts = (stage.consumer(failing), stage.consumer(fine), stage.consumer(Recorder(TWO.name)))
    async with stage.running(stage.relay(), stage.relay(schema="route"), *parts):
        await stage.emit(received(7))
        await stage.until_handled(ONE.name, [7])
        assert await stage.handled(ALL.name) == [7]
    assert tries == [1, 2]
    assert fine.attempts == [7]


async def test_a_poison_event_becomes_a_dead_letter_with_its_cause_and_can_be_replayed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.messaging.batch.next_try", lambda attempt: None if attempt > 1 else timedelta())
    sick = True

    def poison(event: Event) -> None:
        if sick and number_of(event) == 3:
            raise ValueError("cannot digest 3")

    recorder = Recorder(ONE.name, decide_hook=poison)
    neighbours = [Recorder(queue.name) for queue in (TWO, ALL)]
    others = [stage.consumer(each) for each in neighbours]
    async with stage.running(stage.relay(), stage.relay(schema="route"), stage.consumer(recorder), *others):
        await stage.emit(*(received(n) for n in range(6)))
        await stage.until_handled(ONE.name, [0, 1, 2, 4, 5])

        async def buried() -> bool:
            return bool(await stage.dead())

        await stage.until(buried)
        (letter,) = await dead.letters(stage.consuming)
        assert (letter.queue, letter.cause, letter.attempts) == (ONE.name, "ValueError", 2)
        assert "cannot digest 3" in letter.detail
        sick = False
        await dead.replay(stage.consuming, letter.id, by="anna")
        await stage.until_handled(ONE.name, list(range(6)))
        with pytest.raises(NotFound):
            await dead.replay(stage.consuming, letter.id, by="anna")
        for each in neighbours:
            await stage.until_handled(each.queue, list(range(6)))
    assert await dead.letters(stage.consuming) == []
    (letter,) = await dead.letters(stage.consuming, closed=True)
    assert (letter.state, letter.replayed_by) == ("replayed", "anna")
    # The queues that had handled it were not even asked again.
    assert [sorted(each.attempts) for each in neighbours] == [list(range(6))] * 2


async def test_a_dropped_dead_letter_says_who_and_why_and_can_be_taken_back(stage: Stage) -> None:
    sick = True

    def poison(event: Event) -> None:
        if sick:
            raise Reject("ill", {"nl": "", "en": "never"})

    recorder = Recorder(ONE.name, decide_hook=poison)
    others = [stage.consumer(Recorder(queue.name)) for queue in (TWO, ALL)]
    async with stage.running(stage.relay(), stage.relay(schema="route"), stage.consumer(recorder), *others):
        await stage.emit(received(1))

        async def buried() -> bool:
            return bool(await stage.dead())

        await stage.until(buried)
        (letter,) = await dead.letters(stage.consuming)
        await dead.drop(stage.consuming, letter.id, by="bert", why="sent by mistake")
        with pytest.raises(NotFound):
            await dead.drop(stage.consuming, letter.id, by="bert", why="again")
        assert await dead.letters(stage.consuming) == []
        (letter,) = await dead.letters(stage.consuming, closed=True)
        assert (letter.state, letter.dropped_by, letter.dropped_why) == ("dropped", "bert", "sent by mistake")
        sick = False
        await dead.replay(stage.consuming, letter.id, by="anna")
        await stage.until_handled(ONE.name, [1])
    (letter,) = await dead.letters(stage.consuming, closed=True)
    assert (letter.state, letter.replayed_by, letter.dropped_by) == ("replayed", "anna", "bert")


async def test_one_bad_event_is_bisected_out_of_a_write(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.messaging.batch.next_try", lambda attempt: None)

    def refuse(events: list[Event]) -> None:
        if any(number_of(event) == 42 for event in events):
            raise ValueError("the database does not take 42")

    recorder = Recorder(ONE.name, write_hook=refuse)  # type: ignore[arg-type]
    async with stage.running(stage.consumer(recorder)):
        task = asyncio.create_task(
            stage.transport.publish([message([received(n) for n in range(64)], exchange="", key=ONE.name)])
        )
        await stage.until_handled(ONE.name, [n for n in range(64) if n != 42])
        await asyncio.wait_for(task, 10)
    assert await stage.dead() == [(ONE.name, "ValueError")]
    assert len(recorder.batches) < 20


async def test_a_version_nobody_knows_is_kept(stage: Stage) -> None:
    raw = orjson.loads(received(1).encode())
    raw["type"] = "invoice.received.v2"
    later = Message("invoice.events", "invoice.received.v2", orjson.dumps([raw]), "m2")
    consumers = [stage.consumer(Recorder(queue.name)) for queue in (ONE, TWO, ALL)]
    async with stage.running(*consumers):
        assert await asyncio.wait_for(stage.transport.publish([later]), 10) == [None]

        async def kept() -> bool:
            return len(await stage.dead()) == 3

        await stage.until(kept)
    assert {cause for _, cause in await stage.dead()} == {"unknown-event"}
    (letter, *_) = await dead.letters(stage.consuming)
    _, body = await dead.show(stage.consuming, letter.id)
    assert body == raw


async def test_what_is_no_json_is_kept(stage: Stage) -> None:
    broken = Message("", ONE.name, b"{not json", "m3")
    async with stage.running(stage.consumer(Recorder(ONE.name))):
        await asyncio.wait_for(stage.transport.publish([broken]), 10)

        async def kept() -> bool:
            return bool(await stage.dead())

        await stage.until(kept)
    (letter,) = await dead.letters(stage.consuming)
    assert await dead.show(stage.consuming, letter.id) == (letter, "{not json")


async def test_a_crashing_event_in_a_pack_takes_no_neighbour_along(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 100 events one kills its consumer each time, and one as often as the broker delivers it and once more, as
    if it had only been in hand: that one is handled in its second round, the other waits for a person."""

    class Killed(BaseException):
        pass

    deaths = {20: DELIVERY_LIMIT + 3, 50: 1000}

    def crash(event: Event) -> None:
        if deaths.get(number_of(event), 0) > 0:
            deaths[number_of(event)] -= 1
            raise Killed

    recorder = Recorder(ONE.name, decide_hook=crash)
    publishing = asyncio.create_task(
        stage.transport.publish([message([received(n) for n in range(100)], exchange="", key=ONE.name)])
    )
    async with stage.running(stage.relay(schema="route")):
        for _ in range(4 * DELIVERY_LIMIT + 10):
            # A process that dies at the event and is started again, until nothing kills it any more.
            consumer: Consumer[None, int] = stage.consumer(recorder, again=timedelta(seconds=0.05))
            task = asyncio.create_task(consumer.run())

            async def done() -> bool:
                return len(await stage.handled(ONE.name)) >= 99 and bool(
                    await dead.count(stage.consuming, ONE.name)
                )

            waiting = asyncio.create_task(stage.until(done))
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                consumer.stop()
                await task
                break
            waiting.cancel()
            await asyncio.gather(task, waiting, return_exceptions=True)
    assert await stage.handled(ONE.name) == [n for n in range(100) if n != 50]
    kept = await dead.letters(stage.consuming, closed=True)
    assert sorted((letter.state, letter.cause, letter.replayed_by) for letter in kept) == [
        ("open", "delivery-limit", None),
        ("replayed", "delivery-limit", dead.BY_ITSELF),
        ("replayed", "delivery-limit", dead.BY_ITSELF),
    ]
    assert 1000 - deaths[50] <= 2 * (DELIVERY_LIMIT + 1), (
        "two rounds, and some of it in hand when the other killed"
    )
    await asyncio.wait_for(publishing, 10)


async def test_a_second_round_is_handled_with_nothing_else_in_hand(stage: Stage) -> None:
    alone: list[bool] = []

    class Watching(Recorder):
        async def gather(self, events: Sequence[Event]) -> None:
            if any(number_of(event) == 999 for event in events):
                await stage.until(all_others_are_done_or_in_the_queue)
                alone.append(len(events) == 1)

    async def all_others_are_done_or_in_the_queue() -> bool:
        return await stage.transport.depth(ONE.name) + len(await stage.handled(ONE.name)) == 80

    async def put(numbers: range, depth: int) -> asyncio.Future[list[HubError | None]]:
        async def there() -> bool:
            return await stage.transport.depth(ONE.name) == depth

        messages = [message([received(n)], exchange="", key=ONE.name) for n in numbers]
        publishing = asyncio.ensure_future(stage.transport.publish(messages))
        await stage.until(there)
        return publishing

    publishing = [await put(range(40), 40)]
    gone = message([received(999)], exchange="", key=ONE.dead)
    rounds = Rounds(after=timedelta())
    await dead.collect(stage.consuming, ONE.name, gone, rounds)
    assert await dead.again(stage.consuming, ONE.name, rounds)
    async with stage.running(stage.relay(schema="route")):
        publishing += [await put(range(0), 41), await put(range(40, 80), 81)]
        async with stage.running(stage.consumer(Watching(ONE.name))):
            await stage.until_handled(ONE.name, [*range(80), 999])
        await asyncio.wait_for(asyncio.gather(*publishing), 10)
    assert alone == [True]
