"""Trouble around the relay and the dead letters: nothing is lost by it, and nobody else stands still."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from libs import clock
from libs.contracts.topology import DELIVERY_LIMIT
from libs.db.settings import DatabaseSettings
from libs.errors import NotFound, Retry
from libs.messaging import MemoryTransport, dead, inbox
from libs.messaging.redrive import forget, redrive
from libs.messaging.transport import Message, Subscription
from tests.contract.messaging.conftest import ALL, ONE, PATIENCE, TWO, Recorder, Stage, received

_NINE_DAYS_OLD = """
DO $$ DECLARE day date := (now() AT TIME ZONE 'UTC')::date - 9;
BEGIN
    EXECUTE format('CREATE TABLE ingest.outbox_sent_%s PARTITION OF ingest.outbox_sent FOR VALUES FROM (%L) TO (%L)',
                   to_char(day, 'YYYYMMDD'), day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
    EXECUTE format('ALTER TABLE ingest.outbox_sent_%s OWNER TO ingest_owner', to_char(day, 'YYYYMMDD'));
END $$
"""
_OLD_DAYS = """
SELECT count(*) FROM pg_inherits
 WHERE inhparent = 'ingest.outbox_sent'::regclass AND right(inhrelid::regclass::text, 8)::date < now()::date - 1
"""
_NO_DAY_LEFT = """
DO $$
DECLARE part regclass;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'ingest.outbox_sent'::regclass LOOP
        EXECUTE format('DROP TABLE %s', part);
    END LOOP;
END $$
"""


async def delete(stage: Stage, queue: str) -> None:
    """Take a queue away, as an administrator of the broker can."""
    if isinstance(stage.transport, MemoryTransport):
        stage.transport.delete(queue)
        return
    async with stage.transport._channel() as channel:  # type: ignore[attr-defined]
        await (await channel.get_queue(queue)).delete(if_unused=False, if_empty=False)


async def test_who_reads_old_events_while_they_fall_due_holds_nobody_up(
    stage: Stage, database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup, say: dropping a day's partition needs the whole table for itself. The days to come are made all the
    same, and at once when none is left, as after a clock that was set forward."""
    monkeypatch.setattr("libs.messaging.relay._ROLL_AGAIN", 0.1)
    reader = await asyncpg.connect(database.url)
    try:
        others = [stage.consumer(Recorder(queue.name)) for queue in (TWO, ALL)]

        async def moved() -> bool:
            return bool(await stage.emitting.fetchval("SELECT count(*) = 0 FROM outbox"))

        async with stage.running(stage.relay(), stage.consumer(Recorder(ONE.name)), *others):
            await stage.emit(received(1))
            await stage.until_handled(ONE.name, [1])
            await stage.until(moved)
            await reader.execute(_NO_DAY_LEFT)
            await reader.execute(_NINE_DAYS_OLD)
            old = await reader.fetchval(_OLD_DAYS)
            reading = reader.transaction()
            await reading.start()
            await reader.fetch("SELECT count(*) FROM ingest.outbox_sent")
            await stage.emit(received(2))
            await stage.until_handled(ONE.name, [1, 2])
            await stage.until(moved)
            await reading.rollback()

            async def dropped() -> bool:
                return bool(await reader.fetchval(_OLD_DAYS) < old)

            await stage.until(dropped)
    finally:
        await reader.close()


async def test_events_wait_for_a_queue_that_was_deleted_while_the_relay_runs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other queues have the same events, so the broker would call them routed."""
    monkeypatch.setattr("libs.messaging.ahead.HOLDS", 0.0)
    others = [stage.consumer(Recorder(queue.name)) for queue in (TWO, ALL)]
    with capture_logs() as said:
        async with stage.running(stage.relay(), *others):
            async with stage.running(stage.consumer(Recorder(ONE.name))):
                await stage.emit(received(1))
                await stage.until_handled(ONE.name, [1])
                await stage.until_handled(ALL.name, [1])
            await delete(stage, ONE.name)

            async def noticed() -> bool:
                return any(each.get("code") == "queue-missing" for each in said)

            await stage.emit(received(2), received(3))
            await stage.until(noticed)
            assert await stage.emitting.fetchval("SELECT count(*) FROM outbox") == 2
            await stage.transport.apply(stage.topology)
            async with stage.running(stage.consumer(Recorder(ONE.name))):
                await stage.until_handled(ONE.name, [1, 2, 3])
    missing = [each for each in said if each.get("code") == "queue-missing"]
    assert {each["log_level"] for each in missing} == {"error"}
    assert ONE.name in missing[0]["detail"]


async def test_a_dead_letter_stays_in_hand_while_the_database_is_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handed back each time, a broker that counts would drop it: nothing lies behind the dead letters."""
    event, away, held = received(1), 0, 0
    collect, subscribe = dead.collect, stage.transport.subscribe

    async def collect_later(*told: Any) -> None:
        nonlocal away
        if away < 3:
            away += 1
            raise asyncpg.CannotConnectNowError("it starts up")
        await collect(*told)

    @contextlib.asynccontextmanager
    async def counted(queue: str, *, prefetch: int) -> AsyncIterator[Subscription]:
        nonlocal held
        held += queue == ONE.dead
        async with subscribe(queue, prefetch=prefetch) as subscription:
            yield subscription

    async def buried() -> bool:
        return await stage.dead() == [(ONE.name, "delivery-limit")]

    monkeypatch.setattr(dead, "collect", collect_later)
    monkeypatch.setattr(stage.transport, "subscribe", counted)
    async with stage.running(stage.consumer(Recorder(ONE.name))):
        sent = Message("", ONE.dead, b"[" + event.encode() + b"]", "m1")
        assert await stage.transport.publish([sent]) == [None]
        await stage.until(buried)
    assert (away, held) == (3, 1)


async def test_a_dead_letter_is_delivered_however_often_it_fails(stage: Stage) -> None:
    sent = Message("", ONE.dead, b"[" + received(1).encode() + b"]", "m1")
    publishing = asyncio.ensure_future(stage.transport.publish([sent]))
    async with stage.transport.subscribe(ONE.dead, prefetch=1) as subscription, asyncio.timeout(PATIENCE):
        failures = 0
        async for delivery in subscription:
            if failures > 3 * DELIVERY_LIMIT:
                await subscription.ack([delivery])
                break
            failures += 1
            await subscription.reject(delivery)
    assert await publishing == [None]


async def test_what_a_process_without_a_broker_had_in_hand_is_sent_by_one_with_a_broker(stage: Stage) -> None:
    await stage.emit(received(1))
    await stage.emitting.execute("UPDATE outbox SET not_before = 'infinity', tries = 1")
    others = [stage.consumer(Recorder(queue.name)) for queue in (TWO, ALL)]
    async with stage.running(stage.relay(), stage.consumer(Recorder(ONE.name)), *others):
        await stage.until_handled(ONE.name, [1])


async def test_a_process_whose_clock_is_wrong_forgets_nothing_and_tries_again_in_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, now = received(1), clock.now
    recorder = Recorder(ONE.name)
    async with stage.consuming.acquire() as conn:
        await inbox.claim(conn, ONE.name, [event.id])
        monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=15))
        assert await inbox.prune(conn, ONE.name) == 0
        assert await inbox.prune(conn, ONE.name, keep=timedelta(minutes=-1)) == 1

    def later(_: object) -> None:
        if len(recorder.attempts) == 1:
            raise Retry(timedelta(milliseconds=1))

    recorder.decide_hook = later
    others = [stage.consumer(Recorder(queue.name)) for queue in (TWO, ALL)]
    relays = [stage.relay(), stage.relay(schema="route")]
    async with stage.running(*relays, stage.consumer(recorder), *others):
        await stage.emit(event)
        await stage.until_handled(ONE.name, [1])


async def test_a_dead_letter_is_a_persons_business_also_when_all_is_handled_again(stage: Stage) -> None:
    """Handled behind its back, it would be handled once more by a replay, or say dropped of what was not."""
    recorder = Recorder(ONE.name)

    def missing(event: object) -> None:
        raise NotFound("it is not there")

    async def buried() -> bool:
        return len(await stage.dead()) == 3

    recorder.decide_hook = missing
    events = [received(n) for n in (1, 2, 3)]
    others = [stage.consumer(Recorder(queue.name)) for queue in (TWO, ALL)]
    relays = [stage.relay(), stage.relay(schema="route")]
    async with stage.running(*relays, stage.consumer(recorder), *others):
        await stage.emit(*events)
        await stage.until(buried)
        recorder.decide_hook = lambda event: None
        by_event = {letter.event_id: letter.id for letter in await dead.letters(stage.consuming)}
        await dead.drop(stage.consuming, by_event[events[0].id], by="anna", why="a test")
        await dead.replay(stage.consuming, by_event[events[2].id], by="anna")
        await stage.until_handled(ONE.name, [3])

        async def sent() -> bool:
            return bool(await stage.emitting.fetchval("SELECT count(*) = 3 FROM outbox_sent"))

        await stage.until(sent)
        # Only what was replayed is no letter any more.
        assert await forget(stage.consuming, ONE.name) == 1
        done = await redrive({"ingest": stage.emitting}, stage.consuming, ONE)
        assert (done.again, done.handled) == (1, 2)
        await stage.until_handled(ONE.name, [3, 3])
