"""track on a database of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.db.types import Pool
from tests.integration.track.sink import Notifier, Sink, sending

ACCOUNT = UUID(int=42)


@pytest.fixture
async def pools(database: DatabaseSettings) -> AsyncIterator[Pools]:
    pools = Pools(database)
    yield pools
    await pools.close()


@pytest.fixture
async def worker(pools: Pools) -> Pool:
    return await pools.get("track", "worker")


@pytest.fixture
async def api_role(pools: Pools) -> Pool:
    return await pools.get("track", "api")


@pytest.fixture
def account() -> UUID:
    return ACCOUNT


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(sink, ident="sink", enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    sink.port = server.sockets[0].getsockname()[1]
    yield sink
    server.close()
    await server.wait_closed()


@pytest.fixture
def dispatcher(worker: Pool, sink: Sink) -> Notifier:
    return sending(worker, sink.port)
