"""ingest over HTTP: submissions and token introspection."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Header
from pydantic import BaseModel, Field

from libs.contracts.parts import Words
from libs.db.pools import tenant
from libs.db.types import Pool
from libs.einvoice.extra_fields import BY_NAME
from libs.errors import NotFound, Unauthenticated
from libs.http.principal import Authenticator, Principal, requires
from libs.text import PlainText
from services.ingest import store
from services.ingest.settings import IngestSettings
from services.ingest.uploads.batch import Batch
from services.ingest.uploads.idempotency import Running
from services.ingest.uploads.submit import Commits, Gate, Submit


class InvoiceItem(BaseModel):
    """One invoice of a submission."""

    invoice_id: UUID
    filename: str | None = None
    status: Literal["received", "quarantined", "duplicate", "erased"] = "received"
    code: str | None = None
    reason: Words | None = None
    fields: dict[str, str] | None = Field(
        default=None,
        description="the extra fields that were said beside it; shown by `GET`",
        json_schema_extra={"propertyNames": {"enum": list(BY_NAME)}},
    )


class SubmissionReply(BaseModel):
    """The receipt: everything in it is stored."""

    submission_id: UUID
    invoices: list[InvoiceItem]


class SubmissionView(SubmissionReply):
    channel: str
    received_at: datetime
    expired_at: datetime | None = None
    """Since then its documents are gone: they were kept as long as the law asks."""
    mail: dict[str, Any] | None = Field(
        default=None,
        description="channel mail: From, what the mail server in front found (SPF, DKIM, DMARC), and the connection; "
        "kept as evidence, never believed",
    )


class Introspection(BaseModel):
    """RFC 7662 §2.2, with the account and roles the hub needs."""

    active: bool
    account_id: UUID | None = None
    user_id: UUID | None = None
    scope: str = ""
    roles: list[str] = []
    exp: int | None = None


Reader = Annotated[Principal, Depends(requires("invoice:read"))]


def routes(
    settings: IngestSettings,
    pool: Pool,
    identity: Authenticator,
    commits: Commits,
    gate: Gate,
) -> APIRouter:
    """``pool`` has the api role."""
    router = APIRouter()

    running = Running()
    single = Submit(settings, pool, commits, running, gate)
    batch = Batch(settings, pool, commits, running, gate)
    router.add_route("/v1/submissions", single.post, methods=["POST"], name="submit")
    router.add_route("/v1/submissions:batch", batch.post, methods=["POST"], name="submit_batch")

    @router.get("/v1/submissions/{submission_id}", tags=["submissions"])
    async def get_submission(submission_id: UUID, principal: Reader) -> SubmissionView:
        """What was handed over, and which invoices it became."""
        async with tenant(pool, principal.account_id) as conn:
            found = await store.submission(conn, submission_id)
        if found is None:
            raise NotFound
        return SubmissionView.model_validate(found)

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
