"""The whole hub on each transport, on a database of the test's own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.db.settings import DatabaseSettings
from libs.messaging import Transport
from tests.e2e.world import World
from tests.e2e.world import world as start

collect_ignore = [] if "POSTBODE_SHARED" in os.environ else ["test_corpus.py"]


@pytest.fixture
async def world(database: DatabaseSettings, transport: Transport, tmp_path: Path) -> AsyncIterator[World]:
    async with start(database.url, database.secret, tmp_path, transport) as world:
        yield world
