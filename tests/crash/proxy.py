"""Stands between the hub and Postgres and cuts connections when a COMMIT goes by: before the server gets it, or
after it did and before its answer is told. The client cannot tell which; only what it does next is right or wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

COMMIT = b"Q\x00\x00\x00\x0cCOMMIT;\x00"
"""A simple query (PostgreSQL protocol 3, message ``Q``), as the driver sends it."""


class CuttingProxy:
    """``share`` of all commits are cut, half of them on either side."""

    def __init__(self, database_url: str, random_: random.Random, *, share: float) -> None:
        self._to = urlsplit(database_url)
        self._random = random_
        self.share = share
        self.cuts: Counter[str] = Counter()
        self.commits = 0
        self.url = ""
        self._serving: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[CuttingProxy]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        login = self._to.netloc.rpartition("@")[0]
        self.url = urlunsplit(self._to._replace(netloc=f"{login}@127.0.0.1:{port}"))
        try:
            yield self
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._between(client, to_client)
        except asyncio.CancelledError:
            """The test is over."""
        finally:
            self._serving.discard(task)

    async def _between(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        deaf = asyncio.Event()
        try:
            server, to_server = await asyncio.open_connection(self._to.hostname, self._to.port)
        except OSError:
            to_client.transport.abort()
            return
        pumps = [
            asyncio.create_task(self._forth(client, to_server, deaf)),
            asyncio.create_task(self._back(server, to_client, deaf)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for writer in (to_client, to_server):
                writer.transport.abort()

    async def _forth(
        self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter, deaf: asyncio.Event
    ) -> None:
        while data := await client.read(1 << 16):
            if data.endswith(COMMIT):
                self.commits += 1
                if self._random.random() < self.share:
                    side = self._random.choice(["before", "after"])
                    self.cuts[side] += 1
                    if side == "before":
                        return
                    deaf.set()
            to_server.write(data)
            await to_server.drain()

    async def _back(
        self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter, deaf: asyncio.Event
    ) -> None:
        while data := await server.read(1 << 16):
            if deaf.is_set():
                return
            to_client.write(data)
            await to_client.drain()
