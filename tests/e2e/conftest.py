"""The whole hub on each transport: one of a test's own, or one that the tests of a module share."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from libs.db.settings import DatabaseSettings
from libs.messaging import Transport
from libs.testing.ahead import Ahead
from tests.e2e.hubs import hub_on
from tests.e2e.world import World
from tests.e2e.world import world as start

collect_ignore = [] if "POSTBODE_SHARED" in os.environ else ["test_corpus.py"]


@pytest.fixture
async def world(database: DatabaseSettings, transport: Transport, tmp_path: Path) -> AsyncIterator[World]:
    """A hub of the test's own."""
    async with start(database.url, database.secret, tmp_path, transport) as world:
        yield world


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["memory", "amqp"])
async def shared_hub(
    request: pytest.FixtureRequest,
    spare_databases: Ahead[DatabaseSettings],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    """One hub for a module, which runs its tests in one loop: ``pytest.mark.asyncio(loop_scope="module")``."""
    async with hub_on(request.param, request, spare_databases, tmp_path_factory) as world:
        yield world
