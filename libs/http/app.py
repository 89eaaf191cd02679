"""The app every service serves: its routes, health, metrics, ``/docs``, and errors as problems.

::

    edge (span, metric, log line, headers, last answer) ▸ body limit ▸ short way ▸ problems ▸ routes

Plain Starlette routes (``router.add_route``) stand beside FastAPI's and get all of this too. What OpenAPI
shall say about them comes in ``openapi_extra_paths``; those named there are reached by the short way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from libs.http import health, openapi, problems, reference
from libs.http.edge import Edge
from libs.http.health import Check, Readiness
from libs.http.limits import BodyLimit
from libs.http.principal import Authenticator
from libs.http.shortcut import Shortcut, plain

__all__ = ["MAX_BODY", "Check", "Readiness", "create_app"]

MAX_BODY = 30_000_000
"""Bytes of a request body unless a setting says otherwise; routes that take less say so themselves."""


def create_app(
    routers: Sequence[APIRouter],
    *,
    title: str,
    identity: Authenticator,
    readiness: Readiness | None = None,
    max_body: int = MAX_BODY,
    larger_bodies: Mapping[str, int] | None = None,
    openapi_extra_paths: Mapping[str, Any] | None = None,
) -> FastAPI:
    """One app of these routers. ``max_body`` in bytes: more is 413; ``larger_bodies``: of paths that take more. Routes
    find ``identity`` as ``request.app.state.identity``. What must be started and stopped is the runtime's business, not
    the app's: there is no lifespan."""
    app = FastAPI(
        title=title,
        version="1",
        docs_url=None,  # a page of our own, below
        redoc_url=None,
        # Else each request would get a second span, a second metric, and pay for them.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.identity = identity
    problems.install(app)
    health.install(app, readiness or Readiness())
    for router in routers:
        app.include_router(router)
    known: dict[Any, str] = {}

    def templates() -> Mapping[Any, str]:
        # Once, at the first request: by then all routes are there.
        if not known:
            known.update(openapi.templates(app))
        return known

    app.add_middleware(Shortcut, plain=plain(routers, openapi_extra_paths or ()))
    app.add_middleware(BodyLimit, most=max_body, larger=larger_bodies or {})
    app.add_middleware(Edge, templates=templates)
    cached: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not cached:
            cached.update(openapi.document(app, openapi_extra_paths))
        return cached

    app.openapi = document  # type: ignore[method-assign]
    rendered: list[tuple[str, dict[str, str]]] = []

    async def docs(request: Request) -> Response:  # noqa: ARG001
        if not rendered:
            rendered.append(reference.page(document()))
        html, headers = rendered[0]
        return HTMLResponse(html, headers=headers)

    app.add_route("/docs", docs, methods=["GET"], include_in_schema=False)
    return app
