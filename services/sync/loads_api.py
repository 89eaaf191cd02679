"""First loads over HTTP (R226–R231): tick, filter, save, preview, start, how far, stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import NotFound
from libs.http.principal import Principal, requires
from libs.messaging import outbox
from libs.service import Wake
from libs.text import PlainText
from services.sync import clients, loads
from services.sync.loads import Saved
from services.sync.mappings.field import Name
from services.sync.runner import approved
from services.sync.workshop import Workshop

Admin = Annotated[Principal, Depends(requires("account:admin"))]
Code = Annotated[PlainText, Field(max_length=10)]


class LoadView(BaseModel):
    """One line of the settings. The start icon is active when the state is not ``running``."""

    administration: str
    kind: str
    ticked: bool
    filter: str
    state: str = Field(description="saved, running, stopped, done")
    done: int
    failed: int = Field(description="of those done; why, stands in the plan")
    total: int
    plan_id: UUID | None


class Loads(BaseModel):
    loads: list[LoadView]


class GivenLoad(BaseModel):
    ticked: bool = True
    filter: PlainText = Field(
        default="",
        max_length=2000,
        description="such as grtbk.reknr in ('0001', '0005'); at most 255 characters",
    )


class Start(BaseModel):
    filter: PlainText = Field(
        default="", max_length=2000, description="as it was saved; another one does not start"
    )
    resume: bool = Field(
        default=False, description="go on where it was stopped, instead of from the beginning"
    )


class GivenFilter(BaseModel):
    filter: PlainText = Field(default="", max_length=2000)


class Preview(BaseModel):
    count: int
    rows: list[Mapping[str, Any]] = Field(description="the first fifty")


def routes(pool: Pool, shop: Workshop, wake: Wake) -> APIRouter:
    """The routes. ``pool`` has the api role."""
    router = APIRouter(tags=["sync"])

    async def own(principal: Principal, solution_id: UUID) -> None:
        async with tenant(pool, principal.account_id) as conn:
            if not await clients.visible(conn, solution_id):
                raise NotFound

    async def every(solution_id: UUID) -> Loads:
        async with shop.pool.acquire() as conn:
            return Loads(loads=[_view(each) for each in await loads.saved(conn, solution_id)])

    @router.get("/v1/sync/{solution_id}/loads")
    async def get_loads(solution_id: UUID, principal: Admin) -> Loads:
        """Ticks, filters and how far each load is."""
        await own(principal, solution_id)
        return await every(solution_id)

    @router.put("/v1/sync/{solution_id}/loads/{administration}/{kind}")
    async def put_load(
        solution_id: UUID, administration: Code, kind: Name, given: GivenLoad, principal: Admin
    ) -> Loads:
        """Save tick and filter; they also narrow what the running sync takes (R235)."""
        await own(principal, solution_id)
        async with shop.pool.acquire() as conn:
            await loads.save(conn, solution_id, administration, kind, given.ticked, given.filter)
        return await every(solution_id)

    @router.post("/v1/sync/{solution_id}/loads/{administration}/{kind}/preview")
    async def post_preview(
        solution_id: UUID, administration: Code, kind: Name, given: GivenFilter, principal: Admin
    ) -> Preview:
        """The rows a filter takes. Nothing is saved or sent."""
        await own(principal, solution_id)
        count, rows = await loads.preview(shop, solution_id, administration, kind, given.filter)
        return Preview(count=count, rows=rows)

    @router.post("/v1/sync/{solution_id}/loads/{administration}/{kind}/start", status_code=202)
    async def post_start(
        solution_id: UUID, administration: Code, kind: Name, given: Start, principal: Admin
    ) -> Loads:
        """Load what is there already: from the beginning, or where it was stopped."""
        await own(principal, solution_id)
        made = await loads.begin(shop, solution_id, administration, kind, given.filter, resume=given.resume)
        if made.state == "approved":
            async with shop.pool.acquire() as conn, conn.transaction():
                await outbox.append(conn, [approved(made)])
            wake()
        return await every(solution_id)

    @router.post("/v1/sync/{solution_id}/loads/{administration}/{kind}/stop")
    async def post_stop(solution_id: UUID, administration: Code, kind: Name, principal: Admin) -> Loads:
        """Stop a load; it does not go on by itself (R231)."""
        await own(principal, solution_id)
        async with shop.pool.acquire() as conn:
            await loads.stop(conn, solution_id, administration, kind)
        return await every(solution_id)

    return router


def _view(saved: Saved) -> LoadView:
    return LoadView(
        administration=saved.administration,
        kind=saved.kind,
        ticked=saved.ticked,
        filter=saved.filter,
        state=saved.state,
        done=saved.done,
        failed=saved.failed,
        total=saved.total,
        plan_id=saved.plan_id,
    )
