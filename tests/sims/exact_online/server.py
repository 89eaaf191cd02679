"""The service over HTTP: as an ASGI app, and on a port, in a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import httpx
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.sims.exact_online.api import Api, Outcome
from tests.sims.exact_online.exact import Exact
from tests.sims.exact_online.webhooks import Post
from tests.sims.exact_online.wire import Call

MAX_BODY = 50_000_000
_Found = TypeVar("_Found")


def application(api: Api, post: Post | None = None, changed: Callable[[], None] | None = None) -> ASGIApp:
    """``post``: sends a notice of a webhook; without it notices stay in ``exact.webhooks.waiting``. ``changed``: called
    after each request that may have changed something, before it is answered."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body, left = await _body(receive)
        if left:
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        outcome = api.outcome(Call(scope["method"], scope["path"], query, headers, body))
        if changed is not None and scope["method"] != "GET":
            changed()
        if outcome.delay:
            await asyncio.sleep(outcome.delay)
        if outcome.cut:
            await _cut(outcome, receive, send)
        else:
            await _send(outcome, send)
        if post is not None and api.exact.webhooks.waiting:
            await api.exact.webhooks.send(post)

    return app


async def _body(receive: Receive) -> tuple[bytes, bool]:
    """And whether the client has left."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"", True
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts), False


async def _send(outcome: Outcome, send: Send) -> None:
    answer = outcome.answer
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.content_type is not None:
        headers.append((b"content-type", answer.content_type.encode()))
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    start: Message = {"type": "http.response.start", "status": answer.status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": answer.body})


async def _cut(outcome: Outcome, receive: Receive, send: Send) -> None:
    """Nothing is answered. In process there is no connection to cut: the client gets the error it would see."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise httpx.ReadTimeout("simulated") if outcome.cut == "timeout" else httpx.ReadError("simulated")
    if outcome.cut == "drop":
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


class ExactServer:
    """``with ExactServer(exact) as server: … server.base_url``

    On a loop of its own, so it answers while a test waits. The service is touched through ``do`` alone while it runs.
    ``hooks``: where an https address of a webhook really is, such as ``{"https://hub.example": "http://127.0.0.1:80"}``.
    ``changed``: as in ``application``.
    """

    def __init__(
        self,
        exact: Exact,
        *,
        port: int = 0,
        hooks: dict[str, str] | None = None,
        changed: Callable[[], None] | None = None,
    ) -> None:
        self.exact = exact
        self._changed = changed
        self._hooks = hooks or {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(128)
        self.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="exact-online", daemon=True)
        self._server: uvicorn.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(30) or self._server is None or not self._server.started:
            raise RuntimeError("Exact Online did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()

    def do(self, work: Callable[[Exact], _Found]) -> _Found:
        """Carried out between two requests: ``server.do(lambda exact: exact.clock.advance(600))``."""

        async def now() -> _Found:
            return work(self.exact)

        return asyncio.run_coroutine_threadsafe(now(), self._loop).result(30)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:

            async def post(url: str, body: bytes) -> None:
                there = next(
                    (url.replace(a, b, 1) for a, b in self._hooks.items() if url.startswith(a)), None
                )
                if there is not None:
                    with contextlib.suppress(httpx.HTTPError):
                        await client.post(there, content=body, headers={"Content-Type": "application/json"})

            self._server = uvicorn.Server(
                uvicorn.Config(
                    application(Api(self.exact, self.base_url), post, self._changed),
                    lifespan="off",
                    ws="none",
                    log_config=None,
                    access_log=False,
                    timeout_graceful_shutdown=2,
                )
            )
            serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
            while not self._server.started and not serving.done():  # uvicorn offers a flag and no event
                await asyncio.sleep(0.01)
            self._ready.set()
            await serving
