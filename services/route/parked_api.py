"""route over HTTP: invoices that wait, and what their sender can do about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from libs.contracts.envelope import Event
from libs.contracts.parts import Words
from libs.db.pools import tenant
from libs.db.types import Connection, Pool
from libs.errors import Conflict, NotFound
from libs.http import paging
from libs.http.principal import Principal, requires
from libs.messaging import outbox
from libs.service import Wake
from services.route import directory, facts, store, words
from services.route.decision import Party
from services.route.views import ParkedView, view

NOT_WAITING = Words(
    nl="Deze factuur wacht niet (meer): zij is doorgegaan of teruggenomen.",
    en="This invoice does not wait (any more): it went on or was taken back.",
)
WHO = Words(
    nl="Deze factuur wacht op een ontvanger: kies er een (party_id).",
    en="This invoice waits for a receiver: choose one (party_id).",
)
NOBODY = Words(
    nl="Deze ontvanger is er niet, of is nog niet bevestigd. Zoek hem op met GET /v1/parties?scheme=0106&value=…",
    en="There is no such receiver, or it is not confirmed yet. Look it up with GET /v1/parties?scheme=0106&value=…",
)
_BEGINNING = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))


class ParkedPage(BaseModel):
    parked: list[ParkedView]
    next: str | None = Field(default=None, description="cursor of the next page")


class Chosen(BaseModel):
    """Who receives, where that is in question."""

    party_id: UUID | None = Field(
        default=None,
        description="a confirmed party, as GET /v1/parties?scheme=…&value=… shows it; without it, an invoice "
        "that waits because another has its number goes to whom it names",
    )


_NOBODY_CHOSEN = Chosen()
Reader = Annotated[Principal, Depends(requires("invoice:read"))]
Sender = Annotated[Principal, Depends(requires("invoice:write"))]
Chooser = Annotated[Principal, Depends(requires("invoice:write", "operator"))]


def routes(pool: Pool, worker: Pool, wake: Wake) -> APIRouter:
    """``pool`` has the api role. Looking up receivers again needs the whole directory and runs as
    ``worker``, after the api role has shown that the invoice is the caller's."""
    router = APIRouter(tags=["parked"])

    @router.get("/v1/parked")
    async def get_all(
        request: Request,
        response: Response,
        principal: Reader,
        limit: paging.Limit = 50,
        after: paging.After = None,
    ) -> ParkedPage:
        """Your invoices that wait, longest first."""
        place = paging.place(after, datetime, UUID) if after else _BEGINNING
        async with tenant(pool, principal.account_id) as conn:
            rows = await store.waiting(conn, place, limit + 1)
        page = ParkedPage(parked=[view(row) for row in rows[:limit]])
        if len(rows) > limit:
            page.next = paging.cursor(rows[limit - 1]["parked_at"], rows[limit - 1]["invoice_id"])
            response.headers.update(paging.link_next(request.url, page.next))
        return page

    @router.get("/v1/parked/{invoice_id}")
    async def get_one(invoice_id: UUID, principal: Reader) -> ParkedView:
        """Why one of your invoices waits, or waited."""
        return await _shown(invoice_id, principal)

    @router.post("/v1/parked/{invoice_id}/return")
    async def post_return(invoice_id: UUID, principal: Sender) -> ParkedView:
        """Take an invoice back that waits: it is not delivered, and you may send it again."""
        await _shown(invoice_id, principal)
        async with worker.acquire() as conn, conn.transaction():
            await outbox.append(conn, await facts.give_back(conn, await _locked(conn, invoice_id)))
        wake()
        return await _shown(invoice_id, principal)

    @router.post("/v1/parked/{invoice_id}/release")
    async def post_release(
        invoice_id: UUID, principal: Chooser, given: Chosen = _NOBODY_CHOSEN
    ) -> ParkedView:
        """Let an invoice go on that waits. Say who receives it: from then on that company's number is believed
        on your invoices. Where another invoice has its number, you say that this one is to be delivered as well."""
        await _shown(invoice_id, principal)
        if given.party_id is None:
            async with worker.acquire() as conn, conn.transaction():
                await directory.hold(conn)
                (event,) = await _locked(conn, invoice_id)
                await _beside_another(conn, invoice_id)
                by = "operator" if "operator" in principal.scopes else "sender"
                await outbox.append(conn, await facts.let_through(conn, event, by))
        else:
            async with worker.acquire() as conn, conn.transaction():
                await directory.change_alone(conn)
                (event,) = await _locked(conn, invoice_id)
                await outbox.append(conn, await facts.choose(conn, event, await _party(conn, given.party_id)))
        wake()
        return await _shown(invoice_id, principal)

    @router.post("/v1/parked/{invoice_id}/retry")
    async def post_retry(invoice_id: UUID, principal: Sender) -> ParkedView:
        """Look up the receiver again, by what the directory says today."""
        await _shown(invoice_id, principal)
        async with worker.acquire() as conn, conn.transaction():
            # It may go on waiting, and who becomes known meanwhile would not find it.
            await directory.hold(conn)
            waiting = await _locked(conn, invoice_id)
            events = await facts.release(conn, waiting, "sender", words.asked_again(), again=True)
            await outbox.append(conn, events)
        wake()
        return await _shown(invoice_id, principal)

    async def _shown(invoice_id: UUID, principal: Principal) -> ParkedView:
        if "operator" in principal.scopes:
            async with worker.acquire() as conn:
                row = await store.parked(conn, invoice_id)
        else:
            async with tenant(pool, principal.account_id) as conn:
                row = await store.parked(conn, invoice_id)
        if row is None:
            raise NotFound
        return view(row)

    return router


async def _beside_another(conn: Connection, invoice_id: UUID) -> None:
    """Raises ``Conflict`` for an invoice whose receiver is in question: that takes somebody who says who it is."""
    row = await store.parked(conn, invoice_id)
    if row is None or row["code"] != facts.DIFFERS:
        raise Conflict(WHO.en, code="no-receiver-chosen", words=WHO.model_dump())


async def _party(conn: Connection, party_id: UUID) -> Party:
    """Somebody who may receive. Raises ``Conflict``."""
    found = await directory.by_id(conn, party_id)
    if found is None:
        raise Conflict(NOBODY.en, code="no-such-receiver", words=NOBODY.model_dump())
    return found


async def _locked(conn: Connection, invoice_id: UUID) -> list[Event]:
    """The validated event of an invoice that waits. Raises ``NotFound`` or ``Conflict``."""
    waiting = await store.lock_open(conn, [invoice_id])
    if waiting:
        return waiting
    if await store.parked(conn, invoice_id) is None:
        raise NotFound
    raise Conflict(NOT_WAITING.en, code="not-parked", words=NOT_WAITING.model_dump())
