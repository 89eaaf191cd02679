"""``python -m services.<name> <role>``: one service as a process of its own.

Exit codes: 0 stopped in order, 1 a part failed or something needed is away, 78 (``EX_CONFIG``) the settings are
wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
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

from libs import documents, heap
from libs.contracts.parts import DocumentRef
from libs.contracts.topology import TOPOLOGY
from libs.db.migrate import Migrations, Phase, migrate
from libs.db.pools import Pools
from libs.db.settings import database_of
from libs.db.types import Connection
from libs.documents.postgres import PostgresDocuments
from libs.documents.store import DocumentStore, NewDocument
from libs.errors import HubError
from libs.http.principal import RemoteAuthenticator
from libs.messaging import AmqpTransport, TransportAway
from libs.runtime import ALL_PARTS, CLOSE_SECONDS, run
from libs.service import Part, Resources, Service
from libs.settings import BadSettings, Settings, load
from libs.telemetry.setup import SHUTDOWN_SECONDS, configure

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


def longest_stop(settings: Settings) -> float:
    """Seconds from the signal to the end of the process, at most: what an orchestrator has to wait. Grace, drain, then
    closing what the drain left (twice), connections, and the last traces."""
    return (
        settings.grace_seconds
        + settings.drain_seconds
        + 2 * CLOSE_SECONDS
        + _CLOSE_SECONDS
        + SHUTDOWN_SECONDS
    )


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
async def resources_of(
    settings: Settings, schema: str | None, parts: frozenset[Part] = ALL_PARTS
) -> AsyncIterator[Resources]:
    """What every service leans on, closed afterwards; ``schema`` is None for one that keeps nothing and
    needs neither database nor broker. A broker that is away is waited for by whoever needs it: intake can
    start without, and an API by itself never asks for it."""
    if settings.transport == "memory":
        raise BadSettings("POSTBODE_TRANSPORT: memory is for the whole hub in one process, `postbode solo`")
    database = database_of(settings)
    if schema:
        database.role_url(f"{schema}_worker")  # said before anything is opened
    pools = Pools(database)
    transport = AmqpTransport(settings.amqp_url)
    identity = RemoteAuthenticator(settings.introspection_url, secret=settings.introspection_secret)
    try:
        store: DocumentStore = NoDocuments()
        if schema is not None:
            store = PostgresDocuments(await pools.get(schema, "worker"))
            if parts != {"api"}:
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
            rounds=settings.rounds,
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
        phase: Annotated[
            Phase,
            typer.Option(help="with migrate: pre while the old release still runs, all once it is gone"),
        ] = "all",
    ) -> None:
        try:
            settings = load(kind)
            telemetry = configure(name, settings)
            spare_the_collector()
            heap.give_back()
            try:
                migrating = functools.partial(_migrate, settings, migrations, sql_only=sql, phase=phase)
                raise typer.Exit(uvloop.run(_act(name, settings, build, migrations, role, migrating)))
            finally:
                telemetry.shutdown()
        except BadSettings as wrong:
            print(f"postbode {name}: wrong settings\n{wrong}", file=sys.stderr)
            raise typer.Exit(os.EX_CONFIG) from None

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
    name: str,
    settings: S,
    build: Build[S],
    migrations: Migrations | None,
    role: Role,
    migrating: Callable[[], Awaitable[None]],
) -> int:
    try:
        if role is Role.migrate:
            await migrating()
            return 0
        return await _serve(name, settings, build, migrations, _PARTS[role])
    except _AWAY as away:
        _log.error("cannot go on", service=name, role=role.value, error=type(away).__name__, exc_info=away)
        return 1


async def _serve(
    name: str, settings: S, build: Build[S], migrations: Migrations | None, parts: frozenset[Part]
) -> int:
    async with resources_of(settings, name if migrations else None, parts) as resources:
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
            health_port=settings.health_port,
        )


async def _migrate(
    settings: Settings, migrations: Migrations | None, *, sql_only: bool, phase: Phase
) -> None:
    """Schema, documents and topology: everything is there before anybody publishes."""
    if migrations is None:
        _log.info("nothing to migrate")
        return
    database = database_of(settings)
    for each in (Migrations("documents", (documents.MIGRATIONS,)), migrations):
        done = await migrate(database, each, sql_only=sql_only, phase=phase)
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
