"""What messaging promises, on every transport. Each test goes red when its guarantee is taken away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from libs.contracts.envelope import Event
from libs.contracts.topology import DELIVERY_LIMIT, Rounds
from libs.db.settings import DatabaseSettings
from libs.errors import HubError, NotFound, Reject, Retry
from libs.messaging import MemoryTransport, dead, outbox
from libs.messaging.amqp import AmqpTransport
from libs.messaging.consumer import Consumer
from libs.messaging.transport import Message, QueueMissing, TransportAway, Unroutable
from libs.testing.rabbitmq import RabbitMQ
from tests.contract.messaging.conftest import ALL, ONE, TWO, Recorder, Stage, number_of, received


def message(events: list[Event], *, exchange: str = "invoice.events", key: str = "") -> Message:
    body = b"[" + b",".join(event.encode() for event in events) + b"]"
    return Message(exchange, key or events[0].type, body, "m1")


async def drop(stage: Stage, rabbitmq: RabbitMQ | None) -> None:
    """Break every connection to the broker."""
    if isinstance(stage.transport, MemoryTransport):
        stage.transport.drop_connections()
    else:
        assert rabbitmq is not None
        for connection in list(stage.transport._connections.values()):  # type: ignore[attr-defined]
            await connection.close()


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
    with pytest.raises(QueueMissing):
        async with stage.transport.subscribe("route.gone", prefetch=1):
            pass


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


async def test_the_same_event_twice_is_handled_once(stage: Stage) -> None:
    twin = received(5)
    async with stage.running(stage.consumer(Recorder(ONE.name))):
        for _ in range(3):
            await asyncio.wait_for(
                stage.transport.publish([message([twin, twin], exchange="", key=ONE.name)]), 10
            )
        await stage.until_handled(ONE.name, [5])
        await asyncio.sleep(0.2)
        assert await stage.handled(ONE.name) == [5]


async def test_an_event_is_published_only_with_its_commit(stage: Stage) -> None:
    consumers = [stage.consumer(Recorder(queue.name)) for queue in (ONE, TWO, ALL)]
    async with stage.running(stage.relay(), *consumers):
        async with stage.emitting.acquire() as conn:
            transaction: Any = conn.transaction()
            await transaction.start()
            await outbox.append(conn, [received(1)])
            await transaction.rollback()
        await stage.emit(received(2))
        await stage.until_handled(ONE.name, [2])


async def test_a_connection_lost_in_the_middle_of_a_batch_changes_nothing(
    stage: Stage, request: pytest.FixtureRequest
) -> None:
    rabbitmq = request.getfixturevalue("rabbitmq") if isinstance(stage.transport, AmqpTransport) else None
    hit = asyncio.Event()

    def wait(events: object) -> None:
        hit.set()

    recorder = Recorder(ONE.name, write_hook=wait)
    others = [stage.consumer(Recorder(queue.name)) for queue in (TWO, ALL)]
    relays = (stage.relay(), stage.relay(schema="route"))
    async with stage.running(*relays, stage.consumer(recorder, max_events=20), *others):
        await stage.emit(*(received(n) for n in range(100)))
        for _ in range(3):
            await asyncio.wait_for(hit.wait(), 20)
            hit.clear()
            await drop(stage, rabbitmq)
            await stage.emit(received(1000 + _))
        await stage.until_handled(ONE.name, [*range(100), 1000, 1001, 1002])


@pytest.mark.parametrize("table", ["inbox", "handled"])
async def test_a_locked_table_is_waited_for_and_no_event_is_blamed(
    stage: Stage, database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr("libs.messaging.consumer._LONGEST_PAUSE", 0.1)
    locking = await asyncpg.connect(database.url)
    impatient = await asyncpg.create_pool(
        **database.role_url("route_worker"),
        min_size=1,
        server_settings={"search_path": "route", "lock_timeout": "50ms"},
    )
    recorder = Recorder(ONE.name)
    others = [stage.consumer(Recorder(queue.name)) for queue in (TWO, ALL)]
    consumer = Consumer(recorder, impatient, stage.transport, schema="route")

    async def tried_more_often_than_the_broker_would_deliver() -> bool:
        return len(recorder.attempts) > 2 * (DELIVERY_LIMIT + 2)

    try:
        async with stage.running(stage.relay(), *others):
            lock = locking.transaction()
            await lock.start()
            await locking.execute(f"LOCK TABLE route.{table} IN ACCESS EXCLUSIVE MODE")
            async with stage.running(consumer):
                await stage.emit(received(1), received(2))
                await stage.until(tried_more_often_than_the_broker_would_deliver)
                await lock.rollback()
                await stage.until_handled(ONE.name, [1, 2])
        assert await stage.dead() == []
        assert await stage.consuming.fetchval("SELECT count(*) FROM outbox") == 0, "a retry blames the event"
    finally:
        await locking.close()
        await impatient.close()


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
    """However often the relay looks: one window holds for the whole test, with a share of six."""
    monkeypatch.setattr("libs.messaging.shares.WINDOW_SECONDS", 600.0)
    await stage.emit(*(received(n, UUID(int=10)) for n in range(300)))
    await stage.emit(received(9999, UUID(int=11)))
    relay = stage.relay(share=0.01)

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
        await asyncio.sleep(0.5)
        assert await waiting() >= 1500, (
            "a few full messages more than the bound, between two answers of the broker"
        )
        async with stage.running(stage.consumer(Recorder(ONE.name))):
            await stage.until_handled(ONE.name, range(4000))


def test_losing_the_broker_is_not_the_events_fault() -> None:
    assert TransportAway.transient
