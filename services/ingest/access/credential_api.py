"""API keys and key mailboxes over HTTP: make, show, change for another, revoke; and all an account has, to take along."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from libs.contracts.sandbox import is_sandbox, sandbox_of
from libs.db.pools import tenant
from libs.db.types import Connection, Pool
from libs.errors import Forbidden, NotFound
from libs.http.principal import Principal, requires
from libs.text import PlainText
from services.ingest.access import accounts, keys, mailboxes
from services.ingest.access.credentials import Vault
from services.ingest.access.export import export
from services.ingest.access.given import NewKey, Overlap
from services.ingest.settings import IngestSettings

Admin = Annotated[Principal, Depends(requires("account:admin"))]


class Key(BaseModel):
    key_id: str
    label: str
    sandbox: bool = False
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class KeyOnce(Key):
    """The only time the key itself is shown."""

    key: str


class Mailbox(BaseModel):
    """A key mailbox: whatever is mailed to one of its addresses counts as handed over by this account."""

    mailbox_id: UUID
    addresses: list[str]
    expires_at: datetime | None = None


def routes(settings: IngestSettings, pool: Pool, worker: Pool, vault: Vault) -> APIRouter:
    """``pool`` has the api role, ``worker`` opens sandboxes."""
    router = APIRouter()

    async def make(
        conn: Connection, account_id: UUID, label: str, scopes: list[str], expires_at: datetime | None
    ) -> KeyOnce:
        key, created_at = await keys.add_key(conn, account_id, vault, label, scopes, expires_at)
        return KeyOnce(
            key_id=key.key_id,
            label=label,
            sandbox=key.test,
            scopes=scopes,
            created_at=created_at,
            expires_at=expires_at,
            key=str(key),
        )

    def own(principal: Principal) -> tuple[UUID, UUID]:
        """The account, and its sandbox: keys of both are managed from the account."""
        return principal.account_id, sandbox_of(principal.account_id)

    def shown(mailbox_id: UUID, local: str, expires_at: datetime | None = None) -> Mailbox:
        addresses = [f"{local}@{domain}" for domain in settings.upload_domains]
        return Mailbox(mailbox_id=mailbox_id, addresses=addresses, expires_at=expires_at)

    async def make_mailbox(conn: Connection, account_id: UUID) -> Mailbox:
        return shown(*await mailboxes.add_mailbox(conn, account_id, vault))

    async def live_mailboxes(account_id: UUID) -> list[Mailbox]:
        async with tenant(pool, account_id) as conn:
            rows = await mailboxes.mailboxes(conn)
        return [
            shown(row["mailbox_id"], vault.decrypt(row["address_encrypted"]), row["expires_at"])
            for row in rows
        ]

    @router.post("/v1/keys", status_code=201, tags=["keys"])
    async def post_key(new: NewKey, principal: Admin) -> KeyOnce:
        """Make an API key. The answer shows it once; it cannot be shown again."""
        account_id = principal.account_id
        if new.sandbox:
            account_id = await accounts.open_sandbox(worker, account_id)
        async with tenant(pool, account_id) as conn:
            return await make(conn, account_id, new.label, list(new.scopes), new.expires_at)

    @router.get("/v1/keys", tags=["keys"])
    async def get_keys(principal: Admin) -> list[Key]:
        """Your API keys, without their secrets; when each was last used, to the minute."""
        found: list[Key] = []
        for account_id in own(principal):
            async with tenant(pool, account_id) as conn:
                rows = await keys.keys(conn)
            found += [Key.model_validate({**row, "sandbox": is_sandbox(account_id)}) for row in rows]
        return found

    @router.post("/v1/keys/{key_id}/rotate", status_code=201, tags=["keys"])
    async def post_rotate_key(key_id: PlainText, overlap: Overlap, principal: Admin) -> KeyOnce:
        """A new key with the rights of this one, which ends by itself after the overlap."""
        for account_id in own(principal):
            async with tenant(pool, account_id) as conn:
                old = await keys.let_expire(conn, key_id, timedelta(hours=overlap.hours))
                if old is not None and "operator" in old["scopes"] and "operator" not in principal.scopes:
                    # Such a key is made at the machine itself, and nowhere else.
                    raise Forbidden
                if old is not None:
                    return await make(conn, account_id, old["label"], old["scopes"], None)
        raise NotFound

    @router.delete("/v1/keys/{key_id}", tags=["keys"])
    async def delete_key(key_id: PlainText, principal: Admin) -> dict[str, datetime]:
        """Revoke a key; every service stops taking it within 30 seconds."""
        for account_id in own(principal):
            async with tenant(pool, account_id) as conn:
                revoked = await keys.revoke_key(conn, key_id)
            if revoked is not None:
                return {"revoked_at": revoked}
        raise NotFound

    @router.post("/v1/mailboxes", status_code=201, tags=["mailboxes"])
    async def post_mailbox(principal: Admin) -> Mailbox:
        """Make a key mailbox: its address goes on an extra invoice contact at each customer (R19)."""
        async with tenant(pool, principal.account_id) as conn:
            return await make_mailbox(conn, principal.account_id)

    @router.get("/v1/mailboxes", tags=["mailboxes"])
    async def get_mailboxes(principal: Admin) -> list[Mailbox]:
        """Your key mailboxes with their whole addresses, to copy (R15); an address for each domain, all of which work
        (R13)."""
        return await live_mailboxes(principal.account_id)

    @router.get("/v1/accounts/me/export", tags=["accounts"], response_class=StreamingResponse)
    async def get_export(principal: Admin) -> StreamingResponse:
        """Everything the account has, as a ZIP: what it says of itself, users, keys without their secrets, key mailboxes,
        submissions, and every original as it came, with its hash. The sandbox is not in it."""
        addresses = [each.model_dump(mode="json") for each in await live_mailboxes(principal.account_id)]
        return StreamingResponse(
            export(pool, principal.account_id, addresses),
            media_type="application/zip",
            headers={"Content-Disposition": 'attachment; filename="postbode.zip"'},
        )

    @router.post("/v1/mailboxes/{mailbox_id}/rotate", status_code=201, tags=["mailboxes"])
    async def post_rotate_mailbox(mailbox_id: UUID, overlap: Overlap, principal: Admin) -> Mailbox:
        """A new key mailbox; the old one goes on for the overlap (as long as it takes to change it at every customer)."""
        async with tenant(pool, principal.account_id) as conn:
            if await mailboxes.let_expire(conn, mailbox_id, timedelta(hours=overlap.hours)) is None:
                raise NotFound
            return await make_mailbox(conn, principal.account_id)

    @router.delete("/v1/mailboxes/{mailbox_id}", tags=["mailboxes"])
    async def delete_mailbox(mailbox_id: UUID, principal: Admin) -> dict[str, datetime]:
        """Revoke a key mailbox: mail to it is refused from now on (550)."""
        async with tenant(pool, principal.account_id) as conn:
            revoked = await mailboxes.revoke(conn, mailbox_id)
        if revoked is None:
            raise NotFound
        return {"revoked_at": revoked}

    return router
