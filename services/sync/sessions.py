"""What the command lines of sync share: the database at hand, as the worker."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import structlog
import typer
import uvloop

from libs.db.pools import Pools
from libs.db.settings import database_of
from libs.errors import HubError
from libs.service import Wake
from libs.settings import load
from libs.terminal import Lang, Language, say
from services.sync import clients
from services.sync.settings import SyncSettings
from services.sync.workshop import Workshop

T = TypeVar("T")

OWN = UUID(int=0)
"""Who owns what is entered at the machine itself, when nobody else is named."""


AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines")]


__all__ = ["OWN", "AsJson", "Lang", "Language", "run", "run_of"]


def run(work: Callable[[Workshop], Awaitable[T]]) -> T:
    """Do ``work``; what it refuses is said in a sentence and ends the command with 1."""

    async def session() -> T:
        settings = load(SyncSettings)
        pools = Pools(database_of(settings))
        try:
            return await work(Workshop(settings, await pools.get("sync", "worker"), Wake()))
        finally:
            await pools.close()

    # What a run logs is for a service's log; at a terminal only trouble is.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        return uvloop.run(session())
    except HubError as refused:
        say(f"{refused.code}: {refused.words['nl']} / {refused.words['en']}", err=True)
        checks = refused.extra.get("checks")
        for check in checks if isinstance(checks, list) else []:
            say(f"  {check['rule']}: {check['words']['nl']} / {check['words']['en']}", err=True)
        raise typer.Exit(1) from refused


def run_of(name: str, work: Callable[[Workshop, UUID], Awaitable[T]]) -> T:
    """The same, of the configuration of that name or id."""

    async def named(shop: Workshop) -> T:
        async with shop.pool.acquire() as conn:
            solution_id = await clients.named(conn, name)
        return await work(shop, solution_id)

    return run(named)
