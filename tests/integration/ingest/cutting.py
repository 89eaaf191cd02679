"""A client whose every reply is cut off, at a moment that its seed chooses, and that then asks again with the same key.

Plain sockets, because there are thousands. What happens inside the door is watched by wrapping two functions of it, so
that a line is cut exactly between the writing and the COMMIT, or between the COMMIT and the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import pytest

from libs.testing import builders
from services.ingest import store
from services.ingest.uploads import remembered
from services.ingest.uploads.submissions import Submission

PATIENCE = 30.0
WRITTEN, COMMITTED = "written, not committed", "committed, not answered"
MOMENTS = ("not all of it sent", "just sent", "a little later", WRITTEN, COMMITTED, "half of the reply read")
_INSIDE = frozenset({WRITTEN, COMMITTED})
_TOKEN = b"F-0000000"
_XML = builders.invoice(number=_TOKEN.decode())


def name(n: int) -> str:
    """Of the file with this number, which is the number of its key as well."""
    return f"F{n}.xml"


def key(n: int) -> str:
    return f"k-{n}"


class Inside:
    """What goes on in the doors of this process: cuts the lines that wait for it, and closes every second invoice at
    once, as its rejection would, so that nothing but its key tells that the same bytes are the same invoice."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], asyncio.Future[None]] = {}

    @contextlib.asynccontextmanager
    async def at(self, moment: str, key: str, writer: StreamWriter) -> AsyncIterator[None]:
        """Cuts ``writer`` when the request with this key gets there."""
        there = self._waiting[moment, key] = asyncio.get_running_loop().create_future()
        there.add_done_callback(lambda _: writer.transport.abort())
        yield
        await asyncio.wait_for(there, PATIENCE)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        remember, keep = remembered.remember, store.keep

        async def written(conn: Any, replies: Any) -> None:
            rows = list(replies)
            await remember(conn, rows)
            await self._reached(WRITTEN, [key.name for _, key, _ in rows])

        async def kept(pool: Any, documents: Any, submissions: Sequence[Submission]) -> Any:
            done = await keep(pool, documents, submissions)
            await self._reached(COMMITTED, [s.key.name for s in submissions if s.key])
            every_second = [
                (item.invoice_id, "invoice.rejected.v1")
                for s in submissions
                for item in s.items
                if s.key and s.key.name[-1] in "02468"
            ]
            async with pool.acquire() as conn:
                await store.close(conn, every_second)
            return done

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(remembered, "remember", written)
            patched.setattr(store, "keep", kept)
            yield

    async def _reached(self, moment: str, keys: Sequence[str]) -> None:
        for each in keys:
            there = self._waiting.pop((moment, each), None)
            if there is not None and not there.done():
                there.set_result(None)
        # So long that the door sees that its callers are gone.
        await asyncio.sleep(0.001)


class Cutter:
    """``ports`` of the replicas. ``told`` are the receipts, by number of the key; ``unlike`` those that
    were told something else when they asked once more; ``cut`` counts the moments."""

    def __init__(self, ports: Sequence[int], login: Mapping[str, str], inside: Inside, seed: int) -> None:
        self._ports = ports
        self._login = "".join(f"{name}: {value}\r\n" for name, value in login.items())
        self._inside = inside
        self._seed = seed
        self._idle: dict[int, list[tuple[StreamReader, StreamWriter]]] = {port: [] for port in ports}
        self._open: list[StreamWriter] = []
        self.told: dict[int, bytes] = {}
        self.unlike: list[str] = []
        self.cut = dict.fromkeys(MOMENTS, 0)

    async def run(self, count: int, *, at_once: int) -> None:
        numbers = iter(range(count))

        async def work() -> None:
            for n in numbers:
                await self._one(n, random.Random(f"{self._seed} {n}"))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(work())
        finally:
            for writer in self._open:
                await _hang_up(writer)

    async def _one(self, n: int, draw: random.Random) -> None:
        request = self._request(n)
        await self._cut_off(n, request, draw.choice(MOMENTS), draw)
        if draw.random() < 0.2:
            await self._cut_off(n, request, draw.choice([m for m in MOMENTS if m not in _INSIDE]), draw)
        if draw.random() < 0.5:
            await asyncio.sleep(draw.random() * 0.1)
        self.told[n] = await self._ask(request, draw)
        if draw.random() < 0.1:
            again = await self._ask(request, draw)
            if again != self.told[n]:
                self.unlike.append(name(n))

    def _request(self, n: int) -> bytes:
        body = _XML.replace(_TOKEN, b"F-%07d" % n)
        head = (
            f"POST /v1/submissions HTTP/1.1\r\nHost: x\r\n{self._login}Idempotency-Key: {key(n)}\r\n"
            f"Postbode-Filename: {name(n)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def _cut_off(self, n: int, request: bytes, moment: str, draw: random.Random) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", draw.choice(self._ports))
        self.cut[moment] += 1
        try:
            if moment in _INSIDE:
                async with self._inside.at(moment, key(n), writer):
                    writer.write(request)
            elif moment == "not all of it sent":
                writer.write(request[: -draw.randrange(1, 500)])
            else:
                writer.write(request)
                if moment == "a little later":
                    await asyncio.sleep(draw.random() * 0.05)
                elif moment == "half of the reply read":
                    await reader.read(draw.randrange(1, 200))
        finally:
            await _hang_up(writer)

    async def _ask(self, request: bytes, draw: random.Random) -> bytes:
        """Until there is an answer: the receipt."""
        async with asyncio.timeout(PATIENCE):
            while True:
                status, body = await self._answer(draw.choice(self._ports), request)
                if status == 202:
                    return body
                assert b"idempotency-key-running" in body, body
                await asyncio.sleep(0.03)

    async def _answer(self, port: int, request: bytes) -> tuple[int, bytes]:
        idle = self._idle[port]
        if idle:
            reader, writer = idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            self._open.append(writer)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        idle.append((reader, writer))
        return int(head[9:12]), body


async def _hang_up(writer: StreamWriter) -> None:
    """At once, and without a word: what is still in the buffers is thrown away."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
