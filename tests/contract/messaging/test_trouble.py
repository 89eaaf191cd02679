"""Trouble around the relay and the dead letters: nothing is lost by it, and nobody else stands still."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from libs.contracts.topology import DELIVERY_LIMIT
from libs.db.settings import DatabaseSettings
from libs.messaging import MemoryTransport, dead
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
_PARTITIONS = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'ingest.outbox_sent'::regclass"


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
    """A backup, say: dropping a day's partition needs the whole table for itself."""
    monkeypatch.setattr("libs.messaging.relay._ROLL_AGAIN", 0.1)
    reader = await asyncpg.connect(database.url)
    try:
        await reader.execute(_NINE_DAYS_OLD)
        before = await reader.fetchval(_PARTITIONS)
        reading = reader.transaction()
        await reading.start()
        await reader.fetch("SELECT count(*) FROM ingest.outbox_sent")
        others = [stage.consumer(Recorder(queue.name)) for queue in (TWO, ALL)]
        async with stage.running(stage.relay(), stage.consumer(Recorder(ONE.name)), *others):
            await stage.emit(received(1), received(2))
            await stage.until_handled(ONE.name, [1, 2])
            await reading.rollback()

            async def dropped() -> bool:
                return bool(await reader.fetchval(_PARTITIONS) < before)

            await stage.until(dropped)
    finally:
        await reader.close()


async def test_events_wait_for_a_queue_that_was_deleted_while_the_relay_runs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other queues have the same events, so the broker would call them routed."""
    monkeypatch.setattr("libs.messaging.relay._DEPTH_HOLDS", 0.0)
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
