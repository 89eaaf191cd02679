"""Runs something again and again.

One run at a time. The next is due ``every`` after the last was *due*, not after it ended, so a schedule does
not drift; runs that were due while one was still going are left out and counted. A little jitter keeps
replicas from doing the same thing at the same instant.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable

import structlog
from opentelemetry.trace import SpanKind

from libs import clock
from libs.service import Schedule
from libs.telemetry import metrics, tracing

JITTER = 0.1
"""Share of the interval by which a run may come later."""

_log = structlog.get_logger(__name__)


class Runner:
    """Runs one schedule, at once and then every so often, until ``stop()``."""

    def __init__(
        self,
        schedule: Schedule,
        *,
        time: Callable[[], float] = clock.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = schedule.name
        self._schedule = schedule
        self._every = schedule.every.total_seconds()
        if self._every <= 0:
            raise ValueError(f"schedule {schedule.name}: the interval must be more than nothing")
        self._time = time
        self._jitter = jitter
        self._stopping = asyncio.Event()
        self._failures = 0

    async def run(self) -> None:
        due = self._time()
        while not self._stopping.is_set():
            await self._once()
            due = self._next(due)
            await self._sleep(due + self._jitter() * JITTER * self._every - self._time())

    def stop(self) -> None:
        """Let ``run()`` return; a run under way is finished."""
        self._stopping.set()

    def _next(self, due: float) -> float:
        missed = int((self._time() - due) // self._every)
        if missed:
            metrics.schedule_missed.add(missed, {"schedule": self.name})
        return due + (missed + 1) * self._every

    async def _once(self) -> None:
        began = self._time()
        # Nothing is recorded of a run that goes well; its log lines share a trace id all the same.
        with tracing.batch(self.name, SpanKind.INTERNAL, ()):
            (result,) = await asyncio.gather(self._schedule.run(), return_exceptions=True)
            seconds = self._time() - began
            if isinstance(result, asyncio.CancelledError):
                raise result
            failed = isinstance(result, BaseException)
            if isinstance(result, BaseException):
                _log.error("schedule failed", schedule=self.name, exc_info=result)
                tracing.record_failure(self.name, result, seconds=seconds)
        self._failures = self._failures + 1 if failed else 0
        metrics.schedule_failures.set(self._failures, {"schedule": self.name})
        outcome = "failed" if failed else "done"
        metrics.schedule_duration.record(seconds, {"schedule": self.name, "outcome": outcome})

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0:
            # A run that always takes too long must still let others have the loop.
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
