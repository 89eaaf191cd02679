"""The outermost layer of every app: one span, one metric, one log line, one set of headers per request, and
no error that leaves without an answer.

Written by hand because of its price: it adds some 65 µs of CPU to a plain route, metric and limits included.
FastAPI's own telemetry adds 110 µs, the published instrumentation 155 µs more, recorded or not. The POST of an
invoice has little else to do.

A request may bring ``traceparent`` (its trace id is kept) and ``X-Request-ID`` (it is logged and returned;
without one it is the trace id). The answer names the trace in ``traceresponse`` (W3C Trace Context level 2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs import clock
from libs.http import problems
from libs.telemetry import metrics, objectives, tracing

SLOW = 2.0
"""Seconds from which a request is recorded always."""

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)
"""Unless the answer has its own."""

_NO_PAGE = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_HTTPS = (b"strict-transport-security", b"max-age=31536000")
CLIENT_GONE = 499
"""What logs and metrics say when the caller hung up before there was an answer (as nginx does)."""

_QUIET = frozenset({"/livez", "/readyz", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_log = structlog.get_logger("postbode.http")


class Edge:
    """ASGI middleware; the first one in. ``templates``: the path template of every endpoint, such as
    ``/v1/invoices/{invoice_id}``; spans and metrics are named by it."""

    def __init__(self, app: ASGIApp, *, templates: Callable[[], Mapping[Any, str]]) -> None:
        self._app = app
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = clock.monotonic()
        given = dict(scope["headers"])
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        parent = given.get(b"traceparent")
        with tracing.head(method, SpanKind.SERVER, parent.decode("latin-1") if parent else None) as span:
            answer = _Answer(send, _own_headers(given.get(b"x-request-id"), scope["scheme"]))
            try:
                await self._app(scope, receive, answer)
            except ClientDisconnect:
                answer.status = CLIENT_GONE
            except Exception as error:
                if answer.started:
                    # Half an answer is out: breaking the connection is the only way to say so.
                    tracing.record_failure("request", error)
                    raise
                await problems.of(error)(scope, receive, answer)
            finally:
                route = self._templates().get(scope.get("endpoint"), "")
                _finish(scope, span, method, route, answer.status, clock.monotonic() - began)


class _Answer:
    """``send``, adding headers and remembering the status."""

    def __init__(self, send: Send, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._headers = headers
        self.started = False
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            headers = message.setdefault("headers", [])
            present = {name.lower(): value for name, value in headers}
            headers.extend(pair for pair in self._headers if pair[0] not in present)
            if not present.get(b"content-type", b"").startswith(b"text/html") and _NO_PAGE[0] not in present:
                headers.append(_NO_PAGE)
        await self._send(message)


def _own_headers(request_id: bytes | None, scheme: str) -> list[tuple[bytes, bytes]]:
    headers = list(SECURITY_HEADERS)
    if scheme == "https":
        headers.append(_HTTPS)
    traceparent = (tracing.current_traceparent() or "").encode()
    known = request_id if request_id and _REQUEST_ID.fullmatch(request_id) else traceparent[3:35]
    headers += [(b"x-request-id", known), (b"traceresponse", traceparent)]
    return headers


def _finish(scope: Scope, span: Span, method: str, route: str, status: int, seconds: float) -> None:
    if span.is_recording():
        span.update_name(f"{method} {route}" if route else method)
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "url.path": scope["path"],
                "http.response.status_code": status,
            }
        )
        if status >= 500 or status == 0:
            span.set_status(Status(StatusCode.ERROR))
    elif seconds >= SLOW and status < 500:
        tracing.record_slow(
            f"{method} {route}", seconds, kind=SpanKind.SERVER, attributes={"http.route": route}
        )
    metrics.http_server_duration.record(
        seconds,
        {"http.request.method": method, "http.route": route, "http.response.status_code": status},
    )
    objectives.answered(method, route, status)
    say = _log.debug if route in _QUIET and status < 400 else _log.info
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
    extra = {"request_id": given.decode()} if given and _REQUEST_ID.fullmatch(given) else {}
    # The path template, never the query: people put things there that do not belong into a log.
    say("request", method=method, route=route or "-", status=status, ms=round(seconds * 1000, 1), **extra)
