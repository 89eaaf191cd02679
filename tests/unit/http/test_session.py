"""The lean client: what was certainly not sent is told apart from what may have been done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from opentelemetry.trace import SpanKind

from libs.http.session import BrokenOff, NotReached, Session
from libs.telemetry import tracing
from libs.testing.spans import recording

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(handle: Handler) -> AsyncIterator[str]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(await reader.readuntil(b"\r\n\r\n"), writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    listening.close()


async def test_it_asks_reads_and_carries_the_trace_along() -> None:
    heard: list[bytes] = []

    async def handle(asked: bytes, writer: asyncio.StreamWriter) -> None:
        heard.append(asked)
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 2\r\n\r\nok"
        )

    async with server(handle) as address:
        session = Session(f"{address}/klant/", timeout=5, most=1)
        with recording(1.0) as spans, tracing.head("GET", SpanKind.SERVER, None):
            answer = await session.ask("GET", "/api/X", query={"page": "1 2"})
        await session.close()
    assert (answer.status, answer.headers["location"][:7], answer.content) == (302, "http://", b"ok")
    assert heard[0].startswith(b"GET /klant/api/X?page=1+2 HTTP/1.1\r\n")
    assert tracing.to_traceparent(spans.spans[0].context).encode() in heard[0]


async def test_nobody_there_is_not_reached() -> None:
    async with server(lambda asked, writer: asyncio.sleep(0)) as address:
        pass
    session = Session(address, timeout=5, most=1)
    with recording(0) as spans, pytest.raises(NotReached):
        await session.ask("POST", "/", body=b"{}")
    await session.close()
    assert len(spans.spans) == 1


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"no http\r\n\r\n"]
)
async def test_what_is_cut_off_may_have_been_done(said: bytes) -> None:
    async def handle(asked: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async with server(handle) as address:
        session = Session(address, timeout=5, most=1)
        with pytest.raises(BrokenOff):
            await session.ask("POST", "/", body=b"{}")
        await session.close()


async def test_an_answer_that_does_not_come_may_have_been_done() -> None:
    gone = asyncio.Event()

    async def handle(asked: bytes, writer: asyncio.StreamWriter) -> None:
        await gone.wait()

    async with server(handle) as address:
        session = Session(address, timeout=0.05, most=1)
        with pytest.raises(BrokenOff):
            await session.ask("POST", "/", body=b"{}")
        gone.set()
        await session.close()
