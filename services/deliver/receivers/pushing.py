"""Connections that lead to what is a receiver's own: the address, and the secret or key that goes with it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import asyncpg
import asyncssh
from pydantic import BaseModel, ConfigDict, Field

from libs.contracts.parts import Words
from libs.db.types import Pool
from libs.errors import BadInput, Conflict
from libs.http.public import LONGEST, host_of, is_public
from libs.text import PlainText
from services.deliver.receivers import credentials, push
from services.deliver.settings import DeliverSettings

_BAD = Words(
    nl="hierheen kan de hub niet bezorgen: geef een volledig https-adres op het openbare internet, zonder gebruikersnaam",
    en="the hub cannot deliver there: give a full https address on the public internet, without a user name",
)


_NOT_PUBLIC = Words(
    nl="hierheen kan de hub niet bezorgen: geef een server op het openbare internet",
    en="the hub cannot deliver there: give a server on the public internet",
)
_BAD_FOLDER = Words(
    nl="een map wordt gegeven zonder `..`: geef het volledige pad",
    en="a folder has no `..`: give its whole path",
)
_BAD_KEY = Words(
    nl="dit is geen openbare sleutel van een SSH-server: geef er een als `ssh-ed25519 AAAA…`, zoals ssh-keyscan haar toont",
    en="this is no public key of an SSH server: give one such as `ssh-ed25519 AAAA…`, as ssh-keyscan prints it",
)


class PushSettings(BaseModel):
    """Where invoices are pushed to, signed as Standard Webhooks 1.0.0 says."""

    model_config = ConfigDict(extra="forbid")

    url: PlainText = Field(max_length=LONGEST, description="https, on the public internet")


class PullSettings(BaseModel):
    """Nothing to say: what waits is listed, fetched and acknowledged at /v1/deliveries/waiting."""

    model_config = ConfigDict(extra="forbid")


class SftpSettings(BaseModel):
    """Where the receiver's Globe reads, on a server of its own."""

    model_config = ConfigDict(extra="forbid")

    host: PlainText = Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:-]+$")
    port: int = Field(default=22, ge=1, le=65535)
    username: PlainText = Field(min_length=1, max_length=64)
    folder: PlainText = Field(
        default="", max_length=200, description="a folder that is there; empty: where one is after logging in"
    )
    host_key: PlainText = Field(
        max_length=2000,
        description="the server's public key, `ssh-ed25519 AAAA…`, as `ssh-keyscan` prints it behind the host: no other "
        "is spoken to",
    )


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

    def check_server(self, settings: SftpSettings) -> None:
        """Raises ``BadInput`` for a server, a folder or a key that cannot be used."""
        literal = ":" in settings.host or settings.host.rpartition(".")[2][:1].isdigit()
        if literal and not is_public(settings.host, self._also):
            raise BadInput(_NOT_PUBLIC.en, nl=_NOT_PUBLIC.nl, code="bad-host")
        if ".." in settings.folder.split("/"):
            raise BadInput(_BAD_FOLDER.en, nl=_BAD_FOLDER.nl, code="bad-folder")
        try:
            asyncssh.import_public_key(settings.host_key)
        except asyncssh.KeyImportError as no:
            raise BadInput(_BAD_KEY.en, nl=_BAD_KEY.nl, code="bad-host-key") from no

    async def public_key(self, party_id: UUID) -> str:
        """What the receiver lets in: the public half of a key of its own, made when it is first asked for. Raises
        ``Conflict``."""
        found = await credentials.of(self._worker, self._keys, [party_id], "sftp")
        if party_id in found:
            key = asyncssh.import_private_key(found[party_id][0])
        else:
            key = asyncssh.generate_private_key("ssh-ed25519", comment="postbode")
            await self._put(party_id, "sftp", key.export_private_key())
        return key.export_public_key().decode().strip()

    async def first_secret(self, party_id: UUID) -> str | None:
        """What signs from now on, for a party that has no secret yet; else None."""
        if await credentials.has(self._worker, party_id, "webhook"):
            return None
        return (await self.another_secret(party_id)).secret

    async def another_secret(self, party_id: UUID) -> NewSecret:
        """Another secret; the one before signs along for a while. Raises ``Conflict``."""
        secret = push.new_secret()
        await self._put(party_id, "webhook", secret)
        return NewSecret(secret=push.shown(secret), old_until_hours=self._overlap.total_seconds() / 3600)

    async def _put(self, party_id: UUID, purpose: credentials.Purpose, secret: bytes) -> None:
        try:
            async with self._worker.acquire() as conn, conn.transaction():
                await credentials.put(conn, self._keys, party_id, purpose, secret, overlap=self._overlap)
        except asyncpg.UniqueViolationError as lost:
            raise Conflict(
                "somebody else asked for a secret just now: try again",
                nl="iemand anders vroeg zojuist een geheim: probeer het opnieuw",
            ) from lost
