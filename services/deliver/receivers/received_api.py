"""deliver over HTTP, for receivers: what they got, in their own format and as PDF, and what they say of it."""

from __future__ import annotations

import mimetypes
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from libs.contracts.parts import Words
from libs.db.types import Pool
from libs.documents.store import DocumentStore
from libs.errors import NotFound
from libs.http import paging
from libs.http.principal import Principal, requires
from libs.messaging import outbox
from libs.service import Wake
from libs.text import PlainText
from services.deliver.receivers import answers, received
from services.deliver.receivers.answers import Answer, Why, Word
from services.deliver.receivers.received import File, Making, Received

OPERATOR = "operator"
Reader = Annotated[Principal, Depends(requires("invoice:read"))]
Answerer = Annotated[Principal, Depends(requires("invoice:write", OPERATOR))]
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "the file"}
}


class AnswerView(BaseModel):
    """What the receiver said last."""

    answer: Word
    status: str = Field(description="the same in Peppol's Invoice Response (UNCL4343): AP, UQ, RE")
    code: str | None
    reason: str | None
    answered_at: datetime


class DifferenceView(BaseModel):
    field: str = Field(description="as Exact names it")
    line: int | None = Field(description="of the entry, from 1; null: of its head")
    sent: str | None
    booked: str | None


class BookedView(BaseModel):
    """Where it stands in your books in Exact Online; its sender is told the entry's number and the time."""

    entry_number: str | None
    division: int
    booked_at: datetime
    read_at: datetime | None = Field(description="when it was read back; null: it could not be")
    differences: list[DifferenceView] = Field(description="what stands there otherwise than it was sent")
    left_out: list[str] = Field(description="files that Exact Online did not take")


class ReceivedView(BaseModel):
    """One invoice that a receiver got."""

    delivery_id: UUID
    invoice_id: UUID
    party_id: UUID = Field(description="the receiver")
    receiver: str
    number: str | None
    issue_date: date | None
    type_code: str | None = Field(description="BT-3: 380 an invoice, 381 a credit note")
    seller: str | None
    payable: Decimal | None
    currency: str | None
    channel: str
    format: str = Field(description="of …/document; `original`: as it came")
    state: Literal["handed_over", "confirmed"]
    received_at: datetime
    warnings: list[Words] = Field(description="what to know before it is paid")
    answer: AnswerView | None
    booked: BookedView | None = Field(default=None, description="what the hub booked in Exact Online")


class ReceivedPage(BaseModel):
    received: list[ReceivedView]
    next: str | None = Field(default=None, description="cursor of the next page")


class GivenAnswer(BaseModel):
    """What you say of an invoice; its sender is told."""

    model_config = ConfigDict(extra="forbid")

    answer: Word = Field(description="queried: there is a question; rejected: it is not paid so")
    code: Why | None = Field(
        default=None,
        description="why, as in Peppol's Invoice Response (OPStatusReason); left out by who asks or rejects, it is OTH",
    )
    reason: PlainText | None = Field(
        default=None, max_length=1000, description="in your own words; needed unless accepted"
    )

    @model_validator(mode="after")
    def _why(self) -> Self:
        if self.answer != "accepted" and not (self.reason or "").strip():
            raise ValueError("say why (`reason`): its sender has to know what to mend or answer")
        self.code = answers.coded(self.answer, self.code)
        return self


async def parties_seen(worker: Pool, principal: Principal) -> list[UUID] | None:
    """The receivers whose invoices the caller may see; None: all of them."""
    if OPERATOR in principal.scopes:
        return None
    return await received.parties_of(worker, principal.account_id)


def routes(worker: Pool, documents: DocumentStore, wake: Wake) -> APIRouter:
    """All of it runs as ``worker``, for a delivery is its sender's row: what a caller sees is that of the parties whose
    connection its account has, and operators see all."""
    router = APIRouter(tags=["received"])
    making = Making(documents)

    async def _one(delivery_id: UUID, principal: Principal) -> Received:
        found = await received.received(
            worker, await parties_seen(worker, principal), delivery_id=delivery_id
        )
        if not found:
            raise NotFound
        return found[0]

    @router.get("/v1/received")
    async def get_received(principal: Reader, page: paging.Asked) -> ReceivedPage:
        """The invoices you got, by whatever channel, newest first."""
        found = await received.received(
            worker, await parties_seen(worker, principal), before=page.id(), most=page.most
        )
        shown, following = page.cut(found, lambda each: (each.delivery_id,))
        return ReceivedPage(received=[view(each) for each in shown], next=following)

    @router.get("/v1/received/{delivery_id}")
    async def get_one(delivery_id: UUID, principal: Reader) -> ReceivedView:
        """One invoice you got."""
        return view(await _one(delivery_id, principal))

    @router.get("/v1/received/{delivery_id}/document", response_class=Response, responses=_FILE)
    async def get_document(delivery_id: UUID, principal: Reader) -> Response:
        """An invoice you got, in the format it was delivered in."""
        return _file(await making.document(await _one(delivery_id, principal)))

    @router.get("/v1/received/{delivery_id}/pdf", response_class=Response, responses=_FILE)
    async def get_pdf(delivery_id: UUID, principal: Reader) -> Response:
        """An invoice you got, to look at: its sender's PDF, or one that the hub makes."""
        return _file(await making.page(await _one(delivery_id, principal)))

    @router.post("/v1/received/{delivery_id}/answer")
    async def post_answer(delivery_id: UUID, given: GivenAnswer, principal: Answerer) -> ReceivedView:
        """Accept an invoice, ask about it, or reject it. You may say something else later; the sender is told each."""
        await _one(delivery_id, principal)
        reason = (given.reason or "").strip() or None
        by = (principal.account_id, principal.user_id)
        async with worker.acquire() as conn, conn.transaction():
            told = await answers.say(conn, delivery_id, given.answer, given.code, reason, by)
            await outbox.append(conn, told)
        wake()
        return view(await _one(delivery_id, principal))

    return router


def view(each: Received) -> ReceivedView:
    summary, said = each.parcel.summary, each.answer
    return ReceivedView(
        delivery_id=each.delivery_id,
        invoice_id=each.invoice_id,
        party_id=each.parcel.receiver.party_id,
        receiver=each.parcel.receiver.name,
        number=summary.number,
        issue_date=summary.issue_date,
        type_code=summary.type_code,
        seller=summary.seller.name,
        payable=summary.payable,
        currency=summary.currency,
        channel=each.channel,
        format=each.parcel.agreed.format,
        state=each.state,
        received_at=each.handed_at,
        warnings=list(each.parcel.warnings),
        answer=_answer(said) if said else None,
        booked=BookedView.model_validate(asdict(each.booked)) if each.booked else None,
    )


def _answer(said: Answer) -> AnswerView:
    return AnswerView(
        answer=said.answer,
        status=answers.STATUS[said.answer],
        code=said.code,
        reason=said.said,
        answered_at=said.answered_at,
    )


def _file(file: File) -> Response:
    # A stranger's document: it is kept, not shown in a page of ours.
    return Response(
        file.data,
        media_type=mimetypes.guess_type(file.name)[0] or "application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{file.name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )
