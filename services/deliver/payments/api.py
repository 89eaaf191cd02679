"""What is paid, over HTTP: by hand, from bank statements, and where it is to come from."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from libs.db.types import Pool
from libs.errors import BadInput, Conflict, NotFound
from libs.http import encoding as encodings
from libs.http import spool
from libs.http.principal import Principal, requires
from libs.messaging import outbox
from libs.service import Wake
from libs.text import PlainText
from services.deliver.payments import bills, fetching, movements, reports, sources
from services.deliver.payments.lines import MOST_BYTES
from services.deliver.payments.load import load
from services.deliver.payments.matching import Bill, Side
from services.deliver.payments.movements import Movement
from services.deliver.payments.reports import Loaded
from services.deliver.payments.sheet import Encoding, Told
from services.deliver.payments.sources import Chosen, Feed, Name, Way

PATH = "/v1/payments/load"
UPLOADS = 4
UPLOAD_SECONDS = 120.0

Reader = Annotated[Principal, Depends(requires("invoice:read"))]
Writer = Annotated[Principal, Depends(requires("invoice:write"))]
_STATEMENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("application/xml", "text/csv")
        },
    }
}


class PaidBy(BaseModel):
    """What one of the two parties says is paid."""

    side: Side = Field(description="receiver: who pays; sender: who is paid")
    paid: Decimal
    open: Decimal
    source: Literal["hand", "file", "exact_online"]
    paid_on: date | None
    told_at: datetime


class MovementView(PaidBy):
    amount: Decimal = Field(description="below zero: undone")
    evidence: str


class PaymentView(BaseModel):
    """What is paid of one invoice. Of two parties the last word counts."""

    delivery_id: UUID
    invoice_id: UUID
    number: str | None
    payable: Decimal
    currency: str
    last: PaidBy | None = Field(description="null: nobody said anything")
    movements: list[MovementView]


class GivenPayment(BaseModel):
    """What is paid of an invoice by now, in all: `0` undoes, the whole amount is *paid*, anything between is a part."""

    model_config = ConfigDict(extra="forbid")

    paid: Decimal = Field(max_digits=18, decimal_places=2, description="in the invoice's currency")
    paid_on: date | None = None
    note: PlainText | None = Field(default=None, max_length=200, description="for the timeline")
    side: Side | None = Field(
        default=None, description="as whom you say it; needed only by who sent it to itself"
    )


class SourceView(BaseModel):
    """Where the payment status of an account's invoices comes from: one source at a time."""

    model_config = ConfigDict(extra="forbid")

    source: Name = Field(description="bank_feed: the bank transactions come straight from the bank")
    way: Way | None = Field(
        default=None, description="with exact_online: fetched when you ask, from a file, or on a schedule"
    )
    feed: Feed | None = Field(default=None, description="with bank_feed: whose link it is")


class FetchedLink(BaseModel):
    """A division of Exact Online that what is paid is fetched from."""

    division: int
    division_name: str | None
    reading: bool = Field(description="under way")
    read_at: datetime | None = Field(description="when all there was had been read")
    due_at: datetime | None = Field(
        description="when it is next; null: when you ask, or once this reading is over"
    )
    trouble: str | None = Field(description="what kept it from being read")


class FetchView(BaseModel):
    links: list[FetchedLink]


def routes(worker: Pool, wake: Wake) -> APIRouter:
    """All of it runs as ``worker``, for a delivery is its sender's row and its receiver speaks too."""
    router = APIRouter(tags=["payments"])
    uploading: set[UUID] = set()

    async def _bills(delivery_id: UUID, principal: Principal) -> list[Bill]:
        found = await bills.of(worker, principal.account_id, delivery_id)
        if not found:
            raise NotFound
        return found

    async def _shown(bill: Bill) -> PaymentView:
        told = await movements.history(worker, bill.invoice_id)
        each = [MovementView(**{name: row[name] for name in MovementView.model_fields}) for row in told]
        return PaymentView(
            delivery_id=bill.delivery_id,
            invoice_id=bill.invoice_id,
            number=bill.number,
            payable=bill.payable,
            currency=bill.currency,
            last=PaidBy(**each[-1].model_dump(include=set(PaidBy.model_fields))) if each else None,
            movements=each,
        )

    @router.get("/v1/payments/source")
    async def get_source(principal: Reader) -> SourceView:
        """Where the payment status of your invoices comes from."""
        chosen = await sources.of(worker, principal.account_id)
        return SourceView(source=chosen.source, way=chosen.way, feed=chosen.feed)

    @router.put("/v1/payments/source")
    async def put_source(given: SourceView, principal: Writer) -> SourceView:
        """Choose it. With a bank feed (Ponto, CodaBox) it cannot be Exact Online: end the feed first."""
        async with worker.acquire() as conn, conn.transaction():
            wanted = Chosen(given.source, given.way, given.feed)
            await sources.choose(conn, principal.account_id, wanted, principal.user_id)
            if wanted.way == "automatic":
                await fetching.ask(conn, principal.account_id)
        return given

    @router.post(PATH, openapi_extra=_STATEMENT)
    async def post_load(
        request: Request,
        principal: Writer,
        dry_run: Annotated[bool, Query(description="say what it would do, and do nothing")] = False,
        encoding: Annotated[Encoding, Query(description="of a CSV file")] = "utf-8",
        account: Annotated[
            PlainText | None,
            Query(max_length=42, description="CSV without a column of your own account: its IBAN"),
        ] = None,
        currency: Annotated[
            str | None, Query(pattern="^[A-Z]{3}$", description="CSV that names no currency: which")
        ] = None,
        decimal: Annotated[
            Literal[",", "."] | None,
            Query(description="CSV: the mark before cents, where 1.234 could be either"),
        ] = None,
    ) -> Loaded:
        """Take a bank statement (CAMT.053 or CSV). Lines that name an invoice of yours, its account and its currency, and
        are no more than what is open, are taken; all others come back with the reason. The same line counts once."""
        told = Told(encoding, "".join((account or "").split()).upper() or None, currency, decimal)
        with spool.Room(uploading, principal.account_id, most=UPLOADS, folder="") as file:
            body = encodings.unpacked(request, most=MOST_BYTES)
            await spool.fill(file, body, most=MOST_BYTES, seconds=UPLOAD_SECONDS)
            file.seek(0)
            data = await asyncio.to_thread(file.read)
            by = (principal.account_id, principal.user_id)
            report = await load(worker, data, told, by, rehearsal=dry_run)
        wake()
        return reports.shown(report)

    @router.post("/v1/payments/fetch", status_code=202)
    async def post_fetch(principal: Writer) -> FetchView:
        """Fetch what is paid from Exact Online now, or as soon as bookings leave room: *bankverrichtingen ophalen*."""
        sources.to_be_fetched(await sources.of(worker, principal.account_id))
        if not await fetching.ask(worker, principal.account_id):
            raise Conflict(
                "This account has no link with Exact Online that works: set one up first.",
                nl="Dit account heeft geen werkende koppeling met Exact Online: zet die eerst op.",
                code="no-exact-link",
            )
        return await _fetching(principal)

    @router.get("/v1/payments/fetch")
    async def get_fetch(principal: Reader) -> FetchView:
        """How far what is paid was fetched from Exact Online."""
        return await _fetching(principal)

    async def _fetching(principal: Principal) -> FetchView:
        found = await fetching.state(worker, principal.account_id)
        return FetchView(links=[FetchedLink(**each) for each in found])

    @router.get("/v1/payments/{delivery_id}")
    async def get_payment(delivery_id: UUID, principal: Reader) -> PaymentView:
        """What is paid of an invoice that you sent or got."""
        return await _shown((await _bills(delivery_id, principal))[0])

    @router.put("/v1/payments/{delivery_id}")
    async def put_payment(delivery_id: UUID, given: GivenPayment, principal: Writer) -> PaymentView:
        """Say what is paid of an invoice that you sent or got, by now and in all."""
        found = await _bills(delivery_id, principal)
        mine = [bill for bill in found if given.side in (None, bill.side)]
        if len(mine) != 1:
            raise (
                BadInput(
                    "say as whom (`side`): you sent this invoice and got it",
                    nl="zeg als wie (`side`): u verzond deze factuur en ontving haar",
                    code="which-side",
                )
                if mine
                else NotFound()
            )
        (bill,) = mine
        if not movements.due(given.paid, bill.payable):
            raise BadInput(
                f"`paid` is between 0 and {bill.payable} {bill.currency}, what is due",
                nl=f"`paid` ligt tussen 0 en {bill.payable} {bill.currency}, het bedrag van de factuur",
                code="not-due",
            )
        movement = Movement(
            delivery_id=delivery_id,
            side=bill.side,
            source="hand",
            evidence=given.note or "by hand",
            by=(principal.account_id, principal.user_id),
            total=given.paid,
            paid_on=given.paid_on,
        )
        async with worker.acquire() as conn, conn.transaction():
            sources.by_hand_or_file(await sources.held(conn, principal.account_id))
            recorded = await movements.record(conn, [movement])
            await outbox.append(conn, recorded.events)
        wake()
        return await _shown(bill)

    return router
