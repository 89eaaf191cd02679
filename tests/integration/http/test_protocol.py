"""What comes before a body has an end, whoever sends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from starlette.types import Receive, Scope, Send

from libs.http.protocol import MOST_BYTES
from libs.http.server import Server, listen


class App:
    """Counts the requests that reach it, and the bytes of their bodies."""

    def __init__(self) -> None:
        self.requests = 0
        self.has_body = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message.get("body", b""))
            if size:
                self.has_body.set()
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(size).encode()})


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
async def port(app: App) -> AsyncIterator[int]:
    listening = listen("127.0.0.1", 0)
    server = Server(app, finish_seconds=1)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await server.until_started(serving)
    yield listening.getsockname()[1]
    server.leave()
    await serving


async def exchange(port: int, *parts: bytes, read: int = -1) -> bytes:
    """Send all; what the other side says before it closes (or ``read`` bytes of it). Empty when it cut the
    connection before its answer could be read, as a system does that holds bytes nobody wants."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await reader.read(read)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def headers(count: int, size: int = 996) -> bytes:
    """``count`` headers that count for ``size`` + 4 bytes each."""
    return b"".join(b"X-%02d: %b\r\n" % (n % 100, b"x" * size) for n in range(count))


START = b"GET / HTTP/1.1\r\nHost: hub.test\r\n"
POST = b"POST / HTTP/1.1\r\nHost: hub.test\r\nTransfer-Encoding: chunked\r\n\r\n"
MANY = MOST_BYTES // 1000 + 1

TOO_MUCH = {
    "a header that does not end": (START + b"X: ", b"x" * (MOST_BYTES - len(START) - 2)),
    "many headers": (START + headers(MANY) + b"\r\n",),
    "many parts of many headers": (START, *[headers(1)] * MANY, b"\r\n"),
    "a long address": (b"GET /" + b"x" * MOST_BYTES + b" HTTP/1.1\r\nHost: hub.test\r\n\r\n",),
}


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_too_much_before_a_body_ends_the_connection(port: int, app: App, name: str) -> None:
    answer = await exchange(port, *TOO_MUCH[name])
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert app.requests == 0


async def test_the_answer_is_a_problem_in_two_languages(port: int) -> None:
    answer = await exchange(port, *TOO_MUCH["a header that does not end"])
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert set(json.loads(body)["words"]) == {"nl", "en"}


async def test_a_trailer_has_an_end_too(port: int, app: App) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(POST + b"5\r\nhello\r\n")
    await app.has_body.wait()
    # From here on nothing but the trailer is under way.
    writer.write(b"0\r\nX: " + b"x" * (MOST_BYTES - 5))
    assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
    writer.close()


async def test_a_body_in_small_pieces_is_no_header(port: int) -> None:
    piece = b"64\r\n" + b"x" * 100 + b"\r\n"
    answer = await exchange(port, POST, *[piece * 1000] * 5, b"0\r\n\r\n", read=4096)
    assert b"\r\n500000\r\n" in answer


async def test_every_request_of_a_connection_is_counted_by_itself(port: int, app: App) -> None:
    most = START + headers(MANY - 2) + b"\r\n"
    last = START + b"Connection: close\r\n" + headers(MANY - 2) + b"\r\n"
    answer = await exchange(port, most, most, last)
    assert answer.count(b"HTTP/1.1 200 ") == app.requests == 3
