"""route over HTTP: loading many parties at once."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from libs.contracts.parts import Words
from libs.db.types import Pool
from libs.errors import BadInput
from libs.http.principal import Principal, requires
from libs.service import Wake
from services.route.companies.parties import Editor
from services.route.loads.loading import load
from services.route.loads.tables import Format
from services.route.settings import RouteSettings

_FORMS: dict[str, Format] = {
    "text/csv": "csv",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
}
_MEDIA_TYPE = Words(
    nl="Zeg met Content-Type wat u stuurt: text/csv, of application/x-ndjson (een partij per regel).",
    en="Say with Content-Type what you send: text/csv, or application/x-ndjson (one party a line).",
)
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {
                    "type": "string",
                    "description": "columns: name, kvk, vat, email, … (docs/parties.md)",
                }
            },
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "a line is a party as POST /v1/parties takes it"}
            },
        },
    }
}

Loader = Annotated[Principal, Depends(requires("operator"))]


def routes(settings: RouteSettings, worker: Pool, wake: Wake) -> APIRouter:
    """``worker``: what a loaded party lets go on belongs to every account."""
    router = APIRouter(tags=["parties"])

    @router.post("/v1/parties/bulk", openapi_extra=_BODY)
    async def post_bulk(
        request: Request,
        principal: Loader,
        dry_run: Annotated[bool, Query(description="only tell what would be done")] = False,
    ) -> Response:
        """Operators: add and change many parties. Says of every row what became of it; a refused row changes nothing, the
        others are in. What is loaded again is left alone."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        form = _FORMS.get(kind)
        if form is None:
            raise BadInput(_MEDIA_TYPE.en, nl=_MEDIA_TYPE.nl, code="unsupported-media-type")
        report = await load(
            worker,
            await request.body(),
            form,
            Editor(principal.account_id, principal.user_id, operator=True),
            principal.account_id,
            dry_run=dry_run,
            release_most=settings.release_most,
        )
        if not dry_run:
            wake()
        told = report.summary() | {"lines": [line.as_json() for line in report.lines]}
        return Response(orjson.dumps(told), media_type="application/json")

    return router
