"""What the command lines of messaging share: the services' schemas at hand, each as its worker."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import asyncpg
import typer

from libs.contracts.topology import TOPOLOGY
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.db.types import Pool
from libs.errors import HubError
from libs.settings import BadSettings, Settings, load
from libs.terminal import say

T = TypeVar("T")
SERVICES: tuple[str, ...] = tuple(dict.fromkeys(queue.service for queue in TOPOLOGY.queues))
"""Every service that hears events, and so has an outbox, an inbox and dead letters."""

_AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


def run(work: Callable[[Mapping[str, Pool]], Awaitable[T]], services: Sequence[str] = SERVICES) -> T:
    """Do ``work`` with a pool for each of these services. What goes wrong is said to the caller of the
    command, which then ends: 1 for what cannot be done, 2 for a database that is away."""

    async def session() -> T:
        settings = load(Settings)
        pools = Pools(DatabaseSettings(settings.database_url, settings.secret), max_size=2)
        try:
            return await work({service: await pools.get(service, "worker") for service in services})
        finally:
            await pools.close()

    try:
        return asyncio.run(session())
    except HubError as refused:
        say(f"{refused.code}: {refused.message}", err=True)
        raise typer.Exit(1) from refused
    except (*_AWAY, BadSettings) as away:
        say(
            f"No service's database answers as it should: {away}. Is POSTBODE_DATABASE_URL that of the hub, and is "
            "everything migrated?",
            err=True,
        )
        raise typer.Exit(2) from away


def operator() -> str:
    """Who works at this machine, for the record: ``POSTBODE_OPERATOR``, or the name of the system's user."""
    if named := os.environ.get("POSTBODE_OPERATOR"):
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"
