"""Does what is due: plans by the schedule, and applies what is approved, whoever approved it.

Any number of runners may run. A plan is taken by the leases of its administrations; one that a dead process left
behind is gone on with when its leases run out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.masterdata import PlanApproved
from libs.db.trouble import NOT_NOW
from libs.errors import HubError
from libs.messaging import outbox
from services.sync import clients, planner, plans, timetable
from services.sync.applier import apply
from services.sync.leases import Busy, Lost
from services.sync.plans import Plan
from services.sync.settling import SOURCE
from services.sync.workshop import Workshop

_log = structlog.get_logger(__name__)


class Runner:
    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._pool = shop.pool
        self._due = asyncio.Event()
        self._stopping = False

    def look(self) -> None:
        """Something may be there to do."""
        self._due.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Apply in the background; on leaving, the run under way is cut short and can be gone on with."""
        task = asyncio.create_task(self._run(), name="sync runner")
        try:
            yield
        finally:
            self._stopping = True
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping:
            self._due.clear()
            (failed,) = await asyncio.gather(self.work(), return_exceptions=True)
            if isinstance(failed, BaseException):
                _log.warning("cannot look for plans", error=repr(failed))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._shop.settings.look_seconds)

    async def work(self) -> int:
        """Apply every approved plan that nobody else is at; returns how many."""
        async with self._pool.acquire() as conn:
            waiting = await plans.open_plans(conn)
        count = 0
        for plan_id in waiting:
            (ended,) = await asyncio.gather(apply(self._shop, plan_id), return_exceptions=True)
            if isinstance(ended, NOT_NOW):
                raise ended  # our own database: none of them would get further
            if not isinstance(ended, BaseException):
                count += 1
            elif not isinstance(ended, Busy | Lost):
                _log.error("sync run failed", plan_id=str(plan_id), exc_info=ended)
        return count

    async def schedule(self) -> None:
        """Plan what is due; approve it, unless a person must look at it first."""
        now = clock.now()
        async with self._pool.acquire() as conn:
            due = await clients.due(conn, now)
        for row in due:
            following = timetable.following(row["every"], row["at"], row["timezone"], now)
            async with self._pool.acquire() as conn:
                if not await clients.take(conn, row["solution_id"], row["next_run"], following):
                    continue
            try:
                plan = await planner.plan(self._shop, row["solution_id"])
            except HubError as failed:
                _log.warning("scheduled plan failed", solution_id=str(row["solution_id"]), error=failed.code)
                continue
            if plan.state == "ready" and plan.writes:
                async with self._pool.acquire() as conn, conn.transaction():
                    await outbox.append(conn, [approved(plan)])
                self._shop.wake()


def approved(plan: Plan) -> Event:
    """Says that exactly this plan may be applied."""
    data = PlanApproved(plan_id=plan.plan_id, solution_id=plan.solution_id, hash=plan.hash)
    return new_event(
        data,
        source=SOURCE,
        account=plan.account_id,
        correlation_id=str(plan.plan_id),
        traceparent=plan.traceparent,
    )
