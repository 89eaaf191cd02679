"""Group commit: many callers wait, one flusher writes for all of them in one transaction.

A commit costs the same for one row as for two hundred. The flusher waits ``linger`` for company (none at
all tips over under load: batches shrink to a handful and each costs a full commit), writes, and only then
wakes the callers: what they were told is on disk. When the write of a group fails, each item is tried
alone, so one bad item fails one caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Generic, TypeVar

from libs.errors import Unavailable

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """``write`` takes a list and returns one result (or exception) per item, in order."""

    def __init__(
        self,
        write: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        linger: float = 0.005,
        most: int = 200,
        waiting: int = 4000,
    ) -> None:
        self._write = write
        self._linger = linger
        self._most = most
        self._waiting = waiting
        self._queue: list[tuple[T, asyncio.Future[R]]] = []
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> GroupCommit[T, R]:
        self._task = asyncio.create_task(self._flush_for_ever(), name="group-commit")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Callers still waiting are answered before the door is shut.
        await asyncio.gather(*(future for _, future in self._queue), return_exceptions=True)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def submit(self, item: T) -> R:
        """Wait until ``item`` is committed. Raises what the write raised, or ``Unavailable`` when too many
        wait already: the caller should come back instead of piling up in memory."""
        if len(self._queue) >= self._waiting:
            raise Unavailable(
                "more comes in than can be stored: try again in a moment",
                nl="er komt meer binnen dan er opgeslagen kan worden: probeer het zo opnieuw",
                code="busy",
            )
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        self._arrived.set()
        return await future

    async def _flush_for_ever(self) -> None:
        while True:
            await self._arrived.wait()
            if len(self._queue) < self._most:
                await asyncio.sleep(self._linger)
            # Take, but leave the rows in the queue's count until they are done: the drain waits for that.
            group = self._queue[: self._most]
            try:
                await self._settle(group)
            finally:
                del self._queue[: len(group)]
                if not self._queue:
                    self._arrived.clear()

    async def _settle(self, group: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        # gather, because whatever the write raises belongs to the callers and must not end the flusher.
        (outcome,) = await asyncio.gather(self._write([item for item, _ in group]), return_exceptions=True)
        if not isinstance(outcome, BaseException):
            for (_, future), result in zip(group, outcome, strict=True):
                if not future.done():
                    future.set_result(result)
        elif len(group) == 1:
            if not group[0][1].done():
                group[0][1].set_exception(outcome)
        else:
            for single in group:
                await self._settle([single])
