"""Group commit: many callers wait, one flusher writes for all of them in one transaction.

A commit costs the same for one row as for two hundred. The flusher waits for company: ``linger`` after a quiet
moment, and ``pace`` from commit to commit while there is load (else batches shrink to a handful and each costs
a full commit). It writes, and only then
wakes the callers: what they were told is on disk. When the write of a group fails, each item is tried
alone, so one bad item fails one caller.

Nobody stands in line behind whoever sends most: a group is dealt out equally among the accounts that wait, and of one
account no more is taken than its share while others are about (``libs.messaging.shares``).

Whoever waits holds memory, so there is an end to both: how many wait and how many bytes they hold, and three quarters
of it for one account, so that it does not shut the door to the others. A group has an end in bytes as well, because a
transaction of two hundred large documents would keep all others waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar
from uuid import UUID

from libs import clock
from libs.errors import HubError, Unavailable
from libs.messaging.pacing import CREDIT, Pacing
from libs.messaging.shares import Shares

T = TypeVar("T")
R = TypeVar("R")


def busy() -> Unavailable:
    return Unavailable(
        "more comes in than can be stored: try again in a moment",
        nl="er komt meer binnen dan er opgeslagen kan worden: probeer het zo opnieuw",
        code="busy",
    )


WAITING_BYTES = 64 * 1024 * 1024
GROUP_BYTES = 32 * 1024 * 1024
_PART = 0.75
"""Of all that may wait, what one account may."""
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T, R]):
    item: T
    size: int
    future: asyncio.Future[R]


class GroupCommit(Generic[T, R]):
    """``write`` takes a list and returns one result (or error) per item, in order. ``size`` tells the bytes
    an item holds; ``most`` and ``most_bytes`` bound a group, ``waiting`` and ``waiting_bytes`` all who wait. ``account``
    tells whose an item is, ``share`` how many of one account are taken in a second while others are about; 0: no bound."""

    def __init__(
        self,
        write: Callable[[Sequence[T]], Awaitable[Sequence[R | HubError]]],
        *,
        linger: float = 0.005,
        pace: float = 0.0,
        most: int = 200,
        most_bytes: int = GROUP_BYTES,
        waiting: int = 4000,
        waiting_bytes: int = WAITING_BYTES,
        size: Callable[[T], int] = lambda _: 0,
        account: Callable[[T], UUID] = lambda _: _NOBODY,
        share: float = 0,
    ) -> None:
        self._write = write
        self._linger = linger
        self._pace = pace
        self._most = most
        self._most_bytes = most_bytes
        self._waiting = waiting
        self._waiting_bytes = waiting_bytes
        self._size = size
        self._account = account
        self._shares = Shares(share)
        self._held = 0
        self._of: Counter[UUID] = Counter()
        self._bytes_of: Counter[UUID] = Counter()
        self._queue: list[_Waiting[T, R]] = []
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> GroupCommit[T, R]:
        self._task = asyncio.create_task(self._flush_for_ever(), name="group-commit")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Callers still waiting are answered before the door is shut.
        await asyncio.gather(*(each.future for each in self._queue), return_exceptions=True)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def submit(self, item: T) -> R:
        """Wait until ``item`` is committed. Raises what the write raised, or ``Unavailable`` when too many
        wait already, or hold too much: the caller should come back instead of piling up in memory."""
        size = self._size(item)
        account = self._account(item)
        # One that is larger than all may be together must still get through when it is alone.
        full = self._held + size > self._waiting_bytes and self._queue
        bytes_of, of = self._bytes_of[account] + size, self._of[account]
        too_much = of and (bytes_of > _PART * self._waiting_bytes or of >= _PART * self._waiting)
        if len(self._queue) >= self._waiting or full or too_much:
            raise busy()
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(item, size, future))
        self._held += size
        self._of[account] += 1
        self._bytes_of[account] += size
        self._arrived.set()
        return await future

    async def _flush_for_ever(self) -> None:
        pacing = Pacing(self._pace, CREDIT)
        group: Sequence[_Waiting[T, R]] = ()
        while True:
            if not group:
                await self._rest()
            if len(self._queue) < self._most:
                await asyncio.sleep(max(self._linger, pacing.due - clock.monotonic()))
            group = self._next()
            if group:
                pacing.cut(clock.monotonic())
                # Taken, but left in the queue's count until they are done: the drain waits for that.
                try:
                    await self._settle(group)
                finally:
                    done = {id(each) for each in group}
                    self._queue = [each for each in self._queue if id(each) not in done]
                    self._held -= sum(each.size for each in group)
                    self._leave(group)

    def _leave(self, group: Sequence[_Waiting[T, R]]) -> None:
        for each in group:
            account = self._account(each.item)
            self._of[account] -= 1
            self._bytes_of[account] -= each.size
            if not self._of[account]:
                del self._of[account], self._bytes_of[account]

    async def _rest(self) -> None:
        """Until somebody comes, or those who wait may have more."""
        self._arrived.clear()
        left = self._shares.until - clock.monotonic() if self._queue else None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), left)

    def _next(self) -> list[_Waiting[T, R]]:
        waiting = [(self._account(each.item), each) for each in self._queue]
        accounts = list(dict.fromkeys(account for account, _ in waiting))
        left = dict(zip(accounts, self._shares.of(accounts, self._most), strict=True))
        group: list[_Waiting[T, R]] = []
        held = 0
        for account, each in waiting:
            if not left[account]:
                continue
            held += each.size
            if group and (held > self._most_bytes or len(group) == self._most):
                break
            left[account] -= 1
            group.append(each)
        self._shares.taken(self._account(each.item) for each in group)
        return group

    async def _settle(self, group: Sequence[_Waiting[T, R]]) -> None:
        # gather, because whatever the write raises belongs to the callers and must not end the flusher.
        (outcome,) = await asyncio.gather(self._write([each.item for each in group]), return_exceptions=True)
        if not isinstance(outcome, BaseException):
            for each, result in zip(group, outcome, strict=True):
                if each.future.done():
                    continue
                if isinstance(result, HubError):
                    each.future.set_exception(result)
                else:
                    each.future.set_result(result)
        elif len(group) == 1:
            if not group[0].future.done():
                group[0].future.set_exception(outcome)
        else:
            for single in group:
                await self._settle([single])
