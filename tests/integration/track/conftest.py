"""track on a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.db.types import Pool

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
