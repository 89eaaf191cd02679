"""Errors as RFC 9457 problem details: one shape, stable codes, nothing of the inside.

::

    {"type": "/problems/too-large", "title": "Content Too Large", "status": 413, "code": "too-large",
     "detail": "a request may be at most 30000000 bytes", "trace_id": "4bf9…", …}

``code`` is what a program matches on; ``detail`` (English) and ``words`` (Dutch and English, where there are
any) are for people; ``trace_id`` finds the request in logs and traces. A refusal may add members, such as
``line`` and ``findings``. What is wrong on our side is in our logs, not in the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from libs.db.trouble import TRANSIENT
from libs.errors import BadInput, Forbidden, HubError, TooMany, Unauthenticated, Unavailable
from libs.http.responses import json_response
from libs.telemetry import tracing

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
"""What ``Retry-After`` says when nobody knows better."""

SOMETHING = "Something went wrong on our side; it has been recorded. Try again, or tell us the trace_id."

_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""Where Python's words differ from RFC 9110's, or between its versions."""

_OWN = frozenset({"type", "title", "status", "code", "detail", "trace_id"})
_log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """RFC 9457 problem details, as every error of every route has them."""

    type: str = Field(examples=["/problems/not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(description="stable; match on this", examples=["not-found"])
    detail: str = Field(description="what to do next")
    trace_id: str | None = Field(default=None, description="tell us this when you ask about it")


def problem(
    status: int,
    code: str,
    detail: str,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One problem document as a reply. ``extra`` cannot replace the members every problem has."""
    body: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    trace_id = tracing.current_trace_id()
    if trace_id is not None:
        body["trace_id"] = trace_id
    body.update((key, value) for key, value in (extra or {}).items() if key not in _OWN)
    return json_response(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def of(error: Exception) -> Response:
    """The answer to any error that left a route, logged and traced when it is ours."""
    if isinstance(error, HubError):
        return _of_hub(error)
    if isinstance(error, TRANSIENT):
        # The message names hosts and ports: it is for the log.
        _log.warning("request failed: something is away", error=type(error).__name__, detail=str(error))
        tracing.record_failure("request", error)
        return _unavailable(Unavailable())
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
    elif isinstance(error, TooMany):
        headers["Retry-After"] = _seconds(error)
    return problem(error.status, error.code, error.message, error.extra, headers)


def _unavailable(error: Unavailable) -> Response:
    headers = {"Retry-After": _seconds(error)}
    return problem(error.status, error.code, error.message, error.extra, headers)


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
            return of(BadInput("The body is not JSON.", code="not-json"))
        # What was sent is not sent back: it may be a secret, and it may be long.
        fields = [
            {"field": ".".join(map(str, each["loc"][1:])), "in": str(each["loc"][0]), "problem": each["msg"]}
            for each in error.errors()[:100]
        ]
        return problem(422, "invalid-request", "A field is missing or not in its form.", {"fields": fields})

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        code = status.phrase.lower().replace(" ", "-").replace("'", "")
        detail = str(error.detail)
        if detail == status.phrase:
            detail = _HINTS.get(status, "{status} {method} {path}").format(
                status=status.phrase, method=request.method, path=request.url.path[:200]
            )
        return problem(status, code, detail, headers=error.headers)

    app.add_exception_handler(HubError, hub_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


_HINTS: Mapping[int, str] = {
    404: "There is nothing at {path}: the paths are listed in /openapi.json.",
    405: "{path} does not take {method}: see the Allow header and /openapi.json.",
}
