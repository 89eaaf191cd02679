"""Sees which pairs receivers have taken from their folders: those have arrived; and tidies up after kills."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

from opentelemetry.trace import SpanKind

from libs import clock
from libs.db.types import Pool
from libs.messaging import outbox
from libs.service import Wake
from libs.telemetry import tracing
from services.deliver import facts, store, telemetry
from services.deliver.arriving.afar import Afar
from services.deliver.channels.folder import FolderChannel
from services.deliver.parcel import Channel

PAGE = 5000
AT_ONCE = 8
"""SFTP servers that are looked at side by side."""
Names = Callable[[str], Awaitable[frozenset[str] | None]]
REST_SECONDS = 0.1
"""Most between two folders in which something was taken; else as long as the first took."""
OLD = timedelta(minutes=10)
"""What is younger may be in somebody's hands."""

_LANES = "SELECT DISTINCT lane FROM delivery WHERE state = 'handed_over' AND channel = $1 ORDER BY lane"
_IN_FOLDER = """
SELECT delivery_id, file_name FROM delivery
 WHERE state = 'handed_over' AND channel = $1 AND lane = $2 AND delivery_id > $3
 ORDER BY delivery_id LIMIT $4
"""
_OVER = """
SELECT delivery_id FROM delivery
 WHERE delivery_id = ANY ($1::uuid[]) AND state IN ('handed_over', 'confirmed', 'undeliverable')
"""


class Arrivals:
    def __init__(self, pool: Pool, folder: FolderChannel, afar: Afar, wake: Wake) -> None:
        self._pool = pool
        self._folder = folder
        self._afar = afar
        self._wake = wake

    async def look(self) -> None:
        """Look into every folder in which something waits, and tell what was taken."""
        for (lane,) in await self._pool.fetch(_LANES, "folder"):
            began = clock.monotonic()
            if await self._look_into("folder", lane, self._folder.names):
                # Receivers take many at once, and what is under way waits for the same processors.
                await asyncio.sleep(min(REST_SECONDS, clock.monotonic() - began))

    async def look_afar(self) -> None:
        """The same at the SFTP servers of receivers: one that hangs holds up none of the others."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(lane: str) -> None:
            async with places:
                await self._look_into("sftp", lane, self._afar.names)

        await asyncio.gather(*(one(lane) for (lane,) in await self._pool.fetch(_LANES, "sftp")))

    async def _look_into(self, channel: Channel, lane: str, names: Names) -> int:
        """How many were taken."""
        after, count = UUID(int=0), 0
        # The rows first, the folder after: a pair placed in between must not look as if it were gone.
        while page := await self._pool.fetch(_IN_FOLDER, channel, lane, after, PAGE):
            after = page[-1]["delivery_id"]
            left = await names(lane)
            if left is None:
                break
            taken = [row["delivery_id"] for row in page if _gone(row["file_name"], left)]
            if taken:
                await self._confirm(taken)
                count += len(taken)
        return count

    async def sweep(self) -> None:
        """Remove what a killed process left in the hidden areas and nobody needs any more."""
        for lane in await self._folder.lanes():
            left = await self._folder.leftovers(lane, OLD)
            if left:
                rows = await self._pool.fetch(_OVER, list(set().union(*left.values())))
                over = {row["delivery_id"] for row in rows}
                await self._folder.remove(lane, [name for name, ids in left.items() if ids <= over])

    async def _confirm(self, taken: Sequence[UUID]) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            rows = await store.confirm(conn, taken)
            with tracing.batch("deliver arrivals", SpanKind.INTERNAL, telemetry.causes(rows)):
                await outbox.append(conn, [facts.confirmed(row, _evidence(row["file_name"])) for row in rows])
        self._wake()


def _gone(base: str, left: frozenset[str]) -> bool:
    return f"{base}.xml" not in left and f"{base}.pdf" not in left


def _evidence(file_name: str) -> str:
    return f"the receiver took {file_name}.xml from its folder"
