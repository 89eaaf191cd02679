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
from libs.db.settings import DatabaseSettings, database_of
from libs.db.types import Pool
from libs.errors import HubError
from libs.failures import EXPECTED, explain
from libs.settings import BadSettings, Settings, load
from libs.terminal import say

T = TypeVar("T")
SERVICES: tuple[str, ...] = tuple(dict.fromkeys(queue.service for queue in TOPOLOGY.queues))
"""Every service that hears events, and so has an outbox, an inbox and dead letters."""


def run(
    work: Callable[[Mapping[str, Pool]], Awaitable[T]],
    services: Sequence[str] = SERVICES,
    *,
    or_some: bool = False,
) -> T:
    """Do ``work`` with a pool for each of these services; ``or_some``: with keys of one service only, for that one. What
    goes wrong is said to the caller of the command, which then ends, by the code of ``libs.failures``."""

    async def session() -> T:
        settings = load(Settings)
        database = database_of(settings)
        held = [each for each in services if _may_be(each, settings.own_keys, database)]
        if len(held) < len(services):
            if not (or_some and held):
                raise BadSettings(_NOT_OURS.format(", ".join(each for each in services if each not in held)))
            say(_ONLY.format(", ".join(held)), err=True)
        pools = Pools(database, max_size=2)
        try:
            return await work({service: await pools.get(service, "worker") for service in held})
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


_NOT_OURS = (
    "POSTBODE_OWN_KEYS: this command looks into {} too, and these are the keys of another service: run it where "
    "POSTBODE_SECRET is (in Kubernetes as a job, deploy/k8s/README.md)"
)
_ONLY = "only {}: POSTBODE_OWN_KEYS holds the keys of no other"


def _may_be(service: str, own_keys: Mapping[str, str], database: DatabaseSettings) -> bool:
    """Whether this process can log in as the service's worker."""
    role = f"{service}_worker"
    return not own_keys or role in own_keys or database.own_url(role) is not None


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
