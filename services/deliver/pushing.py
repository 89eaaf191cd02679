"""Connections to which the hub pushes: the address, and the secret that signs what comes there."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, Field

from libs.contracts.parts import Words
from libs.db.types import Pool
from libs.errors import BadInput, Conflict
from libs.http.public import LONGEST, host_of
from libs.text import PlainText
from services.deliver import credentials, push
from services.deliver.settings import DeliverSettings

_BAD = Words(
    nl="hierheen kan de hub niet bezorgen: geef een volledig https-adres op het openbare internet, zonder gebruikersnaam",
    en="the hub cannot deliver there: give a full https address on the public internet, without a user name",
)


class PushSettings(BaseModel):
    """Where invoices are pushed to, signed as Standard Webhooks 1.0.0 says."""

    model_config = ConfigDict(extra="forbid")

    url: PlainText = Field(max_length=LONGEST, description="https, on the public internet")


class PullSettings(BaseModel):
    """Nothing to say: what waits is listed, fetched and acknowledged at /v1/deliveries/waiting."""

    model_config = ConfigDict(extra="forbid")


class NewSecret(BaseModel):
    secret: str = Field(description="`whsec_` and base64; shown this once")
    old_until_hours: float = Field(description="so long what is pushed is signed with the old one as well")


class Pushing:
    """Secrets of receivers, as their APIs ask for them. ``worker``: a pool of that role."""

    def __init__(self, worker: Pool, settings: DeliverSettings) -> None:
        self._worker = worker
        self._keys = settings.keys
        self._also = settings.also
        self._overlap = timedelta(hours=settings.https_secret_hours)

    def check(self, url: str) -> None:
        """Raises ``BadInput`` for an address that cannot be pushed to."""
        try:
            host_of(url, self._also)
        except ValueError as no:
            raise BadInput(f"{_BAD.en} ({no})", nl=_BAD.nl, code="bad-url") from no

    async def first_secret(self, party_id: UUID) -> str | None:
        """What signs from now on, for a party that has no secret yet; else None."""
        if await credentials.has(self._worker, party_id, "webhook"):
            return None
        return (await self.another_secret(party_id)).secret

    async def another_secret(self, party_id: UUID) -> NewSecret:
        """Another secret; the one before signs along for a while. Raises ``Conflict``."""
        secret = push.new_secret()
        try:
            async with self._worker.acquire() as conn, conn.transaction():
                await credentials.put(conn, self._keys, party_id, "webhook", secret, overlap=self._overlap)
        except asyncpg.UniqueViolationError as lost:
            raise Conflict(
                "somebody else asked for a secret just now: try again",
                nl="iemand anders vroeg zojuist een geheim: probeer het opnieuw",
            ) from lost
        return NewSecret(secret=push.shown(secret), old_until_hours=self._overlap.total_seconds() / 3600)
