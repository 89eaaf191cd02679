"""A Purchase to Pay, administrations of Globe+ and the sync between them, each on real storage.

``synced`` is one stage for all tests that begin with both sides alike: each changes what it needs, and the next one
finds both sides alike again. ``stage`` is a test's own, with nothing gone over yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.testing.databases import Databases
from tests.integration.sync.stage import Kept, Stage, again, first_time, staged
from tests.sims.globe import Globe
from tests.sims.p2p import Control, P2PServer

COMPANIES = ({"externalId": "001", "name": "Een BV"}, {"externalId": "002", "name": "Twee BV"})


@pytest.fixture
async def pools(database: DatabaseSettings) -> AsyncIterator[Pools]:
    pools = Pools(database)
    yield pools
    await pools.close()


@pytest.fixture
def p2p() -> Iterator[P2PServer]:
    with P2PServer() as server:
        yield server


@pytest.fixture
async def control(p2p: P2PServer) -> AsyncIterator[Control]:
    async with Control(p2p.address) as found:
        await found.keep("Company", *COMPANIES)
        yield found


@pytest.fixture
async def stage(pools: Pools, p2p: P2PServer, control: Control, postgres_url: str) -> AsyncIterator[Stage]:
    globe = Globe(postgres_url)
    made = await staged(pools, p2p, control, globe)
    yield made
    for administration in made.administrations.values():
        await globe.drop(administration)


@pytest.fixture(scope="session")
def kept(databases: Databases, postgres_url: str) -> Iterator[Kept]:
    with P2PServer() as server:
        made = asyncio.run(first_time(databases, server, Globe(postgres_url), *COMPANIES))
        yield made
        asyncio.run(Globe(postgres_url).drop(made.administration))
        asyncio.run(databases.drop(made.database))


@pytest.fixture
async def synced(kept: Kept) -> AsyncIterator[Stage]:
    pools = Pools(kept.database)
    async with Control(kept.p2p.address) as control:
        yield await again(kept, pools, control)
    await pools.close()
