"""The HTTPS channel up to its request: a lease that ends before it, and nobody there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp.resolver import ThreadedResolver

from libs.http.outside import Outside
from libs.testing.certificates import pem
from services.deliver.channels.https import HttpsChannel
from services.deliver.parcel import Failed, HandedOver, Job, Lease, NotBegun, Outcome
from tests.unit.deliver.sample import FOR_EVER, job, loaded


@dataclass
class Receiver:
    """``greeted`` is called while the connection is being encrypted."""

    port: int
    certificate: Path
    requests: list[bytes] = field(default_factory=list)
    greeted: Callable[[], None] = lambda: None

    def job(self, lease: Lease) -> Job:
        settings = {"url": f"https://localhost:{self.port}/in"}
        return job("https", settings=settings, lane=f"localhost:{self.port}", lease=lease)


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    certificate = pem(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found.requests.append(head)
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split()[0]))
                writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
    found = Receiver(server.sockets[0].getsockname()[1], certificate)
    context.sni_callback = lambda *_: found.greeted()
    yield found
    server.close()


@contextlib.asynccontextmanager
async def channel(receiver: Receiver) -> AsyncIterator[HttpsChannel]:
    async def secrets(parties: Sequence[UUID]) -> Mapping[UUID, Sequence[bytes]]:
        return {party: [b"s" * 32] for party in parties}

    def outside() -> Outside:
        also = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
        return Outside(seconds=5, most=1, also=also, trusted=receiver.certificate)

    made = HttpsChannel(outside, secrets, at_once=4, per_lane=4)
    try:
        yield made
    finally:
        await made.close()


async def pushed(channel: HttpsChannel, lease: Lease, to: Receiver) -> Outcome:
    [[(_, outcome)]] = [group async for group in channel.deliver([loaded(to.job(lease))])]
    return outcome


async def test_where_nobody_answers_nothing_was_sent(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens there, or the name leads nowhere: what comes later is no repeat."""
    receiver.port = 1
    async with channel(receiver) as https:
        outcomes = [await pushed(https, FOR_EVER, receiver)]

        async def resolve(*_: Any) -> Any:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
        outcomes.append(await pushed(https, FOR_EVER, receiver))
    assert [(type(each), getattr(each, "code", "")) for each in outcomes] == [(Failed, "https-away")] * 2


@pytest.mark.parametrize("meanwhile", ["the name is looked up", "the connection is encrypted"])
async def test_a_lease_that_ends_before_the_request_sends_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    now = 0.0

    def late() -> None:
        nonlocal now
        now = 2.0

    if meanwhile == "the name is looked up":
        look = ThreadedResolver.resolve

        async def resolve(self: Any, *args: Any) -> Any:
            late()
            return await look(self, *args)

        monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    else:
        receiver.greeted = late
    async with channel(receiver) as https:
        assert await pushed(https, Lease(1.0, time=lambda: now), receiver) == NotBegun("the lease ran out")
        assert receiver.requests == []
        # Nobody else is kept from going there.
        assert await pushed(https, FOR_EVER, receiver) == HandedOver("202", outward="HTTP 202")
    assert len(receiver.requests) == 1
