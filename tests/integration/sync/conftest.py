"""A Purchase to Pay, two administrations of Globe+ and the sync between them, each on real storage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from tests.integration.sync.stage import Stage, staged
from tests.sims.globe import Globe
from tests.sims.p2p import Control, P2PServer


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
        await found.keep(
            "Company", {"externalId": "001", "name": "Een BV"}, {"externalId": "002", "name": "Twee BV"}
        )
        yield found


@pytest.fixture
async def stage(pools: Pools, p2p: P2PServer, control: Control, postgres_url: str) -> AsyncIterator[Stage]:
    globe = Globe(postgres_url)
    made = await staged(pools, p2p, control, globe)
    yield made
    for administration in made.administrations.values():
        await globe.drop(administration)
