"""Broken guarantees of single channels: a server afar, receivers that fetch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any

from tests.crash.wrapping import Say, wrap

LATE_SECONDS = 1.0


def _afar_not_looked(bit: Say) -> None:
    async def there(self: Any, name: str) -> bool:
        bit()
        return False

    wrap("services.deliver.channels.sftp_session:Session.there", lambda _: there)


def _read_is_taken(bit: Say) -> None:
    def make(original: Any) -> Any:
        async def one(pool: Any, account_id: Any, delivery_id: Any) -> Any:
            from services.deliver.receivers import waiting

            row = await original(pool, account_id, delivery_id)
            if row is not None:
                bit()
                await _acknowledge(pool, waiting.acknowledge, account_id, {delivery_id})
            return row

        return one

    wrap("services.deliver.receivers.waiting:one", make)


def _acknowledged_early(bit: Say) -> None:
    """The answer is given, then it is written."""
    pools: list[Any] = []
    writing: set[asyncio.Task[None]] = set()

    def listing(original: Any) -> Any:
        async def listed(pool: Any, *args: Any) -> Any:
            pools.append(pool)
            return await original(pool, *args)

        return listed

    def make(original: Any) -> Any:
        async def acknowledge(conn: Any, account_id: Any, ids: Collection[Any]) -> Any:
            async def later() -> None:
                await asyncio.sleep(LATE_SECONDS)
                await _acknowledge(pools[-1], original, account_id, ids)

            bit()
            task = asyncio.create_task(later())
            writing.add(task)
            task.add_done_callback(writing.discard)
            return set(ids), ()

        return acknowledge

    wrap("services.deliver.receivers.waiting:listed", listing)
    wrap("services.deliver.receivers.waiting:acknowledge", make)


async def _acknowledge(pool: Any, how: Any, account_id: Any, ids: Collection[Any]) -> None:
    from libs.messaging import outbox

    async with pool.acquire() as conn, conn.transaction():
        _, events = await how(conn, account_id, ids)
        await outbox.append(conn, list(events))


BREAKS: Mapping[str, Callable[[Say], None]] = {
    "afar-not-looked": _afar_not_looked,
    "read-is-taken": _read_is_taken,
    "acknowledged-early": _acknowledged_early,
}
