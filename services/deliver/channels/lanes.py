"""Attempts side by side, a few at a time for each lane, so that a slow receiver leaves room for the others."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

import structlog

from services.deliver.channels import Done
from services.deliver.parcel import Job, Loaded, Outcome, Unknown

GATHER_SECONDS = 0.01
"""Results are reported together when they come this close to each other."""

_log = structlog.get_logger(__name__)


class Lanes:
    """``attempt`` one delivery, no more than ``per_lane`` of a lane at once, whichever rounds they are of."""

    def __init__(self, per_lane: int, attempt: Callable[[Loaded], Awaitable[Outcome]]) -> None:
        self._per_lane = per_lane
        self._attempt = attempt
        # Weak: a lane nobody is sending on needs no count.
        self._counts: weakref.WeakValueDictionary[str, asyncio.Semaphore] = weakref.WeakValueDictionary()

    async def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        """One outcome each, in groups as they come."""
        lanes: dict[str, list[Loaded]] = {}
        for each in reversed(loaded):
            lanes.setdefault(each.job.lane, []).append(each)
        results: asyncio.Queue[tuple[Job, Outcome | BaseException]] = asyncio.Queue()
        workers = [
            asyncio.create_task(self._work(queue, count, results))
            for lane, queue in lanes.items()
            for count in [self._count(lane)]
            for _ in range(min(self._per_lane, len(queue)))
        ]
        left = len(loaded)
        # Documents go with their attempts, one by one: the queues alone hold them.
        del loaded
        try:
            while left:
                found = [await results.get()]
                await asyncio.sleep(GATHER_SECONDS)
                while not results.empty():
                    found.append(results.get_nowait())
                left -= len(found)
                yield [(job, outcome) for job, outcome in found if not isinstance(outcome, BaseException)]
                for _, outcome in found:
                    if isinstance(outcome, BaseException):
                        raise outcome
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(
        self,
        queue: list[Loaded],
        count: asyncio.Semaphore,
        results: asyncio.Queue[tuple[Job, Outcome | BaseException]],
    ) -> None:
        while queue:
            async with count:
                if queue:
                    each = queue.pop()
                    (outcome,) = await asyncio.gather(self._attempt(each), return_exceptions=True)
                    if isinstance(outcome, Exception):
                        # Nobody knows how far it got; the others of the round are none of its business.
                        _log.error("one attempt failed in an unforeseen way", exc_info=outcome)
                        outcome = Unknown(type(outcome).__name__)
                    results.put_nowait((each.job, outcome))

    def _count(self, lane: str) -> asyncio.Semaphore:
        found = self._counts.get(lane)
        if found is None:
            found = self._counts[lane] = asyncio.Semaphore(self._per_lane)
        return found
