"""Nothing is lost and nothing handled twice, on every transport, whatever is cut off or in the way."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from libs.contracts.topology import DELIVERY_LIMIT
from libs.db.settings import DatabaseSettings
from libs.messaging import MemoryTransport, outbox
from libs.messaging.amqp import AmqpTransport
from libs.messaging.consumer import Consumer
from libs.messaging.transport import TransportAway
from libs.testing.rabbitmq import RabbitMQ
from tests.contract.messaging.conftest import ALL, ONE, TWO, Recorder, Stage, message, received


async def drop(stage: Stage, rabbitmq: RabbitMQ | None) -> None:
    """Break every connection to the broker."""
    if isinstance(stage.transport, MemoryTransport):
        stage.transport.drop_connections()
    else:
        assert rabbitmq is not None
        for connection in list(stage.transport._connections.values()):  # type: ignore[attr-defined]
            await connection.close()


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


def test_losing_the_broker_is_not_the_events_fault() -> None:
    assert TransportAway.transient
