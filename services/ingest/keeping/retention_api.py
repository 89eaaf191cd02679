"""How long an account's originals are kept, and legal holds, over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs import clock
from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import NotFound
from libs.http.principal import Principal, requires
from libs.text import PlainText
from services.ingest.keeping import retention

Reader = Annotated[Principal, Depends(requires("invoice:read"))]
Admin = Annotated[Principal, Depends(requires("account:admin"))]


class NewClass(BaseModel):
    years: Literal[7, 10] = Field(
        description="10 for who deals in real estate; counted from the end of the calendar year"
    )


class NewHold(BaseModel):
    submission_id: UUID | None = Field(
        default=None, description="left out: everything of the account, also what comes later"
    )
    reason: PlainText = Field(min_length=1, max_length=500)


class Hold(NewHold):
    hold_id: UUID
    placed_at: datetime | None = None


class Retention(NewClass):
    holds: list[Hold] = []


def routes(pool: Pool) -> APIRouter:
    """``pool`` has the api role."""
    router = APIRouter(tags=["retention"])

    @router.get("/v1/accounts/me/retention")
    async def get_retention(principal: Reader) -> Retention:
        """How long your originals are kept, and the legal holds that stand."""
        async with tenant(pool, principal.account_id, snapshot=True) as conn:
            return Retention.model_validate(await retention.shown(conn))

    @router.put("/v1/accounts/me/retention")
    async def put_retention(new: NewClass, principal: Admin) -> Retention:
        """Choose the class. A longer one holds for everything kept, a shorter one for what comes from now on."""
        async with tenant(pool, principal.account_id) as conn:
            await retention.set_years(conn, principal.account_id, new.years, principal.user_id)
            return Retention.model_validate(await retention.shown(conn))

    @router.post("/v1/accounts/me/holds", status_code=201)
    async def post_hold(new: NewHold, principal: Admin) -> Hold:
        """Place a legal hold: nothing of it is deleted until you lift it. 404 when it was deleted already."""
        hold_id, what = clock.uuid7(), None
        async with tenant(pool, principal.account_id) as conn:
            if new.submission_id is not None:
                stored_at = await retention.held_at(conn, new.submission_id)
                if stored_at is None:
                    raise NotFound
                what = (new.submission_id, stored_at)
            await retention.hold(conn, hold_id, principal.account_id, what, new.reason, principal.user_id)
        return Hold(hold_id=hold_id, submission_id=new.submission_id, reason=new.reason)

    @router.delete("/v1/accounts/me/holds/{hold_id}", status_code=204)
    async def delete_hold(hold_id: UUID, principal: Admin) -> None:
        """Lift a legal hold: what is past its time is deleted within the hour."""
        async with tenant(pool, principal.account_id) as conn:
            if not await retention.lift(conn, hold_id):
                raise NotFound

    return router
