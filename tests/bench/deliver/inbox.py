"""Receivers with software of their own: one takes what is pushed, counted by webhook-id; one fetches and acknowledges."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections import Counter
from pathlib import Path
from uuid import UUID

import httpx

from libs.db.types import Pool
from libs.documents.postgres import PostgresDocuments
from libs.http.app import create_app
from libs.http.principal import Principal
from libs.service import Wake
from libs.testing.certificates import pem
from services.deliver.receivers import waiting_api

HOSTS = tuple(f"127.0.0.{n}" for n in range(1, 11))
"""Receivers' hosts: each has connections of its own."""
_FETCHING = 8
"""Invoices that the one that fetches reads side by side."""
_HEADER = re.compile(rb"\r\n(webhook-id|content-length): *([^\r]+)", re.IGNORECASE)


class Inbox:
    """A TLS server on each of ``HOSTS`` that says yes to all it gets."""

    def __init__(self, folder: Path) -> None:
        self.ids: Counter[bytes] = Counter()
        self.certificate = pem(folder, "localhost", also=HOSTS)
        self.port = 0
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        for host in HOSTS:
            server = await asyncio.start_server(self._take, host, self.port, ssl=context, limit=1 << 20)
            self.port = server.sockets[0].getsockname()[1]
            self._servers.append(server)

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                said = {
                    name.lower(): value
                    for name, value in _HEADER.findall(await reader.readuntil(b"\r\n\r\n"))
                }
                await reader.readexactly(int(said[b"content-length"]))
                self.ids[said[b"webhook-id"]] += 1
                writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        self._open.discard(task)
        writer.close()


class _Anybody:
    """Whoever asks is the account that has the connections."""

    def __init__(self, account: UUID) -> None:
        self._principal = Principal(account, None, frozenset({"invoice:read", "invoice:write"}), frozenset())

    async def authenticate(self, authorization: str | None) -> Principal:
        return self._principal


async def fetch_all(pool: Pool, account: UUID) -> int:
    """List, read and acknowledge until nothing waits, through the API in this process, without a socket. How many."""
    app = create_app(
        [waiting_api.routes(pool, PostgresDocuments(pool), Wake())],
        title="deliver",
        identity=_Anybody(account),
    )
    places = asyncio.Semaphore(_FETCHING)
    url, done = "/v1/deliveries/waiting", 0
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://hub.example",
        headers={"Authorization": "Bearer me"},
    ) as http:

        async def read(delivery_id: str) -> None:
            async with places:
                (await http.get(f"{url}/{delivery_id}")).raise_for_status()

        while True:
            listed = (await http.get(url, params={"limit": 200})).raise_for_status().json()["deliveries"]
            ids = [each["delivery_id"] for each in listed]
            if not ids:
                return done
            await asyncio.gather(*map(read, ids))
            said = await http.post(f"{url}/acknowledged", json={"delivery_ids": ids})
            done += len(said.raise_for_status().json()["acknowledged"])
