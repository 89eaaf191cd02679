"""The app every service serves: its routes, health, metrics, problems, one span per request.

A thin ASGI layer makes the span, caps the body and sets the headers: the published instrumentation costs
more than the hot route itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.errors import TooLarge
from libs.http import problems
from libs.http.principal import Authenticator
from libs.http.responses import json_response

Check = Callable[[], Awaitable[None]]
"""A readiness check: returns, or raises what is wrong."""

_CHECK_SECONDS = 2.0
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_tracer = trace.get_tracer("postbode.http")


@dataclass
class Readiness:
    """Whether this process should get traffic. Draining says no at once."""

    checks: Mapping[str, Check] = field(default_factory=dict)
    draining: bool = False

    async def report(self) -> dict[str, str]:
        """What is wrong, by name; empty when all is well."""
        if self.draining:
            return {"process": "draining"}
        names = list(self.checks)
        done = await asyncio.gather(
            *(asyncio.wait_for(self.checks[name](), _CHECK_SECONDS) for name in names), return_exceptions=True
        )
        return {
            name: type(result).__name__
            for name, result in zip(names, done, strict=True)
            if isinstance(result, BaseException)
        }


def create_app(
    routers: Iterable[APIRouter],
    *,
    title: str,
    identity: Authenticator,
    readiness: Readiness | None = None,
    max_body: int = 30_000_000,
) -> FastAPI:
    """One app of these routers. ``max_body`` in bytes: more is 413 before it is read."""
    app = FastAPI(title=title, version="1", docs_url="/docs", redoc_url=None)
    app.state.identity = identity
    state = readiness or Readiness()
    problems.install(app)
    for router in routers:
        app.include_router(router)
    _health(app, state)
    app.add_middleware(_Edge, max_body=max_body)
    return app


def _health(app: FastAPI, readiness: Readiness) -> None:
    @app.get("/livez", include_in_schema=False)
    async def livez() -> Response:
        """The process runs its event loop."""
        return json_response({"status": "ok"})

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        """The process can do its work."""
        wrong = await readiness.report()
        return json_response(
            {"status": "unavailable" if wrong else "ok", "failing": wrong}, status_code=503 if wrong else 200
        )

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        """Prometheus text."""
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def openapi(app: FastAPI) -> dict[str, Any]:
    """The app's OpenAPI document."""
    return get_openapi(title=app.title, version=app.version, routes=app.routes)


class _Edge:
    """One span, one body cap, one set of headers per request."""

    def __init__(self, app: ASGIApp, *, max_body: int) -> None:
        self._app = app
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0

        async def capped() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_body:
                raise TooLarge(f"a request may be at most {self._max_body} bytes")
            return message

        request = Request(scope)
        with _tracer.start_as_current_span(
            scope["method"], context=extract(request.headers), kind=SpanKind.SERVER
        ) as span:
            if span.is_recording():
                span.set_attribute("http.request.method", scope["method"])
                span.set_attribute("url.path", scope["path"])
            context = span.get_span_context()
            trace_id = f"{context.trace_id:032x}".encode() if context.is_valid else b""

            async def marked(message: Message) -> None:
                if message["type"] == "http.response.start":
                    headers = message.setdefault("headers", [])
                    present = {name for name, _ in headers}
                    headers.extend(pair for pair in _HEADERS if pair[0] not in present)
                    if trace_id:
                        headers.append((b"postbode-trace-id", trace_id))
                    if span.is_recording():
                        span.set_attribute("http.response.status_code", message["status"])
                        route = scope.get("route")
                        if route is not None:
                            span.update_name(f"{scope['method']} {route.path}")
                await send(message)

            await self._app(scope, capped, marked)
