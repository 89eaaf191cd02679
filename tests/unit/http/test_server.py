"""The server answers on a socket bound beforehand and finishes what it is answering."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from libs.http.server import Server, listen


def test_a_port_in_use_is_told() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", taken.getsockname()[1])


async def test_it_leaves_when_told_and_answers_what_it_has() -> None:
    arrived, answer = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.set()
        await answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    server = Server(app, finish_seconds=10)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await server.until_started(serving)
    async with httpx.AsyncClient(trust_env=False) as http:
        asking = asyncio.create_task(http.get(url))
        await arrived.wait()
        server.leave()
        await asyncio.sleep(0.3)
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(trust_env=False) as late:
                await late.get(url)
        answer.set()
        assert (await asking).text == "done"
    await asyncio.wait_for(serving, 5)
