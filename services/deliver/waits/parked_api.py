"""deliver over HTTP: what a sender or an operator does with a delivery that is parked."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.contracts.parts import Words
from libs.db.pools import tenant
from libs.db.types import Connection, Pool
from libs.errors import Conflict, Forbidden, NotFound
from libs.http.principal import Principal, requires
from libs.messaging import outbox
from libs.service import Wake
from libs.text import PlainText
from services.deliver import replay
from services.deliver.parcel import Waiting
from services.deliver.replay import Preview
from services.deliver.views import DeliveryWithAttempts, Showing
from services.deliver.waits import parked, permits
from services.deliver.waits.parked import Moving

NOT_PARKED = Words(
    nl="Deze bezorging wacht niet (meer): zij is doorgegaan of teruggenomen.",
    en="This delivery does not wait (any more): it went on or was taken back.",
)

ONLY_OWN = Words(
    nl="Alleen een beheerder doet dit voor een ander: laat `account_id` weg.",
    en="Only an operator does this for somebody else: leave out `account_id`.",
)


class Stopped(BaseModel):
    """Between whom nothing goes since a recall."""

    receivers: list[UUID] = Field(
        min_length=1, max_length=200, description="parties, as the recall called them `stopped`"
    )
    account_id: UUID | None = Field(default=None, description="the sender; operators only, else it is you")


CHANGED = Words(
    nl="Er is iets veranderd sinds u keek: bekijk opnieuw wat herhalen zou doen.",
    en="Something changed since you looked: look again at what a replay would do.",
)


class Replay(BaseModel):
    token: PlainText = Field(max_length=64, description="of what you looked at")


ONLY_SENDER = Words(
    nl="Alleen de afzender zelf kan zeggen dat dit is toegestaan.",
    en="Only the sender itself can say that this is permitted.",
)


class Given(BaseModel):
    """What a sender says with a release."""

    permitted: bool = Field(
        default=False,
        description="of an invoice between two Belgian businesses (`belgium-peppol`): it may go by e-mail, and so may the "
        "next to this receiver",
    )


class Moved(BaseModel):
    deliveries: int = Field(description="how many waited for this and do not any more")


_NOTHING_SAID = Given()
Writer = Annotated[Principal, Depends(requires("invoice:write"))]
Sender = Annotated[Principal, Depends(requires("invoice:write", "operator"))]


def routes(pool: Pool, worker: Pool, wake: Wake, showing: Showing) -> APIRouter:
    """``pool`` has the api role and shows whose a delivery is; it is moved as ``worker``."""
    router = APIRouter(tags=["deliveries"])

    @router.post("/v1/deliveries/stopped/release")
    async def post_stopped_release(given: Stopped, principal: Sender) -> Moved:
        """All that waits for these receivers since a recall is for them: deliver it."""
        return await _all_stopped(given, principal, parked.by_hand)

    @router.post("/v1/deliveries/stopped/return")
    async def post_stopped_return(given: Stopped, principal: Sender) -> Moved:
        """Nothing that waits for these receivers since a recall is for them: take it back and send it to the right ones."""
        return await _all_stopped(given, principal, parked.taken_back)

    @router.post("/v1/deliveries/{delivery_id}/release")
    async def post_release(
        delivery_id: UUID, principal: Sender, given: Given = _NOTHING_SAID
    ) -> DeliveryWithAttempts:
        """Try a parked delivery again, by what the receiver's package takes today."""
        if not given.permitted:
            return await _one(delivery_id, principal, parked.by_hand)
        if "operator" in principal.scopes:
            raise Forbidden(ONLY_SENDER.en, nl=ONLY_SENDER.nl, code="only-sender")
        return await _one(delivery_id, principal, partial(parked.permitted, by_user=principal.user_id))

    @router.delete("/v1/deliveries/permits", status_code=204)
    async def delete_permit(receiver_id: UUID, principal: Writer) -> None:
        """Take back that invoices of yours to this Belgian receiver may go by e-mail. What is not sent yet waits again."""
        if not await permits.withdraw(worker, principal.account_id, receiver_id):
            raise NotFound

    @router.post("/v1/deliveries/{delivery_id}/return")
    async def post_return(delivery_id: UUID, principal: Sender) -> DeliveryWithAttempts:
        """Take a parked delivery back: it is not delivered, and you may send the invoice again."""
        return await _one(delivery_id, principal, parked.taken_back)

    @router.get("/v1/deliveries/{delivery_id}/replay")
    async def get_replay(delivery_id: UUID, principal: Sender) -> Preview:
        """What trying this delivery once more would do; nothing is done."""
        await _own(delivery_id, principal)
        async with worker.acquire() as conn, conn.transaction():
            preview, _ = await _looked(conn, delivery_id)
        return preview

    @router.post("/v1/deliveries/{delivery_id}/replay")
    async def post_replay(delivery_id: UUID, given: Replay, principal: Sender) -> DeliveryWithAttempts:
        """Try this delivery once more, if that still does what was looked at."""
        await _own(delivery_id, principal)
        async with worker.acquire() as conn, conn.transaction():
            preview, waiting = await _looked(conn, delivery_id)
            if not preview.may:
                words = preview.effects[0]
                raise Conflict(words.en, code="not-replayable", words=words.model_dump())
            if preview.token != given.token:
                raise Conflict(CHANGED.en, code="changed", words=CHANGED.model_dump())
            await outbox.append(conn, list(await replay.replay(conn, preview, waiting)))
        wake()
        return await _own(delivery_id, principal)

    async def _looked(conn: Connection, delivery_id: UUID) -> tuple[Preview, Waiting]:
        found = await replay.look(conn, delivery_id)
        if found is None:
            raise NotFound
        return found

    async def _one(delivery_id: UUID, principal: Principal, move: Moving) -> DeliveryWithAttempts:
        await _own(delivery_id, principal)
        async with worker.acquire() as conn, conn.transaction():
            waiting = await parked.lock(conn, [delivery_id])
            if not waiting:
                raise Conflict(NOT_PARKED.en, code="not-parked", words=NOT_PARKED.model_dump())
            await outbox.append(conn, await move(conn, waiting))
        wake()
        return await _own(delivery_id, principal)

    async def _all_stopped(given: Stopped, principal: Principal, move: Moving) -> Moved:
        account = given.account_id or principal.account_id
        if account != principal.account_id and "operator" not in principal.scopes:
            raise Forbidden(ONLY_OWN.en, nl=ONLY_OWN.nl, scope="operator")
        moved = await parked.move_stopped(worker, account, given.receivers, move)
        wake()
        return Moved(deliveries=moved)

    async def _own(delivery_id: UUID, principal: Principal) -> DeliveryWithAttempts:
        """As the caller may see it: the sender its own, an operator all. Raises ``NotFound``."""
        if "operator" in principal.scopes:
            async with worker.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
                return await showing.one(conn, delivery_id, inside=True)
        async with tenant(pool, principal.account_id, snapshot=True) as conn:
            return await showing.one(conn, delivery_id)

    return router
