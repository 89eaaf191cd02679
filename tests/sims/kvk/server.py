"""The simulator itself: a real HTTP server in a thread, so that time-outs and cut connections are real.

``with KvkServer() as register: … register.base_url``
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.sims.kvk.companies import ERROR_NUMBERS, TEST_KEY, companies

Fault = Literal["busy", "later", "broken", "garbage", "other", "slow", "moved"]
_PATH = re.compile(r"^/api/v1/basisprofielen/([^/]*)$")
_NUMBER = re.compile(r"^[0-9]{8}$")


@dataclass
class KvkServer:
    """``faults``: what the next requests meet, one each. ``asked``: the numbers it was asked about, with a valid key."""

    key: str = TEST_KEY
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    slow_s: float = 30.0
    companies: dict[str, dict[str, Any]] = field(default_factory=companies)

    def __post_init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(16)
        self.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/api"
        config = uvicorn.Config(
            self._app, interface="asgi3", log_level="error", lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve([self._socket])), name="kvk", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        until = time.monotonic() + 30
        while not self._server.started:
            if time.monotonic() > until:
                raise RuntimeError("the register did not start")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(30)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.headers.get("apikey") != self.key:
            return Response(status_code=401)
        path = _PATH.match(request.url.path)
        if request.method != "GET" or path is None:
            return Response(status_code=404)
        if set(request.query_params) - {"geoData"}:
            # Release notes of 1.1.1: unknown parameters are refused.
            return _error(400, "IPD0003", "Onbekende queryparameter")
        number = path[1]
        if not _NUMBER.match(number):
            return _error(400, "IPD0004", "Het KVK-nummer is niet valide")
        self.asked.append(number)
        if self.faults:
            return await self._fault(self.faults.pop(0), number)
        found = self.companies.get(number)
        if found is None or number in ERROR_NUMBERS:
            return _error(404, "IPD0005", "Het product kan niet worden geleverd")
        return JSONResponse(found, media_type="application/hal+json")

    async def _fault(self, fault: Fault, number: str) -> Response:
        match fault:
            case "busy":
                return Response(status_code=429)
            case "later":
                return _error(503, "IPD1002", "Probeer het later opnieuw")
            case "broken":
                return Response(status_code=500)
            case "garbage":
                return Response(b"<html>", media_type="application/json")
            case "other":
                return JSONResponse(self.companies[next(each for each in self.companies if each != number)])
            case "moved":
                return Response(status_code=302, headers={"location": "http://127.0.0.1:1/"})
            case "slow":
                await asyncio.sleep(self.slow_s)
                return Response(status_code=500)


def _error(status: int, code: str, words: str) -> Response:
    return JSONResponse({"fout": [{"code": code, "omschrijving": words}]}, status_code=status)
