"""sync over HTTP: configurations, plans, what became of them. Setting up is in ``setup_api``, loads in ``loads_api``.

The right ``account:admin`` reads and asks; only rows of the caller's own account are seen. What is asked is done as
the worker: plans and comparisons within the request, applies by the runner.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse

from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import Conflict, NotFound
from libs.http.principal import Principal, requires
from libs.messaging import outbox
from libs.service import Wake
from libs.text import PlainText
from services.sync import clients, history, planner, plans, showing
from services.sync.clients import Solution
from services.sync.plans import Plan
from services.sync.runner import approved
from services.sync.undoing import undo
from services.sync.verifying import verify
from services.sync.workshop import Workshop

PAGE_RECORDS = 10_000
"""Records on a page; that there are more is told."""

Admin = Annotated[Principal, Depends(requires("account:admin"))]


class SolutionView(BaseModel):
    """One Purchase to Pay kept alike with one or more Globe+ administrations."""

    solution_id: UUID
    name: str
    description: str
    client: str
    administrations: list[str] = Field(description="codes, in their order: the first one's value holds")
    every: str
    at: time | None
    timezone: str
    active: bool
    next_run: datetime | None
    created_at: datetime


class Solutions(BaseModel):
    solutions: list[SolutionView]


class Wanted(BaseModel):
    full: bool = Field(default=False, description="read both sides whole, not only what changed")
    deleted: list[Annotated[PlainText, Field(max_length=10)]] = Field(
        default=[],
        max_length=100,
        description="administrations that were deleted in Globe+: their cost centres become inactive",
    )


class PlanView(BaseModel):
    """A plan and how far it is."""

    plan_id: UUID
    solution_id: UUID
    mode: str
    state: str = Field(
        description="ready, asking (look first), approved, applying, applied, stopped, refused, failed"
    )
    hash: str = Field(description="give this back to apply exactly this plan")
    counts: Mapping[str, int]
    outcomes: Mapping[str, int] = Field(description="how many records are in each state")
    checks: list[Mapping[str, Any]]
    objections: list[Mapping[str, str]]
    trouble: Mapping[str, str] | None
    made_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class Plans(BaseModel):
    plans: list[PlanView]


class Items(BaseModel):
    items: list[Mapping[str, Any]]
    after: int | None = Field(description="ask with this for the next page; null: that was all")


class Approval(BaseModel):
    hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the plan you looked at")


class Activation(BaseModel):
    active: bool


class CheckView(BaseModel):
    rule: str
    met: bool | None
    administration: str | None
    words: dict[Literal["nl", "en"], str]


class Checks(BaseModel):
    checks: list[CheckView]


class CostTypes(BaseModel):
    same_cost_types: bool = Field(description="what the feature says now, and what holds from here on")


class ComparisonView(BaseModel):
    """How both sides stand: by kind how many are identical, differ, stand on one side only, are left out by rule."""

    alike: bool
    counts: dict[str, dict[str, int]]
    differences: list[Mapping[str, Any]] = Field(description="at most 1000; all are counted")
    left_out: list[CheckView] = Field(description="why an administration was not compared")


class Outcome(BaseModel):
    """What became of one record in one run."""

    plan_id: UUID
    administration: str
    kind: str
    external_id: str
    action: str
    outcome: str
    rule: str
    code: str
    at: datetime


class History(BaseModel):
    outcomes: list[Outcome]


def routes(pool: Pool, shop: Workshop, wake: Wake) -> APIRouter:
    """The routes. ``pool`` has the api role."""
    router = APIRouter(tags=["sync"])

    async def own_solution(principal: Principal, solution_id: UUID) -> Solution:
        async with tenant(pool, principal.account_id) as conn:
            if not await clients.visible(conn, solution_id):
                raise NotFound
        async with shop.pool.acquire() as conn:
            return await clients.solution(conn, shop.seal, solution_id)

    async def own_plan(principal: Principal, plan_id: UUID) -> PlanView:
        async with tenant(pool, principal.account_id, snapshot=True) as conn:
            plan = await plans.one(conn, plan_id)
            return _view(plan, await plans.outcomes(conn, plan_id))

    @router.get("/v1/sync")
    async def get_solutions(principal: Admin) -> Solutions:
        """Your configurations."""
        async with tenant(pool, principal.account_id) as conn:
            rows = await clients.solutions(conn)
        return Solutions(solutions=[SolutionView.model_validate(row) for row in rows])

    @router.put("/v1/sync/{solution_id}/activation")
    async def put_activation(solution_id: UUID, given: Activation, principal: Admin) -> SolutionView:
        """Switch the schedule on or off."""
        await own_solution(principal, solution_id)
        if given.active:
            await shop.activate(solution_id)
        async with tenant(pool, principal.account_id) as conn:
            if not given.active:
                await clients.activate(conn, solution_id, False, None)
            rows = await clients.solutions(conn)
        return next(SolutionView.model_validate(row) for row in rows if row["solution_id"] == solution_id)

    @router.get("/v1/sync/{solution_id}/checks")
    async def get_checks(solution_id: UUID, principal: Admin) -> Checks:
        """Every precondition, asked of both sides now."""
        await own_solution(principal, solution_id)
        async with shop.opened(solution_id) as sides:
            made = [CheckView.model_validate(each.as_json()) for each in sides.checks]
        return Checks(checks=made)

    @router.post("/v1/sync/{solution_id}/cost-types")
    async def post_cost_types(solution_id: UUID, principal: Admin) -> CostTypes:
        """Accept that EXACTGLOBE_ADMINS_SAME_COSTTYPES was switched: cost types that went over keep their identity."""
        await own_solution(principal, solution_id)
        return CostTypes(same_cost_types=await shop.accept_cost_types(solution_id))

    @router.post("/v1/sync/{solution_id}/plans", status_code=201)
    async def post_plan(solution_id: UUID, given: Wanted, principal: Admin) -> PlanView:
        """Read both sides and write down what would be done. Changes nothing."""
        await own_solution(principal, solution_id)
        made = await planner.plan(
            shop, solution_id, "full" if given.full else "changes", deleted=given.deleted
        )
        return await own_plan(principal, made.plan_id)

    @router.get("/v1/sync/{solution_id}/plans")
    async def get_plans(
        solution_id: UUID, principal: Admin, limit: Annotated[int, Query(ge=1, le=100)] = 20
    ) -> Plans:
        """Plans of a configuration, newest first."""
        await own_solution(principal, solution_id)
        async with tenant(pool, principal.account_id, snapshot=True) as conn:
            found = await plans.of(conn, solution_id, limit)
            made = [_view(each, await plans.outcomes(conn, each.plan_id)) for each in found]
        return Plans(plans=made)

    @router.get("/v1/sync/plans/{plan_id}")
    async def get_plan(plan_id: UUID, principal: Admin) -> PlanView:
        """A plan, and how far it is."""
        return await own_plan(principal, plan_id)

    @router.get("/v1/sync/plans/{plan_id}/items")
    async def get_items(
        plan_id: UUID,
        principal: Admin,
        after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> Items:
        """Its records, in the order they are written: before, after, rule, outcome."""
        async with tenant(pool, principal.account_id) as conn:
            await plans.one(conn, plan_id)
            found = await plans.items(conn, plan_id, after, limit)
        return Items(
            items=[showing.item_json(each) for each in found],
            after=found[-1].sequence if len(found) == limit else None,
        )

    @router.get("/v1/sync/plans/{plan_id}/page", response_class=HTMLResponse)
    async def get_page(plan_id: UUID, principal: Admin, lang: Literal["nl", "en"] = "nl") -> HTMLResponse:
        """The plan as one page, to print or to keep; of a very long one the first ten thousand records."""
        async with tenant(pool, principal.account_id, snapshot=True) as conn:
            plan = await plans.one(conn, plan_id)
            found = await plans.items(conn, plan_id, 0, PAGE_RECORDS)
        rows, end = showing.page_rows(found, lang), showing.page_end(plan, len(found), lang)
        return HTMLResponse(showing.page_head(plan, lang) + rows + end)

    @router.post("/v1/sync/plans/{plan_id}/apply", status_code=202)
    async def post_apply(plan_id: UUID, given: Approval, principal: Admin) -> PlanView:
        """Let exactly this plan be applied, soon. Goes on with one that was stopped."""
        async with tenant(pool, principal.account_id) as conn:
            await plans.approve(conn, plan_id, given.hash)
            plan = await plans.one(conn, plan_id)
            await outbox.append(conn, [approved(plan)])
        wake()
        return await own_plan(principal, plan_id)

    @router.post("/v1/sync/plans/{plan_id}/stop")
    async def post_stop(plan_id: UUID, principal: Admin) -> PlanView:
        """Stop after the records it is at; apply goes on with it."""
        await own_plan(principal, plan_id)
        async with shop.pool.acquire() as conn:
            if not await plans.stop(conn, plan_id):
                raise Conflict("This plan is not running.", nl="Dit plan loopt niet.", code="not-running")
        return await own_plan(principal, plan_id)

    @router.post("/v1/sync/plans/{plan_id}/items/{sequence}/undo")
    async def post_undo(plan_id: UUID, sequence: int, principal: Admin) -> PlanView:
        """Take one applied change back, while nothing newer lies on it."""
        await own_plan(principal, plan_id)
        if not 0 < sequence < 2**31:
            raise NotFound
        await undo(shop, plan_id, sequence)
        return await own_plan(principal, plan_id)

    @router.post("/v1/sync/{solution_id}/verify")
    async def post_verify(solution_id: UUID, principal: Admin) -> ComparisonView:
        """Compare both sides whole."""
        await own_solution(principal, solution_id)
        found = await verify(shop, solution_id)
        return ComparisonView(
            alike=found.alike,
            counts={kind: dict(counts) for kind, counts in found.counts.items()},
            differences=[
                {
                    "kind": each.kind,
                    "administration": each.administration,
                    "external_id": each.external_id,
                    "how": each.how,
                    "fields": list(each.fields),
                }
                for each in found.differences
            ],
            left_out=[CheckView.model_validate(each.as_json()) for each in found.left_out],
        )

    @router.get("/v1/sync/history/{kind}")
    async def get_history(
        kind: PlainText, external_id: Annotated[PlainText, Query(max_length=100)], principal: Admin
    ) -> History:
        """What became of one record in every run, oldest first."""
        async with tenant(pool, principal.account_id) as conn:
            found = await history.of(conn, kind, external_id)
        return History(outcomes=[Outcome.model_validate(each) for each in found])

    return router


def _view(plan: Plan, outcomes: Mapping[str, int]) -> PlanView:
    return PlanView(
        plan_id=plan.plan_id,
        solution_id=plan.solution_id,
        mode=plan.mode,
        state=plan.state,
        hash=plan.hash,
        counts=plan.counts,
        outcomes=outcomes,
        checks=list(plan.checks),
        objections=list(plan.objections),
        trouble=plan.trouble,
        made_at=plan.made_at,
        started_at=plan.started_at,
        ended_at=plan.ended_at,
    )
