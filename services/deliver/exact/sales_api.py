"""deliver over HTTP: a sender's own invoices as sales entries in its own Exact Online."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from libs.contracts.parts import Words
from libs.db.types import Pool
from libs.errors import NotFound
from libs.http import paging
from libs.http.principal import Principal, requires
from services.deliver.exact import links, sales_store

PartyReader = Annotated[Principal, Depends(requires("party:read"))]
PartyWriter = Annotated[Principal, Depends(requires("party:write"))]


class Selling(BaseModel):
    """Whether an account's own invoices are booked."""

    model_config = ConfigDict(extra="forbid")

    on: bool = Field(
        description="book what the account of this link sends, from now on, here and in no other party's link"
    )


class Sale(BaseModel):
    """One of the account's own invoices in its own books."""

    sale_id: UUID
    invoice_id: UUID
    number: str | None
    state: Literal["queued", "attempting", "parked", "booked"]
    attempts: int
    receipt: str | None = Field(
        description="booked: the number of the entry, and what differs from what was sent"
    )
    reason: Words | None = Field(description="parked: what is missing, and what to do")
    code: str | None
    created_at: datetime
    booked_at: datetime | None


class Sales(BaseModel):
    on: bool
    since: datetime | None
    sales: list[Sale]
    next: str | None = Field(default=None, description="cursor of the next page")


def routes(worker: Pool) -> APIRouter:
    """All of it runs as ``worker``, once the caller has shown that the link is its own, or to be an operator."""
    router = APIRouter(tags=["connections"])

    async def _account(party_id: UUID, principal: Principal) -> UUID:
        link = await links.one(worker, party_id)
        if link is None or ("operator" not in principal.scopes and link.account_id != principal.account_id):
            raise NotFound
        return link.account_id

    async def _shown(
        account: UUID, party_id: UUID, rows: list[dict[str, Any]], following: str | None = None
    ) -> Sales:
        since = await sales_store.selling_since(worker, account, party_id)
        return Sales(on=since is not None, since=since, sales=[view(row) for row in rows], next=following)

    @router.get("/v1/connections/{party_id}/exact/sales")
    async def get_sales(party_id: UUID, principal: PartyReader, page: paging.Asked) -> Sales:
        """Your own invoices in your own Exact Online, newest first, and whether the next ones are booked."""
        account = await _account(party_id, principal)
        rows = await sales_store.listed(worker, account, party_id, page.id(), page.most)
        return await _shown(account, party_id, *page.cut(rows, lambda row: (row["sale_id"],)))

    @router.put("/v1/connections/{party_id}/exact/sales")
    async def put_sales(party_id: UUID, selling: Selling, principal: PartyWriter) -> Sales:
        """Have your own invoices booked as sales entries when they are sent, by the sales rules and the extra fields of
        this link. What was sent before is not."""
        account = await _account(party_id, principal)
        if selling.on:
            await sales_store.sell(worker, account, party_id)
        else:
            await sales_store.stop_selling(worker, account, party_id)
        return await _shown(account, party_id, await sales_store.listed(worker, account, party_id, None, 50))

    @router.post("/v1/connections/{party_id}/exact/sales/{sale_id}/release", status_code=204)
    async def post_release(party_id: UUID, sale_id: UUID, principal: PartyWriter) -> None:
        """Try one that is parked once more, whatever it waits for; also when an earlier invoice had its number."""
        account = await _account(party_id, principal)
        if not await sales_store.release(worker, account, party_id, sale_id):
            raise NotFound

    return router


def view(row: dict[str, Any]) -> Sale:
    reason = row["reason"]
    return Sale(
        **{name: row[name] for name in ("sale_id", "invoice_id", "number", "state", "attempts", "receipt")},
        reason=Words(nl=reason["nl"], en=reason["en"]) if reason else None,
        code=reason["code"] if reason else None,
        created_at=row["created_at"],
        booked_at=row["booked_at"],
    )
