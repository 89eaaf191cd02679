"""``python -m services.<name> <role>``: one service as a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated, TypeVar

import typer
import uvloop

from libs import documents
from libs.contracts.topology import TOPOLOGY
from libs.db.migrate import Migrations, migrate
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.documents.postgres import PostgresDocuments
from libs.http.principal import RemoteAuthenticator
from libs.messaging import AmqpTransport
from libs.runtime import ALL_PARTS, Part, run
from libs.service import Resources, Service
from libs.settings import Settings
from libs.telemetry.setup import configure

S = TypeVar("S", bound=Settings)
Build = Callable[[S, Resources], Awaitable[Service]]


class Role(StrEnum):
    """What this process does for its service."""

    serve = "serve"
    api = "api"
    worker = "worker"
    relay = "relay"
    migrate = "migrate"


_PARTS: dict[Role, frozenset[Part]] = {
    Role.serve: ALL_PARTS,
    Role.api: frozenset({"api"}),
    Role.worker: frozenset({"worker"}),
    Role.relay: frozenset({"relay"}),
}


async def open_resources(settings: Settings, schema: str) -> Resources:
    """Connect to what every service leans on."""
    pools = Pools(DatabaseSettings(settings.database_url, settings.secret))
    transport = AmqpTransport(settings.amqp_url)
    await transport.start()
    identity_url = settings.identity_url or settings.base_url
    return Resources(
        transport=transport,
        pools=pools,
        documents=PostgresDocuments(await pools.get(schema, "worker")),
        identity=RemoteAuthenticator(
            f"{identity_url}/v1/tokens/introspect", secret=settings.introspection_secret
        ),
        base_url=settings.base_url,
    )


def main(name: str, kind: Callable[[], S], build: Build[S], migrations: Migrations | None) -> None:
    """The command line of one service's process."""

    def command(
        role: Annotated[Role, typer.Argument(help="serve runs api, worker and relay together")],
        sql: Annotated[bool, typer.Option("--sql", help="with migrate: print instead of run")] = False,
    ) -> None:
        settings = kind()
        configure(name, settings)
        if role is Role.migrate:
            uvloop.run(_migrate(settings, migrations, sql_only=sql))
            return
        raise typer.Exit(uvloop.run(_serve(name, settings, build, _PARTS[role])))

    app = typer.Typer(help=f"Postbode {name}.")
    app.command()(command)
    app()


async def _serve(name: str, settings: S, build: Build[S], parts: frozenset[Part]) -> int:
    resources = await open_resources(settings, name)
    try:
        service = await build(settings, resources)
        return await run([service], resources, parts, host=settings.host, port=settings.port)
    finally:
        await resources.transport.stop()
        await resources.pools.close()


async def _migrate(settings: Settings, migrations: Migrations | None, *, sql_only: bool) -> None:
    """Schema, documents and topology: everything is there before anybody publishes."""
    database = DatabaseSettings(settings.database_url, settings.secret)
    await migrate(database, Migrations("documents", (documents.MIGRATIONS,)), sql_only=sql_only)
    if migrations is not None:
        await migrate(database, migrations, sql_only=sql_only)
    if not sql_only:
        transport = AmqpTransport(settings.amqp_url)
        await transport.start()
        try:
            await asyncio.wait_for(transport.apply(TOPOLOGY), 60)
        finally:
            await transport.stop()
