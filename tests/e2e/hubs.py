"""A hub for the tests of a module to share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from libs.db.settings import DatabaseSettings
from libs.messaging import Transport
from libs.messaging.amqp import AmqpTransport
from libs.messaging.memory import MemoryTransport
from libs.testing.ahead import Ahead
from tests.e2e.world import World
from tests.e2e.world import world as start


@contextlib.asynccontextmanager
async def hub_on(
    transport_name: str,
    request: pytest.FixtureRequest,
    spare_databases: Ahead[DatabaseSettings],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    """A hub for a module, on ``memory`` or ``amqp``."""
    database = await asyncio.to_thread(spare_databases.take)
    transport: Transport
    if transport_name == "memory":
        transport = MemoryTransport()
    else:
        rabbitmq, vhosts = request.getfixturevalue("rabbitmq"), request.getfixturevalue("spare_vhosts")
        vhost = await asyncio.to_thread(vhosts.take)
        transport = AmqpTransport(f"{rabbitmq.url.rsplit('/', 1)[0]}/{vhost}")
    await transport.start()
    async with start(database.url, database.secret, tmp_path_factory.mktemp("hub"), transport) as world:
        yield world
    await transport.stop()
    if transport_name == "amqp":
        vhosts.give_back(vhost)
    spare_databases.give_back(database)
