"""sync over HTTP: what is kept alike."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.db.pools import tenant
from libs.db.types import Pool
from libs.http.principal import Principal, requires
from services.sync import store

Admin = Annotated[Principal, Depends(requires("account:admin"))]


class Configuration(BaseModel):
    """One Globe+ administration that is kept alike with one Purchase to Pay."""

    configuration_id: UUID
    name: str
    administration: str = Field(description="the Globe+ administration, by its database name")
    enabled: bool
    created_at: datetime


class Configurations(BaseModel):
    configurations: list[Configuration]


def routes(pool: Pool) -> APIRouter:
    """All routes of sync. ``pool`` has the api role."""
    router = APIRouter(tags=["sync"])

    @router.get("/v1/sync")
    async def get_configurations(principal: Admin) -> Configurations:
        """Your administrations that are kept alike."""
        async with tenant(pool, principal.account_id) as conn:
            rows = await store.configurations(conn)
        return Configurations(configurations=[Configuration.model_validate(row) for row in rows])

    return router
