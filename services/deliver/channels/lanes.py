"""Attempts side by side, a few at a time for each lane, so that a slow receiver leaves room for the others."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from services.deliver.channels import Done
from services.deliver.parcel import Job, Loaded, NotBegun, Outcome, Unknown

GATHER_SECONDS = 0.01
"""Results are reported together when they come this close to each other."""
STILL_SECONDS = 10.0
"""A lane in which nothing ends for so long hangs: whoever waits in it is given back, with the documents."""
_BEHIND = NotBegun("those before it in its lane hang", wait=timedelta(seconds=10))

Results = asyncio.Queue[tuple[Job, Outcome | BaseException]]

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
        results: Results = asyncio.Queue()
        workers = [
            asyncio.create_task(self._work(waiting, count))
            for lane, queue in lanes.items()
            for waiting, count in [(_Waiting(queue, results), self._count(lane))]
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

    async def _work(self, waiting: _Waiting, count: asyncio.Semaphore) -> None:
        while waiting.queue:
            async with count:
                if waiting.queue:
                    each = waiting.queue.pop()
                    (outcome,) = await asyncio.gather(self._attempt(each), return_exceptions=True)
                    if isinstance(outcome, Exception):
                        # Nobody knows how far it got; the others of the round are none of its business.
                        _log.error("one attempt failed in an unforeseen way", exc_info=outcome)
                        outcome = Unknown(type(outcome).__name__)
                    waiting.ended(each.job, outcome)

    def _count(self, lane: str) -> asyncio.Semaphore:
        found = self._counts.get(lane)
        if found is None:
            found = self._counts[lane] = asyncio.Semaphore(self._per_lane)
        return found


class _Waiting:
    """Those of a round that wait in one lane; in which something ends now and then, or they are given back."""

    def __init__(self, queue: list[Loaded], results: Results) -> None:
        self.queue = queue
        self._results = results
        self._timer = self._still()

    def ended(self, job: Job, outcome: Outcome | BaseException) -> None:
        self._results.put_nowait((job, outcome))
        self._timer.cancel()
        if self.queue:
            self._timer = self._still()

    def _still(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(STILL_SECONDS, self._give_back)

    def _give_back(self) -> None:
        while self.queue:
            self._results.put_nowait((self.queue.pop().job, _BEHIND))
