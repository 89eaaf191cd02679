"""validate over HTTP: check a document without sending it, and read the verdict on one that was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.requests import Request

from libs import clock
from libs.contracts.parts import Finding, InvoiceSummary, Words
from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import BadInput, NotFound
from libs.http import forms
from libs.http.principal import Principal, requires
from libs.rules.engine import PACKS
from libs.text import PlainText
from services.validate import store
from services.validate.judgement import judge
from services.validate.report import Report, found, report
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


_SEVERAL_PACKS = Words(
    nl="Noem één regelpakket per aanvraag, of geen: dan kiest het document zelf.",
    en="Name one rule pack a request, or none: then the document chooses.",
)


class StoredVerdict(Report):
    """The verdict on an invoice that was handed over: what a check says, and what was read of the invoice."""

    invoice_id: UUID
    sequence: int
    profile: str
    fatals: int = Field(description="how many in all")
    warnings: int = Field(description="how many in all")
    summary: InvoiceSummary
    decided_at: datetime


PackName = Annotated[
    PlainText | None,
    Query(
        description="run exactly these rules, whatever the document claims; without it the document chooses, and "
        "the hub's own warnings (ids POSTBODE-…) stand beside them",
        json_schema_extra={"enum": sorted(PACKS)},
    ),
]
Reader = Annotated[Principal, Depends(requires("invoice:read"))]


def routes(settings: ValidateSettings, pool: Pool) -> APIRouter:
    """All routes of validate. ``pool`` has the api role."""
    router = APIRouter(tags=["check"])
    turns = asyncio.Semaphore(settings.checks_at_once)

    @router.post("/v1/check", openapi_extra=_BODY)
    async def post_check(request: Request, principal: Reader, pack: PackName = None) -> Report:  # noqa: ARG001
        """Check an invoice without sending it. Nothing is stored. The same object as `postbode check --json`."""
        if len(request.query_params.getlist("pack")) > 1:
            raise BadInput(_SEVERAL_PACKS.en, code="several-packs", words=_SEVERAL_PACKS.model_dump())
        if pack is not None and pack not in PACKS:
            raise _unknown_pack()
        given = await _document(request, settings.max_check_bytes)
        async with turns:
            judgement = await asyncio.to_thread(judge, given.data, pack, today=clock.day(clock.now()))
        return report(given.filename, judgement)

    @router.get("/v1/check/{invoice_id}")
    async def get_check(invoice_id: UUID, principal: Reader) -> StoredVerdict:
        """The verdict on one of your invoices, with every finding."""
        async with tenant(pool, principal.account_id) as conn:
            row = await store.verdict(conn, invoice_id)
        if row is None:
            raise NotFound
        return _stored(row)

    return router


def _stored(row: Mapping[str, Any]) -> StoredVerdict:
    findings = [found(Finding.model_validate(each)) for each in row["findings"]]
    return StoredVerdict.model_validate({**row, "file": None, "pack": row["rule_pack"], "findings": findings})


def _unknown_pack() -> BadInput:
    names = ", ".join(sorted(PACKS))
    words = Words(
        nl=f"Deze regels kent de hub niet. Kies een van: {names}.",
        en=f"The hub does not know these rules. Choose one of: {names}.",
    )
    return BadInput(words.en, code="unknown-pack", words=words.model_dump())


async def _document(request: Request, limit: int) -> forms.File:
    """The one document of a request: its body, or the file of its form. Raises ``BadInput``, ``TooLarge``."""
    given = await forms.files(request, most=limit, max_files=10)
    if len(given) > 1:
        raise BadInput(SEVERAL.en, code="several-documents", words=SEVERAL.model_dump())
    if not given or not given[0].data:
        raise BadInput(NO_DOCUMENT.en, code="no-invoice", words=NO_DOCUMENT.model_dump())
    return given[0]
