"""route over HTTP: what an operator does after a wrong delivery."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.contracts.invoice import InvoiceRecalled
from libs.db.types import Pool
from libs.http.principal import Principal, requires
from libs.messaging import outbox
from libs.service import Wake
from services.route.companies import directory
from services.route.waits import recalls

Operator = Annotated[Principal, Depends(requires("operator"))]


class Recall(BaseModel):
    """Invoices of one sender that went to one receiver they were not for."""

    invoices: list[UUID] = Field(min_length=1, max_length=200)


class Recalled(BaseModel):
    receiver: str
    stopped: list[UUID] = Field(
        description="parties that get nothing from this sender until a person says so"
    )
    mailed: bool = Field(description="whether the receiver has an address to be told at; else call it")


def routes(worker: Pool, wake: Wake) -> APIRouter:
    """``worker``: an operator acts for any account."""
    router = APIRouter(tags=["recalls"])

    @router.post("/v1/recalls", status_code=201)
    async def post(given: Recall, principal: Operator) -> Recalled:
        """After a wrong delivery (operators): nothing more goes from that sender to that receiver until a person says so,
        what is under way between them waits, and both are told."""
        async with worker.acquire() as conn, conn.transaction():
            await directory.change_alone(conn)
            events = await recalls.recall(conn, set(given.invoices), principal.account_id, principal.user_id)
            await outbox.append(conn, events)
        wake()
        fact = events[0].data
        if not isinstance(fact, InvoiceRecalled):
            raise TypeError(f"{events[0].type} is not a recall")
        return Recalled(
            receiver=fact.receiver.name, stopped=list(fact.places), mailed=fact.receiver.email is not None
        )

    return router
