"""Readiness asks real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.contracts.topology import TOPOLOGY
from libs.db.migrate import Migrations
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.documents.postgres import PostgresDocuments
from libs.http.app import Readiness
from libs.messaging import Transport
from libs.readiness import checks
from libs.service import Resources, Service
from libs.testing.databases import present
from tests.integration.runtime.fakes import Nobody

ROUTE = next(schema for schema in present() if schema.schema == "route")


async def report(pools: Pools, transport: Transport, *services: Service, intake: bool) -> dict[str, str]:
    documents = PostgresDocuments(await pools.get("route", "worker"))
    resources = Resources(transport, pools, documents, Nobody(), "")
    return await Readiness(checks(services, resources, intake=intake)).report()


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
    found = await Readiness(checks([service], resources, intake=True)).report()
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
