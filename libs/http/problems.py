"""Errors as RFC 9457 problem details: one shape, stable codes, nothing of the inside.

``code`` is what a program matches on; ``detail`` (English) and ``words`` (Dutch and English, where there
are any) are for people; ``trace_id`` finds the request in the traces.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from opentelemetry import trace
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from libs.errors import HubError, TooMany, Unauthenticated, Unavailable
from libs.http.responses import json_response

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger(__name__)


def problem(
    status: int, code: str, detail: str, extra: Mapping[str, Any] | None = None, headers: Any = None
) -> Response:
    """One problem document as a reply."""
    body: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **(extra or {}),
    }
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        body["trace_id"] = f"{context.trace_id:032x}"
    return json_response(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem."""

    @app.exception_handler(HubError)
    async def hub_error(request: Request, error: HubError) -> Response:  # noqa: ARG001
        headers: dict[str, str] = {}
        if isinstance(error, Unauthenticated):
            headers["WWW-Authenticate"] = 'Bearer realm="postbode"'
        if isinstance(error, Unavailable | TooMany):
            headers["Retry-After"] = str(error.extra.get("retry_after", 5))
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.warning("request failed", code=error.code, detail=error.message)
        return problem(error.status, error.code, error.message, error.extra, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:  # noqa: ARG001
        fields = [{"field": ".".join(map(str, e["loc"][1:])), "problem": e["msg"]} for e in error.errors()]
        return problem(422, "invalid-request", "A field is missing or not in its form.", {"fields": fields})

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:  # noqa: ARG001
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return problem(error.status_code, code, str(error.detail), headers=error.headers)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        _log.error("unexpected error", path=request.url.path, exc_info=error)
        return problem(500, "internal", "Something went wrong on our side; it has been recorded.")
