"""What the command lines of messaging share: the services' schemas at hand, each as its worker."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import typer

from libs.contracts.topology import TOPOLOGY, Queue
from libs.db.pools import Pools
from libs.db.settings import database_of
from libs.db.types import Pool
from libs.errors import HubError
from libs.failures import EXPECTED, explain
from libs.settings import Settings, load
from libs.terminal import say

T = TypeVar("T")
SERVICES: tuple[str, ...] = tuple(dict.fromkeys(queue.service for queue in TOPOLOGY.queues))
"""Every service that hears events, and so has an outbox, an inbox and dead letters."""


def run(work: Callable[[Mapping[str, Pool]], Awaitable[T]], services: Sequence[str] = SERVICES) -> T:
    """Do ``work`` with a pool for each of these services. What goes wrong is said to the caller of the
    command, which then ends, by the code of ``libs.failures``."""

    async def session() -> T:
        settings = load(Settings)
        pools = Pools(database_of(settings), max_size=2)
        try:
            return await work({service: await pools.get(service, "worker") for service in services})
        finally:
            await pools.close()

    try:
        return asyncio.run(session())
    except HubError as refused:
        say(f"{refused.code}: {refused.message}", err=True)
        raise typer.Exit(1) from refused
    except EXPECTED as failed:
        code, words = explain(failed)
        say(words, err=True)
        raise typer.Exit(code) from failed


def queue_called(name: str) -> Queue:
    """Raises ``typer.BadParameter``, which names the queues there are."""
    try:
        return TOPOLOGY.queue(name)
    except KeyError as bad:
        known = ", ".join(queue.name for queue in TOPOLOGY.queues)
        raise typer.BadParameter(f"there is no queue {name!r}; there are {known}") from bad


def operator() -> str:
    """Who works at this machine, for the record: ``POSTBODE_OPERATOR``, or the name of the system's user."""
    if named := os.environ.get("POSTBODE_OPERATOR"):
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"
