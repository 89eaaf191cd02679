"""ingest over HTTP: submissions, accounts, keys, key mailboxes, token introspection."""

from __future__ import annotations

import asyncio
import hmac
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Header
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from libs.contracts.parts import Words
from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import NotFound, Unauthenticated
from libs.http import forms
from libs.http.principal import Authenticator, Principal, requires
from libs.text import PlainText
from services.ingest import accounts, intake, store
from services.ingest.credentials import Vault, new_api_key, new_local_part
from services.ingest.given import NewAccount, NewKey
from services.ingest.groups import GroupCommit
from services.ingest.part import Part
from services.ingest.receipts import receipt
from services.ingest.settings import IngestSettings
from services.ingest.store import Kept
from services.ingest.submissions import Submission, compose, wants_seller

INLINE_BYTES = 64 * 1024
"""Larger submissions are gated in a thread: the event loop must not stand still for one big file."""


class InvoiceItem(BaseModel):
    """One invoice of a submission."""

    invoice_id: UUID
    filename: str | None = None
    status: Literal["received", "quarantined", "duplicate"] = "received"
    code: str | None = None
    reason: Words | None = None


class SubmissionReply(BaseModel):
    """The receipt: everything in it is stored."""

    submission_id: UUID
    invoices: list[InvoiceItem]


class SubmissionView(SubmissionReply):
    channel: str
    received_at: datetime


class Account(NewAccount):
    account_id: UUID


class Key(BaseModel):
    key_id: str
    label: str
    scopes: list[str]
    created_at: datetime | None = None
    revoked_at: datetime | None = None


class KeyOnce(Key):
    """The only time the key itself is shown."""

    key: str


class Mailbox(BaseModel):
    """A key mailbox: whatever is mailed to one of its addresses counts as handed over by this account."""

    mailbox_id: UUID
    addresses: list[str]


class Introspection(BaseModel):
    """RFC 7662 §2.2, with the account and roles the hub needs."""

    active: bool
    account_id: UUID | None = None
    user_id: UUID | None = None
    scope: str = ""
    roles: list[str] = []
    exp: int | None = None


Reader = Annotated[Principal, Depends(requires("invoice:read"))]
Admin = Annotated[Principal, Depends(requires("account:admin"))]
OPERATOR = [Depends(requires("operator"))]


def routes(
    settings: IngestSettings,
    pool: Pool,
    worker: Pool,
    vault: Vault,
    identity: Authenticator,
    commits: GroupCommit[Submission, tuple[Kept, ...]],
) -> APIRouter:
    """All routes of ingest. ``pool`` has the api role, ``worker`` opens accounts."""
    router = APIRouter()

    async def post_submission(request: Request) -> Response:
        principal = await request.app.state.identity.authenticate(request.headers.get("authorization"))
        principal.require("invoice:write")
        parts = await _parts(request, settings.max_submission_bytes)
        if sum(len(part.data) for part in parts) > INLINE_BYTES:
            uploads = await asyncio.to_thread(intake.sort_strictly, parts)
        else:
            uploads = intake.sort_strictly(parts)
        seller = await accounts.sender(pool, principal.account_id) if wants_seller(uploads) else None
        submission = compose(principal.account_id, "api", uploads, seller=seller)
        return receipt(submission.submission_id, await commits.submit(submission))

    router.add_route("/v1/submissions", post_submission, methods=["POST"], name="submit")

    @router.get("/v1/submissions/{submission_id}", tags=["submissions"])
    async def get_submission(submission_id: UUID, principal: Reader) -> SubmissionView:
        """What was handed over, and which invoices it became."""
        async with tenant(pool, principal.account_id) as conn:
            found = await store.submission(conn, submission_id)
        if found is None:
            raise NotFound
        return SubmissionView.model_validate(found)

    @router.post("/v1/accounts", status_code=201, tags=["accounts"], dependencies=OPERATOR)
    async def post_account(new: NewAccount) -> Account:
        """Open an account (operator)."""
        account_id = await accounts.open_account(worker, accounts.Claims(**new.model_dump()))
        return Account(account_id=account_id, **new.model_dump())

    @router.get("/v1/accounts/me", tags=["accounts"])
    async def get_account(principal: Reader) -> Account:
        """The account these credentials belong to."""
        async with tenant(pool, principal.account_id) as conn:
            found = await accounts.account(conn)
        if found is None:
            raise NotFound
        return Account.model_validate(found)

    @router.post("/v1/keys", status_code=201, tags=["keys"])
    async def post_key(new: NewKey, principal: Admin) -> KeyOnce:
        """Make an API key. The answer shows it once; it cannot be shown again."""
        key = new_api_key()
        async with tenant(pool, principal.account_id) as conn:
            await accounts.add_key(
                conn, key.key_id, principal.account_id, vault.digest(key.secret), new.label, new.scopes
            )
        return KeyOnce(key_id=key.key_id, label=new.label, scopes=list(new.scopes), key=str(key))

    @router.get("/v1/keys", tags=["keys"])
    async def get_keys(principal: Admin) -> list[Key]:
        """Your API keys, without their secrets."""
        async with tenant(pool, principal.account_id) as conn:
            return [Key.model_validate(row) for row in await accounts.keys(conn)]

    @router.delete("/v1/keys/{key_id}", tags=["keys"])
    async def delete_key(key_id: PlainText, principal: Admin) -> dict[str, datetime]:
        """Revoke a key; every service stops taking it within 30 seconds."""
        async with tenant(pool, principal.account_id) as conn:
            revoked = await accounts.revoke_key(conn, key_id)
        if revoked is None:
            raise NotFound
        return {"revoked_at": revoked}

    @router.post("/v1/mailboxes", status_code=201, tags=["mailboxes"])
    async def post_mailbox(principal: Admin) -> Mailbox:
        """Make a key mailbox: its address goes on an extra invoice contact at each customer (R19)."""
        local = new_local_part()
        async with tenant(pool, principal.account_id) as conn:
            mailbox_id = await accounts.add_mailbox(
                conn, principal.account_id, vault.digest(local), vault.encrypt(local)
            )
        return _mailbox(settings, mailbox_id, local)

    @router.get("/v1/mailboxes", tags=["mailboxes"])
    async def get_mailboxes(principal: Admin) -> list[Mailbox]:
        """Your key mailboxes with their whole addresses, to copy (R15)."""
        async with tenant(pool, principal.account_id) as conn:
            rows = await accounts.mailboxes(conn)
        return [
            _mailbox(settings, row["mailbox_id"], vault.decrypt(row["address_encrypted"])) for row in rows
        ]

    @router.post("/v1/tokens/introspect", tags=["tokens"])
    async def introspect(
        token: Annotated[PlainText, Form()], authorization: Annotated[str | None, Header()] = None
    ) -> Introspection:
        """Token introspection (RFC 7662) for the other services; ``token`` is a whole Authorization value."""
        expected = f"Bearer {settings.introspection_secret}"
        if not hmac.compare_digest((authorization or "").encode(), expected.encode()):
            raise Unauthenticated
        try:
            principal = await identity.authenticate(token)
        except Unauthenticated:
            return Introspection(active=False)
        return Introspection(
            active=True,
            account_id=principal.account_id,
            user_id=principal.user_id,
            scope=" ".join(sorted(principal.scopes)),
            roles=sorted(principal.roles),
            exp=int(principal.expires_at.timestamp()) if principal.expires_at else None,
        )

    return router


def _mailbox(settings: IngestSettings, mailbox_id: UUID, local: str) -> Mailbox:
    return Mailbox(mailbox_id=mailbox_id, addresses=[f"{local}@{d}" for d in settings.upload_domains])


async def _parts(request: Request, limit: int) -> list[Part]:
    """The files of a request: the body itself, or each file of a multipart form. Raises ``TooLarge``,
    ``BadInput``."""
    # Header values are Latin-1 by the standard and UTF-8 in practice: hand over the bytes.
    named = request.headers.get("postbode-filename", "").encode("latin-1").decode("ascii", "surrogateescape")
    found = await forms.files(request, most=limit, filename=named or None)
    return [Part(file.data, file.filename, file.media_type) for file in found]
