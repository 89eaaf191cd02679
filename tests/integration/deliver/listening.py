"""A receiver that takes what is pushed: a TLS server that keeps what it gets by webhook-id, and answers as told."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from libs.testing.certificates import pem
from services.deliver.receivers import push

Reply = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\nkept"


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Listening:
    """``replies``: what the next requests get, then ``OK``."""

    host: str
    port: int
    certificate: Path
    secrets: list[bytes] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)
    """How often each webhook-id was taken."""
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}/in"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
                }
                body = await reader.readexactly(int(headers["content-length"]))
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    await self._reply(headers, body, writer)
                finally:
                    self.at_once -= 1
        writer.close()

    async def _reply(self, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        assert self.signed(headers, body)
        reply = self.replies.pop(0) if self.replies else OK
        if callable(reply) or reply.split(b" ", 2)[1].startswith(b"2"):
            self.kept[headers["webhook-id"]] += 1
            self.bodies.append(body)
        if callable(reply):
            await reply(writer)
            raise ConnectionAbortedError
        writer.write(reply)
        await writer.drain()

    def signed(self, headers: dict[str, str], body: bytes) -> bool:
        """As a receiver checks it, with whichever secret it has."""
        name, at = headers["webhook-id"], headers["webhook-timestamp"]
        return any(
            hmac.compare_digest(made, push.signature(secret, name, at, body))
            for made in headers["webhook-signature"].split()
            for secret in self.secrets
        )

    def documents(self) -> list[list[bytes]]:
        return [
            [base64.b64decode(each["content"]) for each in orjson.loads(body)["data"]["documents"]]
            for body in self.bodies
        ]


@contextlib.asynccontextmanager
async def listening(
    folder: Path, host: str = "127.0.0.1", certificate: Path | None = None
) -> AsyncIterator[Listening]:
    """On this address, with a certificate that holds for 127.0.0.1 and 127.0.0.2."""
    path = certificate or pem(folder, "localhost", also=("127.0.0.1", "127.0.0.2"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    found = Listening(host, 0, path)
    tasks: set[asyncio.Task[None]] = set()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(found.take(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(take, host, 0, ssl=context)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
