"""sync over HTTP: what is kept alike."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.db.pools import tenant
from libs.db.types import Pool
from libs.http.principal import Principal, requires
from services.sync import clients
from services.sync.workshop import Workshop

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


def routes(pool: Pool, shop: Workshop) -> APIRouter:  # noqa: ARG001
    """All routes of sync. ``pool`` has the api role; what is done is done by the workshop, as the worker."""
    router = APIRouter(tags=["sync"])

    @router.get("/v1/sync")
    async def get_solutions(principal: Admin) -> Solutions:
        """Your configurations."""
        async with tenant(pool, principal.account_id) as conn:
            rows = await clients.solutions(conn)
        return Solutions(solutions=[SolutionView.model_validate(row) for row in rows])

    return router
