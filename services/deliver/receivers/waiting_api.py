"""deliver over HTTP: receivers that fetch their invoices list what waits, read it, and acknowledge it."""

from __future__ import annotations

import asyncio
import math
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.responses import Response

from libs.contracts.parts import Words
from libs.db.types import Pool
from libs.documents.store import DocumentStore
from libs.errors import Conflict, HubError, NotFound
from libs.http import paging
from libs.http.principal import Principal, requires
from libs.messaging import outbox
from libs.service import Wake
from services.deliver.attempts import conversion
from services.deliver.parcel import Job, Lease, Loaded
from services.deliver.receivers import push, waiting
from services.deliver.store import parcel_of

MOST = 200

NOT_NOW = Words(
    nl="Deze factuur kan nu niet worden gemaakt in het formaat dat u koos: kies een ander, dan komt zij opnieuw.",
    en="This invoice cannot be made in the format you chose: choose another, and it comes again.",
)

Reader = Annotated[Principal, Depends(requires("invoice:read"))]
Taker = Annotated[Principal, Depends(requires("invoice:write"))]


class Waiting(BaseModel):
    """One invoice that lies ready."""

    delivery_id: UUID
    invoice_id: UUID
    number: str | None
    issue_date: date | None
    seller: str | None
    receiver: str
    since: datetime
    until: datetime = Field(description="then its sender is told that it was not fetched")


class AllWaiting(BaseModel):
    deliveries: list[Waiting]
    next: str | None = Field(default=None, description="cursor of the next page")


class Acknowledged(BaseModel):
    delivery_ids: list[UUID] = Field(min_length=1, max_length=MOST, description="what you have stored")


class Taken(BaseModel):
    acknowledged: list[UUID] = Field(description="with you, since now or before")
    unknown: list[UUID] = Field(description="not yours, or not waiting any more: these are not with you")


def routes(worker: Pool, documents: DocumentStore, wake: Wake) -> APIRouter:
    """``worker``: the rows are their senders', so every statement asks whose the receiver is."""
    router = APIRouter(tags=["waiting"])

    @router.get("/v1/deliveries/waiting")
    async def get_waiting(principal: Reader, page: paging.Asked) -> AllWaiting:
        """What waits for you, the oldest first, where you are connected by `pull`."""
        rows = await waiting.listed(worker, principal.account_id, page.id(), page.most)
        shown, following = page.cut(rows, lambda row: (row["delivery_id"],))
        return AllWaiting(deliveries=[Waiting.model_validate(row) for row in shown], next=following)

    @router.get("/v1/deliveries/waiting/{delivery_id}")
    async def get_one_waiting(delivery_id: UUID, principal: Reader) -> Response:
        """One invoice with its documents inside, in the format you chose: the same JSON as is pushed to others. Reading it
        changes nothing."""
        row = await waiting.one(worker, principal.account_id, delivery_id)
        if row is None:
            raise NotFound
        loaded = await _loaded(documents, row)
        fitted = await asyncio.to_thread(conversion.fit, loaded) if conversion.needed(loaded) else loaded
        if not isinstance(fitted, Loaded):
            raise Conflict(NOT_NOW.en, nl=NOT_NOW.nl, code="not-in-your-format")
        body = await asyncio.to_thread(push.body, fitted)
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})

    @router.post("/v1/deliveries/waiting/acknowledged")
    async def post_acknowledged(given: Acknowledged, principal: Taker) -> Taken:
        """You have stored these: their senders read that they arrived. Repeating it does no harm."""
        async with worker.acquire() as conn, conn.transaction():
            there, events = await waiting.acknowledge(conn, principal.account_id, set(given.delivery_ids))
            await outbox.append(conn, list(events))
        if events:
            wake()
        asked = dict.fromkeys(given.delivery_ids)
        return Taken(
            acknowledged=[each for each in asked if each in there],
            unknown=[each for each in asked if each not in there],
        )

    return router


async def _loaded(documents: DocumentStore, row: dict[str, Any]) -> Loaded:
    """Raises ``HubError`` for a document that is gone or damaged."""
    parcel, broken = parcel_of(row)
    if broken:
        raise HubError(broken)
    refs = [ref for ref in (parcel.original, parcel.pdf) if ref is not None]
    found = await documents.get(refs, [row["account_id"]] * len(refs))
    parts = [found[ref.document_id] for ref in refs]
    for part in parts:
        if not isinstance(part, bytes):
            raise part
    job = Job(
        delivery_id=row["delivery_id"],
        invoice_id=row["invoice_id"],
        account_id=row["account_id"],
        channel="pull",
        lane=row["lane"],
        number=row["attempts"],
        unresolved=False,
        failures=0,
        age=timedelta(),
        parcel=parcel,
        lease=Lease(math.inf),
    )
    xml, *pdf = [part for part in parts if isinstance(part, bytes)]
    return Loaded(job, xml, pdf[0] if pdf else None)
