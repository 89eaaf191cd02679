"""track over HTTP: where is my invoice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query

from libs.contracts.registry import UndecodableEvent, decode
from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import NotFound
from libs.http import paging
from libs.http.principal import Principal, requires
from services.track import store, views
from services.track.labels import Headline

Reader = Annotated[Principal, Depends(requires("invoice:read"))]

_NEWEST = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))


def routes(pool: Pool) -> APIRouter:
    """All routes of track. ``pool`` has the api role."""
    router = APIRouter(tags=["invoices"])

    @router.get("/v1/invoices")
    async def list_invoices(
        principal: Reader,
        page: paging.Asked,
        status: Annotated[Headline | None, Query(description="only these")] = None,
    ) -> views.Items:
        """Your invoices, newest first. The next page is in the `Link` header and in `next`."""
        before = page.behind(datetime, UUID) or _NEWEST
        async with tenant(pool, principal.account_id) as conn:
            rows = await store.page(conn, before=before, headline=status, limit=page.most)
        shown, following = page.cut(rows, lambda row: (row["received_at"], row["invoice_id"]))
        invoices = [views.Item.model_validate(views.item(row)) for row in shown]
        return views.Items(invoices=invoices, next=following)

    @router.get("/v1/invoices/{invoice_id}")
    async def get_invoice(invoice_id: UUID, principal: Reader) -> views.Detail:
        """One invoice: its status, and everything that happened to it with time, source and trace."""
        async with tenant(pool, principal.account_id, snapshot=True) as conn:
            row = await store.invoice(conn, invoice_id)
            facts = await store.timeline(conn, invoice_id) if row is not None else []
        if row is None:
            raise NotFound
        moments = [m for m in map(_moment, facts) if m is not None]
        return views.Detail(
            **views.item(row),
            steps=views.steps(moments),
            timeline=moments,
            trace_id=next((m.trace_id for m in moments if m.trace_id), None),
        )

    return router


def _moment(row: Any) -> views.Moment | None:
    try:
        return views.moment(decode(orjson.loads(row["body"])), row["recorded_at"])
    except UndecodableEvent:
        # Written by a newer release that was rolled back since: kept, and shown when it is known again.
        return None
