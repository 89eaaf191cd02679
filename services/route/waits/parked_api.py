"""route over HTTP: invoices that wait, and what their senders and operators can do about them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.db.pools import tenant
from libs.db.types import Connection, Pool
from libs.errors import NotFound
from libs.http import paging
from libs.http.principal import Principal, requires
from libs.service import Wake
from services.route import store
from services.route.waits import by_hand
from services.route.waits.by_hand import Move
from services.route.waits.views import ParkedView, view

OPERATOR = "operator"
_BEGINNING = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))


class ParkedPage(BaseModel):
    parked: list[ParkedView]
    next: str | None = Field(default=None, description="cursor of the next page")


class Chosen(BaseModel):
    """Who receives, where that is in question."""

    party_id: UUID | None = Field(
        default=None,
        description="a confirmed party, as GET /v1/parties?scheme=…&value=… shows it; without it, an invoice "
        "that waits because another has its number, or because its PDF names another account, goes to whom it names",
    )


_NOBODY_CHOSEN = Chosen()
Reader = Annotated[Principal, Depends(requires("invoice:read"))]
Mover = Annotated[Principal, Depends(requires("invoice:write", OPERATOR))]


def routes(pool: Pool, worker: Pool, wake: Wake) -> APIRouter:
    """``pool`` has the api role. Looking up receivers again needs the whole directory and runs as
    ``worker``, after the api role has shown that the invoice is the caller's."""
    router = APIRouter(tags=["parked"])

    @router.get("/v1/parked")
    async def get_all(principal: Reader, page: paging.Asked) -> ParkedPage:
        """Your invoices that wait, longest first. Operators see those of every account."""
        place = page.behind(datetime, UUID) or _BEGINNING
        async with _reading(principal) as conn:
            rows = await store.waiting(conn, place, page.most)
        shown, following = page.cut(rows, lambda row: (row["parked_at"], row["invoice_id"]))
        return ParkedPage(parked=[view(row) for row in shown], next=following)

    @router.get("/v1/parked/{invoice_id}")
    async def get_one(invoice_id: UUID, principal: Reader) -> ParkedView:
        """Why one of your invoices waits, or waited."""
        return await _shown(invoice_id, principal)

    @router.post("/v1/parked/{invoice_id}/return")
    async def post_return(invoice_id: UUID, principal: Mover) -> ParkedView:
        """Take an invoice back that waits: it is not delivered, and you may send it again."""
        return await _moved(invoice_id, principal, by_hand.give_back)

    @router.post("/v1/parked/{invoice_id}/release")
    async def post_release(invoice_id: UUID, principal: Mover, given: Chosen = _NOBODY_CHOSEN) -> ParkedView:
        """Let an invoice go on that waits. Say who receives it: from then on that company's number is believed
        on your invoices. Where another invoice has its number, you say that this one is to be delivered as well; where its
        PDF names another bank account, that the one in the invoice is right."""
        return await _moved(invoice_id, principal, partial(by_hand.release, to=given.party_id))

    @router.post("/v1/parked/{invoice_id}/retry")
    async def post_retry(invoice_id: UUID, principal: Mover) -> ParkedView:
        """Look up the receiver again, by what the directory says today."""
        return await _moved(invoice_id, principal, by_hand.look_again)

    async def _moved(invoice_id: UUID, principal: Principal, move: Move) -> ParkedView:
        await _shown(invoice_id, principal)
        async with worker.acquire() as conn, conn.transaction():
            await move(conn, invoice_id, who="operator" if OPERATOR in principal.scopes else "sender")
        wake()
        return await _shown(invoice_id, principal)

    async def _shown(invoice_id: UUID, principal: Principal) -> ParkedView:
        async with _reading(principal) as conn:
            row = await store.parked(conn, invoice_id)
        if row is None:
            raise NotFound
        return view(row)

    def _reading(principal: Principal) -> AbstractAsyncContextManager[Connection]:
        return worker.acquire() if OPERATOR in principal.scopes else tenant(pool, principal.account_id)

    return router
