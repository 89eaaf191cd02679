"""``python -m services.<name> <role>``: one service as a process of its own.

Exit codes: 0 stopped in order, 1 a part failed or something needed is away, 2 the settings are wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, TypeVar
from uuid import UUID

import asyncpg
import structlog
import typer
import uvloop

from libs import documents
from libs.contracts.parts import DocumentRef
from libs.contracts.topology import TOPOLOGY
from libs.db.migrate import Migrations, migrate
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection
from libs.documents.postgres import PostgresDocuments
from libs.documents.store import DocumentStore, NewDocument
from libs.errors import HubError
from libs.http.principal import RemoteAuthenticator
from libs.messaging import AmqpTransport, TransportAway
from libs.runtime import ALL_PARTS, Part, run
from libs.service import Resources, Service
from libs.settings import BadSettings, Settings, load
from libs.telemetry.setup import configure

S = TypeVar("S", bound=Settings)
Build = Callable[[S, Resources], Awaitable[Service]]

_AWAY = (HubError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
_CLOSE_SECONDS = 5.0
_log = structlog.get_logger(__name__)


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


class NoDocuments:
    """The document store of a service that keeps nothing."""

    async def put(self, conn: Connection, account: UUID, documents: Sequence[NewDocument]) -> None:
        raise RuntimeError("this service has no database")

    async def put_many(self, conn: Connection, documents: Sequence[tuple[UUID, NewDocument]]) -> None:
        raise RuntimeError("this service has no database")

    async def get(
        self, refs: Sequence[DocumentRef], accounts: Sequence[UUID], *, conn: Connection | None = None
    ) -> Mapping[UUID, bytes | HubError]:
        raise RuntimeError("this service has no database")


@contextlib.asynccontextmanager
async def resources_of(settings: Settings, schema: str | None) -> AsyncIterator[Resources]:
    """What every service leans on, closed afterwards; ``schema`` is None for one that keeps nothing and
    needs neither database nor broker. A broker that is away is waited for by whoever needs it: intake can
    start without."""
    if settings.transport == "memory":
        raise BadSettings("POSTBODE_TRANSPORT: memory is for the whole hub in one process, `postbode solo`")
    if schema and not (
        settings.database_url or f"POSTBODE_{schema.upper()}_WORKER_DATABASE_URL" in os.environ
    ):
        raise BadSettings("POSTBODE_DATABASE_URL: not set; where is the database?")
    pools = Pools(DatabaseSettings(settings.database_url, settings.secret))
    transport = AmqpTransport(settings.amqp_url)
    identity = RemoteAuthenticator(settings.introspection_url, secret=settings.introspection_secret)
    try:
        store: DocumentStore = NoDocuments()
        if schema is not None:
            store = PostgresDocuments(await pools.get(schema, "worker"))
            try:
                await transport.start()
            except TransportAway as away:
                _log.warning("starting without the broker", detail=away.message)
        yield Resources(
            transport=transport,
            pools=pools,
            documents=store,
            identity=identity,
            base_url=settings.base_url,
        )
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await identity.close()
                await transport.stop()
                await pools.close()


def main(name: str, kind: Callable[[], S], build: Build[S], migrations: Migrations | None) -> None:
    """The command line of one service's process."""

    def command(
        role: Annotated[Role, typer.Argument(help="serve runs api, worker and relay together")],
        sql: Annotated[bool, typer.Option("--sql", help="with migrate: print instead of run")] = False,
    ) -> None:
        try:
            settings = load(kind)
            telemetry = configure(name, settings)
            spare_the_collector()
            try:
                raise typer.Exit(uvloop.run(_act(name, settings, build, migrations, role, sql_only=sql)))
            finally:
                telemetry.shutdown()
        except BadSettings as wrong:
            print(f"postbode {name}: wrong settings\n{wrong}", file=sys.stderr)
            raise typer.Exit(2) from None

    app = typer.Typer(help=f"Postbode {name}.", pretty_exceptions_enable=False)
    app.command()(command)
    app()


def spare_the_collector() -> None:
    """What is loaded by now stays until the end, so garbage collection need not look at it; and young objects
    are looked at less often, because a batch makes thousands that live until its commit."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def _act(
    name: str, settings: S, build: Build[S], migrations: Migrations | None, role: Role, *, sql_only: bool
) -> int:
    try:
        if role is Role.migrate:
            await _migrate(settings, migrations, sql_only=sql_only)
            return 0
        return await _serve(name, settings, build, migrations, _PARTS[role])
    except _AWAY as away:
        _log.error("cannot go on", service=name, role=role.value, error=type(away).__name__, exc_info=away)
        return 1


async def _serve(
    name: str, settings: S, build: Build[S], migrations: Migrations | None, parts: frozenset[Part]
) -> int:
    async with resources_of(settings, name if migrations else None) as resources:
        service = await build(settings, resources)
        return await run(
            [service],
            resources,
            parts,
            host=settings.host,
            port=settings.port,
            drain_seconds=settings.drain_seconds,
            grace_seconds=settings.grace_seconds,
            max_body=settings.max_body_bytes,
        )


async def _migrate(settings: Settings, migrations: Migrations | None, *, sql_only: bool) -> None:
    """Schema, documents and topology: everything is there before anybody publishes."""
    if migrations is None:
        _log.info("nothing to migrate")
        return
    database = DatabaseSettings(settings.database_url, settings.secret)
    for each in (Migrations("documents", (documents.MIGRATIONS,)), migrations):
        done = await migrate(database, each, sql_only=sql_only)
        if sql_only:
            print("\n".join(done))
        else:
            _log.info("migrated", schema=each.schema, applied=done)
    if not sql_only:
        transport = AmqpTransport(settings.amqp_url)
        try:
            async with asyncio.timeout(60):
                await transport.start()
                await transport.apply(TOPOLOGY)
        finally:
            await transport.stop()
