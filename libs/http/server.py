"""uvicorn, as the runtime wants it: no signal handling of its own, on a socket that is bound beforehand."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.errors import Unavailable
from libs.http import problems
from libs.http.protocol import BoundedProtocol

KEEP_ALIVE_SECONDS = 30
"""How long an idle connection is kept; longer than a load balancer's, or it finds closed ones."""

_BACKLOG = 2048
_STOPPING = Unavailable(
    "this process stops and cannot finish your request: send it again; the same invoice twice is one invoice",
    nl="dit proces stopt en kan uw verzoek niet afmaken: stuur het opnieuw; dezelfde factuur twee keer is één factuur",
    code="stopping",
)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 picks a free one. Raises ``OSError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


class _Patient:
    """ASGI: what a server that leaves can wait for no longer is told to come back. uvicorn cancels it, and
    would answer a bare 500."""

    def __init__(self, app: ASGIApp, *, leaving: Callable[[], bool]) -> None:
        self._app = app
        self._leaving = leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:
            if not self._leaving():
                raise
            # Half an answer is cut off: uvicorn closes the connection under it.
            if not started:
                response = problems.of(_STOPPING)
                response.headers["Connection"] = "close"
                await response(scope, receive, send)


class Server(uvicorn.Server):
    """``serve(sockets=[…])`` until ``leave()``; then at most ``finish_seconds`` for what is being answered."""

    def __init__(self, app: ASGIApp, *, finish_seconds: float) -> None:
        super().__init__(
            uvicorn.Config(
                _Patient(app, leaving=lambda: self.should_exit),
                http=BoundedProtocol,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=max(1, int(finish_seconds)),
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def leave(self) -> None:
        """Take nothing new."""
        self.should_exit = True

    async def until_started(self, serving: asyncio.Task[None]) -> None:
        """Wait until connections are taken, or ``serving`` has ended."""
        # uvicorn offers a flag and no event.
        while not self.started and not serving.done():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
