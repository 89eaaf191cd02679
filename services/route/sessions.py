"""What the command lines of route share: the database at hand, as the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer

from libs.db.pools import Pools
from libs.db.settings import database_of
from libs.db.types import Connection, Pool
from libs.errors import HubError
from libs.settings import load
from libs.terminal import say
from services.route.settings import RouteSettings

T = TypeVar("T")


def run(work: Callable[[Connection, RouteSettings], Awaitable[T]]) -> T:
    """Do ``work`` in one transaction of the worker role."""

    async def session(pool: Pool, settings: RouteSettings) -> T:
        async with pool.acquire() as conn, conn.transaction():
            return await work(conn, settings)

    return run_with_pool(session)


def run_with_pool(work: Callable[[Pool, RouteSettings], Awaitable[T]]) -> T:
    """Do ``work``, which makes its own transactions."""

    async def session() -> T:
        settings = load(RouteSettings)
        pools = Pools(database_of(settings))
        try:
            return await work(await pools.get("route", "worker"), settings)
        finally:
            await pools.close()

    return asyncio.run(session())


def told(refused: HubError) -> typer.Exit:
    """Say why not, in both languages; raise what it returns."""
    say(f"{refused.code}: {refused.words['nl']} / {refused.words['en']}", err=True)
    return typer.Exit(1)
