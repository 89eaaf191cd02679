"""The whole hub in one process: embedded Postgres, in-memory transport over the outbox.

For a newcomer, a demo, a test. Nothing is less safe for it: every event lies in an outbox until all who
need it have settled it, so a kill -9 loses and doubles nothing. What it lacks is scale.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import shlex
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from libs import documents
from libs.contracts.topology import TOPOLOGY
from libs.db.embedded import EmbeddedPostgres
from libs.db.migrate import Migrations, migrate
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings, database_of
from libs.documents.postgres import PostgresDocuments
from libs.http.principal import RemoteAuthenticator
from libs.messaging import MemoryTransport, Transport
from libs.runtime import ALL_PARTS, Running, run
from libs.service import Resources, Service
from libs.settings import Settings, load
from libs.telemetry.setup import configure
from libs.terminal import say

SERVICES = ("ingest", "validate", "route", "deliver", "track", "sync", "portal")

_INVITATION = """
The hub is there: {base_url}/   API: {base_url}/docs
For the other commands, in another terminal (docs/solo.md says which come first):

    export POSTBODE_DATABASE_URL={url}
    postbode account open --help
"""

app = typer.Typer(help="Run the whole hub in one process, with its own Postgres.")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: settings for every service, by service name, and the shared ones."""

    common: Settings
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    services: tuple[str, ...] = SERVICES


async def migrate_all(database: DatabaseSettings, services: tuple[str, ...] = SERVICES) -> None:
    """Bring every schema up to this release; what is there already is left alone."""
    await migrate(database, Migrations("documents", (documents.MIGRATIONS,)))
    for name in services:
        migrations = getattr(importlib.import_module(f"services.{name}.app"), "MIGRATIONS", None)
        if migrations is not None:
            await migrate(database, migrations)


@contextlib.asynccontextmanager
async def hub(
    plan: Plan, transport: Transport | None = None
) -> AsyncIterator[tuple[list[Service], Resources]]:
    """All services, built on one set of resources; nothing runs yet."""
    common = plan.common
    database = database_of(common)
    await migrate_all(database, plan.services)
    pools = Pools(database)
    transport = transport or MemoryTransport()
    await transport.start()
    await transport.apply(TOPOLOGY)
    identity = RemoteAuthenticator(
        f"{common.base_url}/v1/tokens/introspect", secret=common.introspection_secret
    )
    resources = Resources(
        transport=transport,
        pools=pools,
        documents=PostgresDocuments(await pools.get("validate", "worker")),
        identity=identity,
        base_url=common.base_url,
        rounds=common.rounds,
    )
    try:
        yield [await _build(name, plan, resources) for name in plan.services], resources
    finally:
        await transport.stop()
        await pools.close()


async def _build(name: str, plan: Plan, resources: Resources) -> Service:
    wiring = importlib.import_module(f"services.{name}.app")
    own = importlib.import_module(f"services.{name}.settings")
    kind = getattr(own, f"{name.capitalize()}Settings")
    settings = kind(**{**plan.common.model_dump(), **plan.overrides.get(name, {})})
    service: Service = await wiring.build(settings, resources)
    return service


@app.callback(invoke_without_command=True)
def solo(
    folder: Annotated[Path, typer.Option(help="where Postgres keeps its data")] = Path("/var/tmp/postbode"),  # noqa: S108
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port of the APIs and pages")] = 8080,
) -> None:
    """Run until stopped (Ctrl-C, SIGTERM): what is in hand is finished first."""

    common = load(lambda: Settings(host=host, base_url=f"http://{host}:{port}"))
    form = common.log_format if "log_format" in common.model_fields_set else "console"
    configure("solo", common.model_copy(update={"log_format": form}))

    async def work() -> int:
        postgres = EmbeddedPostgres(folder)
        url = await asyncio.to_thread(postgres.start)

        async def ready(_: Running) -> None:
            say(_INVITATION.format(base_url=common.base_url, url=shlex.quote(url)))

        try:
            async with hub(Plan(common.model_copy(update={"database_url": url}))) as (services, resources):
                return await run(services, resources, ALL_PARTS, host=host, port=port, started=ready)
        finally:
            await asyncio.to_thread(postgres.stop)

    raise typer.Exit(asyncio.run(work()))
