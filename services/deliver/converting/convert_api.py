"""``POST /v1/convert``: a document in another format, with its report. Nothing is stored."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from libs.contracts.parts import Words
from libs.einvoice import convert
from libs.einvoice.convert import Conversion, Options
from libs.einvoice.formats.eexact import Sender
from libs.errors import BadInput
from libs.http import forms
from libs.http.principal import Principal, requires
from libs.text import PlainText
from services.deliver.converting.reports import Report, report

MOST_BYTES = 10 * 1024 * 1024
AT_ONCE = 2
"""Conversions side by side: each holds a processor."""

NO_DOCUMENT = Words(
    nl="Er zit geen factuur in dit verzoek. Stuur het bestand als inhoud, of als één bestand in een formulier.",
    en="There is no invoice in this request. Send the file as the body, or as one file of a form.",
)
SEVERAL = Words(
    nl="Het bestand bevat meer dan één factuur. Vraag het antwoord als JSON (zonder download=true).",
    en="The file holds more than one invoice. Ask for the answer as JSON (without download=true).",
)

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            **{
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in ("application/xml", "application/pdf", "application/json")
            },
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

Reader = Annotated[Principal, Depends(requires("invoice:read"))]
Format = Literal["nlcius", "siubl-1.2", "ubl-2.1", "ubl-2.0", "peppol", "cii", "eexact", "json", "csv", "pdf"]


class Converted(BaseModel):
    """One invoice in the format asked for."""

    media_type: str
    extension: str
    data: str = Field(description="the file, base64")
    report: Report


class Conversions(BaseModel):
    """One entry for each invoice of the document: an eExact file may hold many."""

    conversions: list[Converted]


def routes() -> APIRouter:
    """The route of conversions."""
    router = APIRouter(tags=["convert"])
    turns = asyncio.Semaphore(AT_ONCE)

    @router.post("/v1/convert", openapi_extra=_BODY, response_model=Conversions)
    async def post_convert(
        request: Request,
        principal: Reader,  # noqa: ARG001
        to: Annotated[Format, Query(description="the format asked for")],
        language: Annotated[Literal["nl", "en", "fr"], Query(description="of a PDF")] = "nl",
        seller: Annotated[
            PlainText | None,
            Query(max_length=200, description="name of the seller, for files that name none (eExact)"),
        ] = None,
        download: Annotated[bool, Query(description="answer with the file alone")] = False,
    ) -> Response | Conversions:
        """Convert an invoice without sending it: any format the hub reads into any it writes."""
        data = await _document(request)
        sender = Sender(seller) if seller else None
        async with turns:
            done, reports = await asyncio.to_thread(_convert, data, to, sender, Options(language=language))
        if not download:
            return Conversions(
                conversions=[_shown(each, said) for each, said in zip(done, reports, strict=True)]
            )
        if len(done) > 1:
            raise BadInput(SEVERAL.en, code="several-invoices", words=SEVERAL.model_dump())
        target = done[0].target
        headers = {"Content-Disposition": f'attachment; filename="invoice.{target.extension}"'}
        return Response(done[0].data, media_type=target.media_type, headers=headers)

    return router


def _convert(
    data: bytes, to: str, sender: Sender | None, options: Options
) -> tuple[tuple[Conversion, ...], list[Report]]:
    done = convert.convert(data, to, sender=sender, options=options)
    return done, [report(each) for each in done]


def _shown(done: Conversion, said: Report) -> Converted:
    return Converted(
        media_type=done.target.media_type,
        extension=done.target.extension,
        data=b64encode(done.data).decode("ascii"),
        report=said,
    )


async def _document(request: Request) -> bytes:
    """The one document of a request: its body, or the file of its form. Raises ``BadInput``, ``TooLarge``."""
    found = await forms.files(request, most=MOST_BYTES, max_files=2)
    if len(found) != 1 or not found[0].data:
        raise BadInput(NO_DOCUMENT.en, code="no-invoice", words=NO_DOCUMENT.model_dump())
    return found[0].data
