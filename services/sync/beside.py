"""Something done again and again beside a piece of work: a sign of life, a look at how far it is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg


@contextlib.asynccontextmanager
async def beside(seconds: float, work: Callable[[], Awaitable[object]], name: str) -> AsyncIterator[None]:
    """Do ``work`` every so many seconds until the block ends. What our own database refuses is tried again next time:
    what hangs on it runs out by itself."""

    async def again() -> None:
        while True:
            await asyncio.sleep(seconds)
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await work()

    task = asyncio.create_task(again(), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
