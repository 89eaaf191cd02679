"""A receiver that has its invoices pushed, and the fault points around each push.

It keeps webhook-ids, as Standard Webhooks tells it to: under one id it has an invoice once, however often that comes. What
counts as a double is another id for the same invoice. That it came again must stand in the timeline.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from libs.testing.certificates import pem
from tests.crash.wrapping import wrap

Came = Callable[[str, bytes, bytes | None], None]
"""Told of each new invoice: its key, the XML, the PDF."""
SETTLE_SECONDS = 0.003
"""So long after its headers all of a request is out, and perhaps not answered yet."""


class Pushed:
    """On 127.0.0.1. ``times``: how often each webhook-id came."""

    def __init__(self, folder: Path, port: int, came: Came) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = pem(folder, "localhost", also=("127.0.0.1",))
        self.url = f"https://127.0.0.1:{port}/in"
        self.times: Counter[str] = Counter()
        self._port = port
        self._came = came
        self._server: asyncio.Server | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What the hub must be told to reach it."""
        return {
            "POSTBODE_DELIVER_HTTPS_CERTIFICATES": str(self.certificate),
            "POSTBODE_DELIVER_REACHABLE_NETWORKS": "127.0.0.0/8",
            "POSTBODE_DELIVER_HTTPS_SECONDS": "5",
        }

    async def open(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self._port, ssl=context)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:]
                said = {
                    name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)
                }
                body = await reader.readexactly(int(said["content-length"]))
                # Taken when all of it is there: whatever becomes of the answer, the receiver has it.
                self._keep(said["webhook-id"], body)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        writer.close()

    def _keep(self, key: str, body: bytes) -> None:
        self.times[key] += 1
        if self.times[key] == 1:
            parts = orjson.loads(body)["data"]["documents"]
            found = {each["media_type"]: base64.b64decode(each["content"]) for each in parts}
            self._came(key, found["application/xml"], found.get("application/pdf"))


def arm(hit: Callable[..., None]) -> None:
    """A window before each push, one while its receiver has it and may not have answered, one after."""

    def send(original: Any) -> Any:
        async def wrapped(self: Any, *args: Any) -> Any:
            hit("dispatch.act.before", "https")
            outcome = await original(self, *args)
            hit("dispatch.act.after", "https")
            return outcome

        return wrapped

    wrap("services.deliver.channels.https:HttpsChannel._send", send)

    def begun(original: Any) -> Any:
        async def wrapped(*args: Any) -> None:
            await original(*args)
            # The headers are out. A moment later the kernel has the body: a kill takes nothing of it back.
            asyncio.get_running_loop().call_later(SETTLE_SECONDS, hit, "push.sent.after", "https")

        return wrapped

    wrap("libs.http.outside:_begun", begun)
