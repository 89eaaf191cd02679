"""A hub with one slow request and nothing else, as a process: for signals. Prints what it does."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any, cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from libs.runtime import run
from libs.service import Resources, Service
from libs.telemetry import logs


def say(what: str) -> None:
    print(what, flush=True)


@contextlib.asynccontextmanager
async def listener() -> AsyncIterator[None]:
    yield
    say("listener left")


async def slow(request: Request) -> Response:
    say("request")
    await asyncio.sleep(float(request.query_params["seconds"]))
    say("answered")
    return Response("done")


async def main() -> int:
    logs.configure("INFO", "json", "slow")
    router = APIRouter()
    router.add_route("/v1/slow", slow, methods=["GET"])
    nothing = cast("Any", None)
    return await run(
        [Service(name="slow", migrations=None, api=router, listeners=(listener(),))],
        Resources(transport=nothing, pools=nothing, documents=nothing, identity=nothing, base_url=""),
        port=0,
        drain_seconds=float(sys.argv[1]),
        started=lambda running: say(f"port {running.port}"),
    )


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
