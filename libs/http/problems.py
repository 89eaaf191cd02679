"""Errors as RFC 9457 problem details: one shape, stable codes, nothing of the inside.

::

    {"type": "/problems/too-large", "title": "Content Too Large", "status": 413, "code": "too-large",
     "detail": "a request may be at most 30000000 bytes", "words": {"nl": "…", "en": "…"},
     "trace_id": "4bf9…", …}

``code`` is what a program matches on; ``words`` (Dutch and English) and ``detail`` (English) are for people;
``trace_id`` finds the request in logs and traces. A refusal may add members, such as ``line`` and ``findings``.
What is wrong on our side is in our logs, not in the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

import asyncpg
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from libs.db.trouble import TRANSIENT
from libs.errors import BadInput, Forbidden, HubError, TooMany, Unauthenticated, Unavailable
from libs.http import fields as fields_of
from libs.http.responses import json_response
from libs.telemetry import tracing

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
"""What ``Retry-After`` says when nobody knows better."""

SOMETHING = {
    "nl": "Er ging iets mis bij ons; het is vastgelegd. Probeer het opnieuw, of noem ons het trace_id.",
    "en": "Something went wrong on our side; it has been recorded. Try again, or tell us the trace_id.",
}

INVALID = {
    "nl": "Een waarde in dit verzoek kan niet worden bewaard: haal stuurtekens weg, controleer getallen en data.",
    "en": "A value in this request cannot be stored: take out control characters, check numbers and dates.",
}
"""Postgres, class 22 (data exception)."""

_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""Where Python's words differ from RFC 9110's, or between its versions."""

_OWN = frozenset({"type", "title", "status", "code", "detail", "trace_id"})
"""Members no error replaces; ``words`` it may: those of a refusal are worth more than those of its class."""

_log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """RFC 9457 problem details, as every error of every route has them."""

    type: str = Field(examples=["/problems/not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(description="stable; match on this", examples=["not-found"])
    detail: str = Field(description="what to do next, in English")
    words: dict[Literal["nl", "en"], str] = Field(description="what to do next, in Dutch and English")
    trace_id: str | None = Field(default=None, description="tell us this when you ask about it")


def problem(
    status: int,
    code: str,
    words: Mapping[str, str],
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    detail: str | None = None,
) -> Response:
    """One problem document as a reply; ``detail`` is the English of ``words`` unless it says more."""
    body = _members(status, code, words, detail)
    trace_id = tracing.current_trace_id()
    if trace_id is not None:
        body["trace_id"] = trace_id
    body.update((key, value) for key, value in (extra or {}).items() if key not in _OWN)
    return json_response(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def _members(status: int, code: str, words: Mapping[str, str], detail: str | None) -> dict[str, Any]:
    return {
        "type": f"/problems/{code}",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail or words["en"],
        "words": words,
    }


def members(error: HubError) -> dict[str, Any]:
    """A problem document as it stands in a line of many, or in a description: without a trace."""
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Unavailable):
        return _members(error.status, error.code, SOMETHING, None)
    made = _members(error.status, error.code, error.words, error.message)
    return made | {key: value for key, value in error.extra.items() if key not in _OWN}


def described(description: str, *errors: HubError) -> dict[str, Any]:
    """What OpenAPI says of a response that is one of these: an example of each, by its code."""
    examples = {error.code: {"value": members(error)} for error in errors}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}}}


def of(error: Exception) -> Response:
    """The answer to any error that left a route, logged and traced when it is ours."""
    if isinstance(error, HubError):
        return _of_hub(error)
    if isinstance(error, TRANSIENT):
        # The message names hosts and ports: it is for the log.
        _log.warning("request failed: something is away", error=type(error).__name__, detail=str(error))
        tracing.record_failure("request", error)
        return _unavailable(Unavailable())
    if isinstance(error, asyncpg.DataError):
        # A net: fields refuse such values by their type, and one that let it through is to be mended.
        _log.error("a value reached the database that it cannot hold", exc_info=error)
        tracing.record_failure("request", error)
        return problem(422, "invalid-value", INVALID)
    _log.error("unexpected error", exc_info=error)
    tracing.record_failure("request", error)
    return problem(500, "internal", SOMETHING)


def _of_hub(error: HubError) -> Response:
    if isinstance(error, Unavailable):
        _log.warning("request failed", code=error.code, detail=error.message)
        tracing.record_failure("request", error.code)
        return _unavailable(error)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", code=error.code, detail=error.message, exc_info=error)
        tracing.record_failure("request", error.code)
        return problem(error.status, error.code, SOMETHING)
    headers: dict[str, str] = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="postbode"'
    elif isinstance(error, Forbidden):
        scope = error.extra.get("scope")
        lacking = f', scope="{scope}"' if scope else ""
        headers["WWW-Authenticate"] = f'Bearer realm="postbode", error="insufficient_scope"{lacking}'
    elif isinstance(error, TooMany) or "retry_after" in error.extra:
        headers["Retry-After"] = _seconds(error)
        headers |= getattr(error, "headers", {})
    return _told(error, headers)


def _told(error: HubError, headers: Mapping[str, str]) -> Response:
    return problem(error.status, error.code, error.words, error.extra, headers, detail=error.message)


def _unavailable(error: Unavailable) -> Response:
    return _told(error, {"Retry-After": _seconds(error)})


def _seconds(error: HubError) -> str:
    wanted = error.extra.get("retry_after", RETRY_SECONDS)
    return str(max(1, round(wanted)) if isinstance(wanted, int | float) else RETRY_SECONDS)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem. (What nobody expected is caught by ``edge``.)"""

    async def hub_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return of(error)

    async def invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001
        assert isinstance(error, RequestValidationError)
        if any(each["type"] == "json_invalid" for each in error.errors()):
            return of(
                BadInput(
                    "The body is not JSON: check its quotes and commas.",
                    nl="De inhoud is geen JSON: controleer de aanhalingstekens en komma's.",
                    code="not-json",
                )
            )
        # What was sent is not sent back: it may be a secret, and it may be long.
        fields = [
            {
                "field": ".".join(map(str, each["loc"][1:])),
                "in": str(each["loc"][0]),
                "problem": each["msg"],
                "words": fields_of.words(each),
            }
            for each in error.errors()[:100]
        ]
        return problem(422, "invalid-request", _FIELDS, {"fields": fields})

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        if status == HTTPStatus.NOT_FOUND and _of_a_person(request):
            return HTMLResponse(_LOST, status, headers=_LOST_HEADERS)
        code = status.phrase.lower().replace(" ", "-").replace("'", "")
        named = {"status": status.phrase, "method": request.method, "path": request.url.path[:200]}
        hints = _HINTS.get(status, _OTHER)
        words = {language: hint.format(**named) for language, hint in hints.items()}
        said = str(error.detail)
        return problem(
            status, code, words, headers=error.headers, detail=None if said == status.phrase else said
        )

    app.add_exception_handler(HubError, hub_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _of_a_person(request: Request) -> bool:
    """Whether a browser asks for a page, and not for something of the API."""
    asked = request.headers.get("accept", "")
    return request.method == "GET" and "text/html" in asked and not request.url.path.startswith("/v1/")


_LOST = """<!doctype html>
<html lang="nl">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Deze pagina is er niet · Postbode</title></head>
<body>
<h1>Deze pagina is er niet</h1>
<p>Kijk het adres na, of ga <a href="/">terug naar Postbode</a>.</p>
<p lang="en">This page is not here. Check the address, or go <a href="/">back to Postbode</a>.</p>
</body>
</html>
"""
_LOST_HEADERS = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Vary": "Accept"}
_FIELDS = {
    "nl": "Een veld ontbreekt of heeft niet de goede vorm: `fields` noemt elk veld en wat eraan schort.",
    "en": "A field is missing or not in its form: `fields` names each and what is wrong with it.",
}
_HINTS: Mapping[int, Mapping[str, str]] = {
    400: {
        "nl": "Het verzoek is niet te lezen: stuur het heel, in de vorm die zijn Content-Type noemt.",
        "en": "The request cannot be read: send it whole, in the form its Content-Type names.",
    },
    404: {
        "nl": "Er is niets op {path}: de paden staan in /openapi.json.",
        "en": "There is nothing at {path}: the paths are listed in /openapi.json.",
    },
    405: {
        "nl": "{path} neemt geen {method} aan: zie de kop Allow en /openapi.json.",
        "en": "{path} does not take {method}: see the Allow header and /openapi.json.",
    },
}
_OTHER = {
    "nl": "Dit verzoek kan niet ({status}): zie /openapi.json.",
    "en": "This request cannot be done ({status}): see /openapi.json.",
}
