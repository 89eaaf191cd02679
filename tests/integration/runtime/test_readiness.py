"""Readiness asks real servers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import asyncpg
import pytest

from libs.contracts.topology import TOPOLOGY
from libs.db.migrate import Migrations
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.documents.postgres import PostgresDocuments
from libs.http.app import Readiness
from libs.http.health import Check
from libs.messaging import AmqpTransport, Transport
from libs.readiness import checks
from libs.room import room
from libs.service import Part, Resources, Service
from libs.testing.databases import present
from tests.integration.runtime.fakes import Nobody

ROUTE = next(schema for schema in present() if schema.schema == "route")


async def report(pools: Pools, transport: Transport, *services: Service, intake: bool) -> dict[str, str]:
    documents = PostgresDocuments(await pools.get("route", "worker"))
    resources = Resources(transport, pools, documents, Nobody(), "")
    return await Readiness(checks(services, resources, {"api"} if intake else {"worker"})).report()


async def test_a_worker_needs_its_queues(database: DatabaseSettings, transport: Transport) -> None:
    pools = Pools(database)
    route = Service(name="route", migrations=ROUTE)
    assert await report(pools, transport, route, intake=False) == {"broker": "QueueMissing"}
    assert await report(pools, transport, route, intake=True) == {}
    await transport.apply(TOPOLOGY)
    assert await report(pools, transport, route, intake=False) == {}
    await pools.close()


async def test_a_database_that_goes_away_is_seen(database: DatabaseSettings, transport: Transport) -> None:
    pools = Pools(database)
    service = Service(name="route", migrations=ROUTE)
    assert await report(pools, transport, service, intake=True) == {}
    await pools.close()
    broken = Pools(DatabaseSettings("postgresql://127.0.0.1:9/x", database.secret))
    resources = Resources(transport, broken, PostgresDocuments(None), Nobody(), "")  # type: ignore[arg-type]
    found = await Readiness(checks([service], resources, {"api"})).report()
    assert set(found) == {"database", "migrations"}


@pytest.mark.parametrize("gone", ["pre", "post"])
async def test_only_what_must_be_there_before_counts(
    database: DatabaseSettings, transport: Transport, tmp_path: Path, gone: str
) -> None:
    folder = tmp_path / "route2" / "migrations"
    folder.mkdir(parents=True)
    (folder / f"0009_{gone}_later.sql").write_text("SELECT 1;")
    ahead = Migrations("route", (*ROUTE.sources, folder))
    pools = Pools(database)
    found = await report(pools, transport, Service(name="route", migrations=ahead), intake=True)
    assert found == ({"migrations": "MigrationsMissing"} if gone == "pre" else {})
    await pools.close()


@pytest.mark.parametrize("phase", ["pre", "post"])
async def test_a_newer_release_takes_over_when_its_contract_step_ran(
    database: DatabaseSettings, transport: Transport, phase: str
) -> None:
    """Expanded, the schema serves the old release too; contracted, it lacks what that one needs. Seen while it runs."""
    pools = Pools(database)
    resources = Resources(
        transport, pools, PostgresDocuments(await pools.get("route", "worker")), Nobody(), ""
    )
    readiness = Readiness(checks([Service(name="route", migrations=ROUTE)], resources, {"api"}))
    assert await readiness.report() == {}
    await as_owner(
        database,
        "route",
        f"INSERT INTO migration (name, checksum) VALUES ('migrations/0999_{phase}_x.sql', '')",
    )
    assert await readiness.report() == ({} if phase == "pre" else {"migrations": "SchemaNewer"})
    await pools.close()


async def test_a_standby_takes_nothing_in(database: DatabaseSettings, transport: Transport) -> None:
    pools = Pools(database)
    service = Service(name="route", migrations=ROUTE)
    name = urlsplit(database.url).path[1:]
    await as_owner(database, None, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    assert await report(pools, transport, service, intake=True) == {"database": "DatabaseReadOnly"}
    await pools.close()


async def test_what_a_service_needs_itself_counts_where_that_part_runs(
    database: DatabaseSettings, transport: Transport, tmp_path: Path
) -> None:
    pools = Pools(database)
    full: Mapping[Part, Mapping[str, Check]] = {"worker": {"disk": room(tmp_path, 2**60)}}
    service = Service(name="route", migrations=ROUTE, checks=full)
    assert await report(pools, transport, service, intake=True) == {}
    assert (await report(pools, transport, service, intake=False))["disk"] == "DiskFull"
    await pools.close()


async def test_a_queue_that_can_lose_something_is_not_worked_with(
    database: DatabaseSettings, amqp_url: str
) -> None:
    """Without at-least-once dead-lettering RabbitMQ falls back to losing, and says nothing."""
    queue = TOPOLOGY.queue("route.validated")
    weaker = {**queue.arguments, "x-overflow": "drop-head", "x-dead-letter-strategy": "at-most-once"}
    transport = AmqpTransport(amqp_url)
    pools = Pools(database)
    await transport.start()
    await transport.apply(TOPOLOGY)
    await declare_anew(amqp_url, queue.name, weaker)
    assert await report(pools, transport, Service(name="route", migrations=ROUTE), intake=False) == {
        "broker": "QueueDiffers"
    }
    (said,) = await transport.differing([queue])
    assert queue.name in said
    assert "x-overflow" in said or "x-dead-letter-strategy" in said
    await declare_anew(amqp_url, queue.name, queue.arguments)
    assert await transport.differing([queue]) == []
    await transport.stop()
    await pools.close()


async def declare_anew(url: str, name: str, arguments: Mapping[str, Any]) -> None:
    connection = await aio_pika.connect(url)
    channel = await connection.channel()
    await channel.queue_delete(name)
    await channel.declare_queue(name, durable=True, arguments=dict(arguments))
    await connection.close()


async def as_owner(database: DatabaseSettings, schema: str | None, statement: str) -> None:
    conn = await asyncpg.connect(database.url)
    if schema:
        await conn.execute(f"SET search_path = {schema}")
    await conn.execute(statement)
    await conn.close()
