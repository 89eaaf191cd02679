"""The server itself: on uvicorn, in a thread of this process or as the whole of one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.requests import Request
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.sims.p2p.admin import PREFIX, Admin
from tests.sims.p2p.api import Api
from tests.sims.p2p.environment import Environment
from tests.sims.p2p.settings import Settings
from tests.sims.p2p.storage import Storage


def application(environment: Environment, base_path: str = "") -> ASGIApp:
    """The API below ``base_path``, the switches below ``/_sim``."""
    api = Api(environment)
    admin = Router(Admin(environment).routes())

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(f"{PREFIX}/"):
            await admin(scope, receive, send)
            return
        # The connection, for faults that cut it: uvicorn's own object, reached by the method it gave us.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        request = Request({**scope, "sim.transport": transport}, receive, send)
        below = scope["path"].removeprefix(base_path) if scope["path"].startswith(f"{base_path}/") else "/"
        response = await api.answer(request, below)
        await response(scope, receive, send)

    return app


class P2PServer:
    """In a thread with a loop of its own, so it answers while a test waits. ``path``: an SQLite file.

    ``with P2PServer(path) as server: … server.base_url``
    """

    def __init__(
        self,
        path: Path | str = ":memory:",
        settings: Settings | None = None,
        *,
        port: int = 0,
        base_path: str = "",
    ) -> None:
        self._path = path
        self._settings = settings or Settings()
        self._base_path = base_path
        # Of protocol TCP by name: only then does asyncio switch off the waiting for full packets (40 ms an answer).
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(128)
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.base_url = f"{self.address}{base_path}"
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._stop: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="purchase-to-pay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(30) or self._failed is not None:
            raise RuntimeError("Purchase to Pay did not start") from self._failed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._thread.join(30)
        self._socket.close()

    def _run(self) -> None:
        try:
            asyncio.run(self.serve())
        except BaseException as error:
            self._failed = error
            raise
        finally:
            self._ready.set()

    async def serve(self) -> None:
        """Until it is told to stop."""
        storage = Storage(self._path)
        environment = Environment(storage, self._settings)
        server = uvicorn.Server(
            uvicorn.Config(
                application(environment, self._base_path),
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                date_header=False,  # the API's own, which may be wrong
                timeout_graceful_shutdown=5,
            )
        )
        loop = asyncio.get_running_loop()

        def stop() -> None:
            server.should_exit = True
            loop.call_soon_threadsafe(environment.closing.set)

        self._stop = stop
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        while not server.started and not serving.done():  # uvicorn offers a flag and no event
            await asyncio.sleep(0.01)
        self._ready.set()
        try:
            await serving
        finally:
            storage.close()
