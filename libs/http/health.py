"""Whether a process lives (``/livez``), can do its work (``/readyz``), and how it fares (``/metrics``)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from libs.http.responses import json_response
from libs.telemetry import exposition

Check = Callable[[], Awaitable[None]]
"""A readiness check: returns, or raises what is wrong."""

CHECK_SECONDS = 2.0


@dataclass
class Readiness:
    """Whether this process should get traffic. Draining says no at once, without asking anybody."""

    checks: Mapping[str, Check] = field(default_factory=dict)
    draining: bool = False
    seconds: float = CHECK_SECONDS

    async def report(self) -> dict[str, str]:
        """What is wrong, by name; empty when all is well. Names the kind of error, never its text: anybody
        may ask."""
        if self.draining:
            return {"process": "draining"}
        names = list(self.checks)
        done = await asyncio.gather(
            *(self._within(self.checks[name]) for name in names), return_exceptions=True
        )
        return {
            name: type(result).__name__
            for name, result in zip(names, done, strict=True)
            if isinstance(result, BaseException)
        }

    async def _within(self, check: Check) -> None:
        async with asyncio.timeout(self.seconds):
            await check()


def install(app: FastAPI, readiness: Readiness) -> None:
    """Plain routes: they are for machines and stand in no OpenAPI."""

    async def livez(request: Request) -> Response:  # noqa: ARG001
        return json_response({"status": "ok"})

    async def readyz(request: Request) -> Response:  # noqa: ARG001
        wrong = await readiness.report()
        body = {"status": "unavailable" if wrong else "ok", "failing": wrong}
        return json_response(body, status_code=503 if wrong else 200)

    async def metrics(request: Request) -> Response:
        text, kind = await asyncio.to_thread(exposition.page, request.headers.get("accept", ""))
        return Response(text, headers={"Content-Type": kind})

    for path, endpoint in (("/livez", livez), ("/readyz", readyz), ("/metrics", metrics)):
        app.add_route(path, endpoint, methods=["GET"], include_in_schema=False)
