"""validate over HTTP: check a document without sending it, and read the verdict on one that was sent."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from libs.contracts.parts import Finding, InvoiceSummary, Words
from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import BadInput, NotFound
from libs.http import forms
from libs.http.principal import Principal, requires
from services.validate import store
from services.validate.judgement import Judgement, judge
from services.validate.settings import ValidateSettings

NO_DOCUMENT = Words(
    nl="Er zit geen factuur in dit verzoek. Stuur de XML als inhoud, of als één bestand in een formulier.",
    en="There is no invoice in this request. Send the XML as the body, or as one file of a form.",
)
SEVERAL = Words(
    nl="Een controle gaat over één factuur. Stuur één XML-bestand per verzoek.",
    en="A check is about one invoice. Send one XML file per request.",
)

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/xml": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
        },
    }
}


class CheckReply(BaseModel):
    """What the rules say about one document: the verdict and every finding, in Dutch and English."""

    verdict: Literal["valid", "valid_with_warnings", "invalid"]
    rule_pack: str
    profile: str
    fatals: int = Field(description="how many in all")
    warnings: int = Field(description="how many in all")
    findings: list[Finding] = Field(description="in the order of the document, at most 5,000")
    summary: InvoiceSummary


class StoredVerdict(CheckReply):
    """The verdict on an invoice that was handed over."""

    invoice_id: UUID
    sequence: int
    decided_at: datetime


Reader = Annotated[Principal, Depends(requires("invoice:read"))]


def routes(settings: ValidateSettings, pool: Pool) -> APIRouter:
    """All routes of validate. ``pool`` has the api role."""
    router = APIRouter(tags=["check"])
    turns = asyncio.Semaphore(settings.checks_at_once)

    @router.post("/v1/check", openapi_extra=_BODY)
    async def post_check(request: Request, principal: Reader) -> CheckReply:  # noqa: ARG001
        """Check an invoice without sending it. Nothing is stored."""
        data = await _document(request, settings.max_check_bytes)
        async with turns:
            judgement = await asyncio.to_thread(judge, data)
        return _reply(judgement)

    @router.get("/v1/check/{invoice_id}")
    async def get_check(invoice_id: UUID, principal: Reader) -> StoredVerdict:
        """The verdict on one of your invoices, with every finding."""
        async with tenant(pool, principal.account_id) as conn:
            found = await store.verdict(conn, invoice_id)
        if found is None:
            raise NotFound
        return StoredVerdict.model_validate(found)

    return router


def _reply(judgement: Judgement) -> CheckReply:
    return CheckReply(
        verdict=judgement.verdict,
        rule_pack=judgement.rule_pack,
        profile=judgement.profile,
        fatals=judgement.fatals,
        warnings=judgement.warnings,
        findings=list(judgement.findings),
        summary=judgement.summary,
    )


async def _document(request: Request, limit: int) -> bytes:
    """The one document of a request: its body, or the file of its form. Raises ``BadInput``, ``TooLarge``."""
    found = await forms.files(request, most=limit, max_files=10)
    if len(found) > 1:
        raise BadInput(SEVERAL.en, code="several-documents", words=SEVERAL.model_dump())
    if not found or not found[0].data:
        raise BadInput(NO_DOCUMENT.en, code="no-invoice", words=NO_DOCUMENT.model_dump())
    return found[0].data
