"""deliver over HTTP: what a sender or an operator does with a delivery that is parked."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from libs.contracts.parts import Words
from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import Conflict
from libs.http.principal import Principal, requires
from libs.messaging import outbox
from libs.service import Wake
from services.deliver import parked
from services.deliver.views import DeliveryWithAttempts, shown

NOT_PARKED = Words(
    nl="Deze bezorging wacht niet (meer): zij is doorgegaan of teruggenomen.",
    en="This delivery does not wait (any more): it went on or was taken back.",
)

Sender = Annotated[Principal, Depends(requires("invoice:write", "operator"))]


def routes(pool: Pool, worker: Pool, wake: Wake) -> APIRouter:
    """``pool`` has the api role and shows whose a delivery is; it is moved as ``worker``."""
    router = APIRouter(tags=["deliveries"])

    @router.post("/v1/deliveries/{delivery_id}/release")
    async def post_release(delivery_id: UUID, principal: Sender) -> DeliveryWithAttempts:
        """Try a parked delivery again, by what the receiver's package takes today."""
        await _own(delivery_id, principal)
        async with worker.acquire() as conn, conn.transaction():
            waiting = await parked.lock(conn, [delivery_id])
            if not waiting:
                raise _not_parked()
            await outbox.append(conn, await parked.release(conn, waiting, parked.BY_HAND))
        wake()
        return await _own(delivery_id, principal)

    @router.post("/v1/deliveries/{delivery_id}/return")
    async def post_return(delivery_id: UUID, principal: Sender) -> DeliveryWithAttempts:
        """Take a parked delivery back: it is not delivered, and you may send the invoice again."""
        await _own(delivery_id, principal)
        async with worker.acquire() as conn, conn.transaction():
            waiting = await parked.lock(conn, [delivery_id])
            if not waiting:
                raise _not_parked()
            await outbox.append(conn, await parked.give_back(conn, waiting, parked.TAKEN_BACK))
        wake()
        return await _own(delivery_id, principal)

    async def _own(delivery_id: UUID, principal: Principal) -> DeliveryWithAttempts:
        """As the caller may see it: the sender its own, an operator all. Raises ``NotFound``."""
        if "operator" in principal.scopes:
            async with worker.acquire() as conn:
                return await shown(conn, delivery_id)
        async with tenant(pool, principal.account_id) as conn:
            return await shown(conn, delivery_id)

    return router


def _not_parked() -> Conflict:
    return Conflict(NOT_PARKED.en, code="not-parked", words=NOT_PARKED.model_dump())
