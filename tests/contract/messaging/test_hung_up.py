"""Somebody answers where the broker should be, and hangs up: a proxy whose broker is still starting."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from libs.messaging.amqp import AmqpTransport
from libs.messaging.transport import TransportAway


@pytest.fixture
async def proxy() -> AsyncIterator[str]:
    """The URL of a server that takes every connection and ends it."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    yield f"amqp://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()
    await server.wait_closed()


async def test_the_transport_is_away_and_leaves_nothing_behind(proxy: str) -> None:
    """What is left to the collector, it may meet in a thread without an event loop, and warns."""
    transport = AmqpTransport(proxy)
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(TransportAway) as away:
            await transport.start()
        del away
        await asyncio.to_thread(gc.collect)
    finally:
        gc.enable()
    await transport.stop()
