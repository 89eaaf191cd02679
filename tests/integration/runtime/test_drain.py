"""``postbode drain``: what is under way is waited for and named, wherever it is; what is for later is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aio_pika
import pytest
from typer.testing import CliRunner

from libs import clock
from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceReceived
from libs.contracts.topology import TOPOLOGY
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.db.types import Pool
from libs.messaging import AmqpTransport, Transport, inbox, outbox
from libs.messaging.relay import Relay
from services import drain
from tests.contract.messaging.conftest import received

QUEUE = "validate.received"


@pytest.fixture
def hub(database: DatabaseSettings, amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> DatabaseSettings:
    """The settings of a process; the topology is there, and nothing runs."""
    for name, value in (("DATABASE_URL", database.url), ("SECRET", database.secret), ("AMQP_URL", amqp_url)):
        monkeypatch.setenv(f"POSTBODE_{name}", value)

    async def declare() -> None:
        transport = AmqpTransport(amqp_url)
        await transport.start()
        await transport.apply(TOPOLOGY)
        await transport.stop()

    asyncio.run(declare())
    return database


def asked(*arguments: str) -> tuple[int, dict[str, Any], dict[tuple[str, str], tuple[int, int]]]:
    """Exit code, the whole answer, and by service and kind how many are under way and for later."""
    done = CliRunner().invoke(drain.app, ["--json", *arguments])
    said = json.loads(done.stdout) if done.stdout else {}
    left = {(each["service"], each["what"]): (each["now"], each["later"]) for each in said.get("left", ())}
    return done.exit_code, said, left


def in_database(settings: DatabaseSettings, work: Any) -> Any:
    async def session() -> Any:
        pools = Pools(settings)
        try:
            return await work(pools)
        finally:
            await pools.close()

    return asyncio.run(session())


async def emit(pools: Pools, *events: Event) -> None:
    pool = await pools.get("ingest", "worker")
    async with pool.acquire() as conn, conn.transaction():
        await outbox.append(conn, events)


async def published(pools: Pools, amqp_url: str) -> None:
    """What lies in ingest's outbox is with the broker, and nobody has taken it."""
    pool = await pools.get("ingest", "worker")
    transport = AmqpTransport(amqp_url)
    await transport.start()
    relay = Relay(pool, transport, TOPOLOGY, schema="ingest", emits=(InvoiceReceived.type,), share=0)
    running = asyncio.create_task(relay.run())
    async with asyncio.timeout(20):
        while await pool.fetchval("SELECT count(*) FROM outbox"):
            await asyncio.sleep(0.02)
    relay.stop()
    await running
    await transport.stop()


def test_nothing_under_way(hub: DatabaseSettings) -> None:
    code, said, left = asked("--wait", "0")
    assert (code, left) == (0, {})
    assert said["drained"]
    plain = CliRunner().invoke(drain.app, ["--service", "deliver", "--lang", "en"])
    assert plain.exit_code == 0
    assert plain.stdout.startswith("deliver   nothing under way\ndrained after ")


def test_an_event_is_seen_wherever_it_is(hub: DatabaseSettings, amqp_url: str) -> None:
    event = received()
    in_database(hub, lambda pools: emit(pools, event))
    code, said, left = asked("--wait", "0")
    assert (code, left) == (1, {("ingest", "outbox"): (1, 0)})
    assert not said["drained"]

    in_database(hub, lambda pools: published(pools, amqp_url))
    with_broker = {("validate", QUEUE): (1, 0), ("track", "track.facts"): (1, 0)}
    assert asked("--wait", "0")[::2] == (1, with_broker)

    async def in_hand() -> tuple[int, Any]:
        """A consumer has it and has not settled it: the queue is empty."""
        connection = await aio_pika.connect(amqp_url)
        channel = await connection.channel()
        message = await (await channel.get_queue(QUEUE)).get(timeout=5, no_ack=False)
        assert message is not None
        code, _, left = await asyncio.to_thread(asked, "--wait", "0", "--service", "validate")
        await message.ack()
        await connection.close()
        return code, left

    assert asyncio.run(in_hand()) == (1, {("validate", QUEUE): (1, 0)})

    async def handled(pools: Pools) -> None:
        async with (await pools.get("validate", "worker")).acquire() as conn:
            assert await inbox.claim(conn, QUEUE, [event.id]) == {event.id}

    in_database(hub, handled)
    assert asked("--wait", "0", "--service", "validate")[0] == 0


def test_it_waits_and_says_that_something_still_comes_in(
    hub: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_database(hub, lambda pools: emit(pools, received(1)))
    looks: list[Callable[[Pools], Awaitable[None]]] = []
    """What happens once ingest was looked at, the first time and the next."""
    look = drain.look

    async def looked(
        service: str, pools: Mapping[str, Pool], transport: Transport | None
    ) -> list[drain.Left]:
        found = await look(service, pools, transport)
        if service == "ingest" and looks:
            of_its_own = Pools(hub)
            await looks.pop(0)(of_its_own)
            await of_its_own.close()
        return found

    async def another(pools: Pools) -> None:
        await emit(pools, received(2))

    async def time_is_up(_: Pools) -> None:
        now = clock.monotonic()
        clocks.setattr(clock, "monotonic", lambda: now + 60)

    async def gone(pools: Pools) -> None:
        await (await pools.get("ingest", "worker")).execute("DELETE FROM outbox")

    monkeypatch.setattr(drain, "look", looked)
    looks += [another, time_is_up]
    with pytest.MonkeyPatch.context() as clocks:
        done = CliRunner().invoke(drain.app, ["--wait", "60", "--lang", "en"])
    assert done.exit_code == 1
    assert "ingest    2 to publish: does the relay run?" in done.stdout
    assert "stop ingest's API processes first" in done.stdout

    looks += [gone]
    code, said, _ = asked("--wait", "60")
    assert code == 0
    assert said["seconds"] > 0
    assert not said["still_fed"]


def test_what_is_for_later_is_told_and_not_waited_for(hub: DatabaseSettings) -> None:
    async def retry(pools: Pools) -> None:
        await emit(pools, received(1))
        await (await pools.get("ingest", "worker")).execute(
            "UPDATE outbox SET not_before = now() + interval '1 h'"
        )

    in_database(hub, retry)
    assert asked("--wait", "5")[::2] == (0, {("ingest", "outbox"): (0, 1)})


def test_what_cannot_be_looked_at_is_not_called_empty(
    hub: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked("--service", "portal")[0] == 2
    monkeypatch.setenv("POSTBODE_AMQP_URL", "amqp://127.0.0.1:9/")
    assert asked("--wait", "0")[0] == 2
    monkeypatch.setenv("POSTBODE_DATABASE_URL", "postgresql://127.0.0.1:9/x")
    assert asked("--wait", "0")[0] == 2
