"""The server answers on a socket bound beforehand and finishes what it is answering."""

from __future__ import annotations

import asyncio
import socket

import httpx
import orjson
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.http.server import Server, _Patient, listen


def test_a_port_in_use_is_told() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", taken.getsockname()[1])


def refused(address: tuple[str, int]) -> bool:
    with socket.socket() as late:
        return late.connect_ex(address) != 0


async def test_it_leaves_when_told_and_answers_what_it_has() -> None:
    arrived, answer = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.set()
        await answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    listening = listen("127.0.0.1", 0)
    address: tuple[str, int] = listening.getsockname()
    url = f"http://127.0.0.1:{address[1]}/"
    server = Server(app, finish_seconds=10)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await server.until_started(serving)
    async with httpx.AsyncClient(trust_env=False) as http:
        asking = asyncio.create_task(http.get(url))
        await arrived.wait()
        server.leave()
        async with asyncio.timeout(10):
            while not refused(address):
                await asyncio.sleep(0.02)
        answer.set()
        assert (await asking).text == "done"
    await asyncio.wait_for(serving, 5)


async def half_an_upload(app: ASGIApp) -> bytes:
    """What somebody reads who was still sending when the server had to leave."""
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    arrived = asyncio.Event()

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {"arrived": arrived}}, receive, send)

    server = Server(told, finish_seconds=1)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await server.until_started(serving)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
    await asyncio.wait_for(arrived.wait(), 10)
    server.leave()
    said = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    await asyncio.wait_for(serving, 10)
    return said


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        scope["state"]["arrived"].set()
    raise AssertionError("the body never ends")


async def test_an_upload_that_outlasts_the_server_is_told_to_come_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    head, _, body = (await half_an_upload(reading)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    assert headers[b"content-type"] == b"application/problem+json"
    assert (headers[b"connection"], int(headers[b"retry-after"]) > 0) == (b"close", True)
    problem = orjson.loads(body)
    assert (problem["code"], "opnieuw" in problem["words"]["nl"]) == ("stopping", True)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(("leaving", "started"), [(True, True), (False, False), (False, True)])
async def test_half_an_answer_is_cut_off_and_a_cancellation_of_others_left_alone(
    leaving: bool, started: bool
) -> None:
    said: list[Message] = []

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        if started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(60)

    async def keep(message: Message) -> None:
        said.append(message)

    async def nothing() -> Message:
        raise AssertionError("nobody asked")

    app = _Patient(answering, leaving=lambda: leaving)
    asking = asyncio.ensure_future(app({"type": "http"}, nothing, keep))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait({asking})
    assert asking.cancelled() is not leaving
    assert len(said) == started
