"""deliver over HTTP: deliveries with their attempts, and the connections of receivers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import NotFound
from libs.http.principal import Principal, requires
from services.deliver import store

Reader = Annotated[Principal, Depends(requires("invoice:read"))]
OPERATOR = [Depends(requires("operator"))]


class FolderSettings(BaseModel):
    """Where the receiver's Globe reads: one folder below the hub's root."""

    folder: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")


class NewConnection(BaseModel):
    package: Literal["globe"] = "globe"
    channel: Literal["folder"] = "folder"
    settings: FolderSettings


class Connection(NewConnection):
    party_id: UUID
    created_at: datetime


class Delivery(BaseModel):
    """One delivery of one invoice."""

    delivery_id: UUID
    invoice_id: UUID
    channel: str
    receiver: str
    state: Literal["queued", "attempting", "handed_over", "confirmed", "undeliverable"]
    attempts: int
    due_at: datetime
    created_at: datetime


class Deliveries(BaseModel):
    deliveries: list[Delivery]


class Attempt(BaseModel):
    """One attempt. No ``outcome``: it started, and nobody knows yet how it ended."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    repeated: bool
    detail: str | None


class DeliveryWithAttempts(Delivery):
    history: list[Attempt]


def routes(pool: Pool, worker: Pool) -> APIRouter:
    """All routes of deliver. ``pool`` has the api role; connections are the operator's and need ``worker``."""
    router = APIRouter()

    @router.get("/v1/deliveries", tags=["deliveries"])
    async def get_deliveries(principal: Reader, invoice_id: UUID | None = None) -> Deliveries:
        """Your deliveries, newest first; at most 200."""
        async with tenant(pool, principal.account_id) as conn:
            rows = await store.deliveries(conn, invoice_id=invoice_id)
        return Deliveries(deliveries=[Delivery.model_validate(_named(row)) for row in rows])

    @router.get("/v1/deliveries/{delivery_id}", tags=["deliveries"])
    async def get_delivery(delivery_id: UUID, principal: Reader) -> DeliveryWithAttempts:
        """One delivery with everything that was tried."""
        async with tenant(pool, principal.account_id) as conn:
            rows = await store.deliveries(conn, delivery_id=delivery_id)
            if not rows:
                raise NotFound
            history = await store.attempts(conn, delivery_id)
        return DeliveryWithAttempts.model_validate({**_named(rows[0]), "history": history})

    @router.put("/v1/connections/{party_id}", tags=["connections"], dependencies=OPERATOR)
    async def put_connection(party_id: UUID, new: NewConnection) -> Connection:
        """Connect a receiver's package. Holds for the next invoices; those under way go the old way (R52)."""
        await store.connect(worker, party_id, new.package, new.channel, new.settings.model_dump())
        return await _connection(party_id)

    @router.get("/v1/connections/{party_id}", tags=["connections"], dependencies=OPERATOR)
    async def get_connection(party_id: UUID) -> Connection:
        """The package a receiver has connected."""
        return await _connection(party_id)

    async def _connection(party_id: UUID) -> Connection:
        found = await store.connection(worker, party_id)
        if found is None:
            raise NotFound
        return Connection.model_validate(found)

    return router


def _named(row: dict[str, object]) -> dict[str, object]:
    parcel = row["parcel"]
    name = parcel["receiver"]["name"] if isinstance(parcel, dict) else ""
    return {**row, "receiver": name}
