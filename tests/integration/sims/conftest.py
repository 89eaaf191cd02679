"""A Purchase to Pay of the test's own, with one company, and somebody who may use its API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.integration.sims.p2p_samples import Caller
from tests.sims.p2p import Control, P2PServer


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
async def caller(p2p: P2PServer, control: Control) -> AsyncIterator[Caller]:
    async with Caller(p2p.base_url) as found:
        yield found
