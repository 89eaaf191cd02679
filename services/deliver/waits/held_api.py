"""deliver over HTTP, for receivers: what waits until they do something, why, and going on once it is done."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.db.types import Pool
from libs.errors import NotFound
from libs.http import paging
from libs.http.principal import Principal, requires
from libs.messaging import outbox
from libs.service import Wake
from services.deliver.receivers.received_api import OPERATOR, Reader, parties_seen
from services.deliver.views import Reason
from services.deliver.waits import parked
from services.deliver.waits.held import Held, held

Writer = Annotated[Principal, Depends(requires("invoice:write", OPERATOR))]


class HeldView(BaseModel):
    """One invoice that waits until you do something."""

    delivery_id: UUID
    invoice_id: UUID
    party_id: UUID = Field(description="the receiver")
    receiver: str
    number: str | None
    issue_date: date | None
    seller: str | None
    payable: Decimal | None
    currency: str | None
    channel: str
    sent_at: datetime
    until: datetime = Field(description="then it is given back to its sender")
    reason: Reason = Field(
        description="what is the matter on your side, and what to do; its sender does not read this"
    )


class HeldPage(BaseModel):
    waiting: list[HeldView]
    next: str | None = Field(default=None, description="cursor of the next page")


class Going(BaseModel):
    """What you let go on."""

    delivery_id: UUID


def routes(worker: Pool, wake: Wake) -> APIRouter:
    """``worker``: the rows are their senders', so what is asked names the receivers whose connection the caller has."""
    router = APIRouter(tags=["received"])

    @router.get("/v1/received/waiting")
    async def get_held(principal: Reader, page: paging.Asked) -> HeldPage:
        """What cannot come in until you do something in your books or at your server, the oldest first."""
        found = await held(worker, await parties_seen(worker, principal), after=page.id(), most=page.most)
        shown, following = page.cut(found, lambda each: (each.delivery_id,))
        return HeldPage(waiting=[view(each) for each in shown], next=following)

    @router.post("/v1/received/waiting/{delivery_id}/release")
    async def post_release(delivery_id: UUID, principal: Writer) -> Going:
        """You did what was needed: try it again, by what you have connected today."""
        parties = await parties_seen(worker, principal)
        async with worker.acquire() as conn, conn.transaction():
            waiting = await parked.lock(conn, [delivery_id])
            # Looked at once nobody else moves it.
            if not waiting or not await held(conn, parties, delivery_id=delivery_id):
                raise NotFound
            await outbox.append(conn, await parked.by_hand(conn, waiting))
        wake()
        return Going(delivery_id=delivery_id)

    return router


def view(each: Held) -> HeldView:
    summary, receiver = each.parcel.summary, each.parcel.receiver
    return HeldView(
        delivery_id=each.delivery_id,
        invoice_id=each.invoice_id,
        party_id=receiver.party_id,
        receiver=receiver.name,
        number=summary.number,
        issue_date=summary.issue_date,
        seller=summary.seller.name,
        payable=summary.payable,
        currency=summary.currency,
        channel=each.channel,
        sent_at=each.created_at,
        until=each.due_at,
        reason=Reason.model_validate(each.why),
    )
