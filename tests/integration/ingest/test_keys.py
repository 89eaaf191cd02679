"""An account has two live keys at most: one in use, and one to change to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from libs.errors import Conflict
from services.ingest.access import accounts, keys
from services.ingest.app import vault_of
from services.ingest.settings import IngestSettings


@pytest.fixture
async def pools(database: DatabaseSettings) -> AsyncIterator[Pools]:
    pools = Pools(database)
    yield pools
    await pools.close()


async def account(pools: Pools) -> UUID:
    claims = accounts.Claims(name="Bakker", email="a@bakker.example")
    return await accounts.open_account(await pools.get("ingest", "worker"), claims)


async def add(pools: Pools, owner: UUID) -> str:
    async with tenant(await pools.get("ingest", "api"), owner) as conn:
        key, _ = await keys.add_key(conn, owner, vault_of(IngestSettings()), "test", ["invoice:read"])
    return key.key_id


@pytest.mark.proves("R14")
async def test_a_third_key_needs_one_to_be_revoked(pools: Pools) -> None:
    bakker, visser = await account(pools), await account(pools)
    first = await add(pools, bakker)
    await add(pools, bakker)
    with pytest.raises(Conflict) as refused:
        await add(pools, bakker)
    assert refused.value.code == "too-many-keys"
    assert "Trek" in refused.value.words["nl"]
    await add(pools, visser)
    async with tenant(await pools.get("ingest", "api"), bakker) as conn:
        await keys.revoke_key(conn, first)
    await add(pools, bakker)


async def test_keys_made_at_once_are_counted_too(pools: Pools) -> None:
    owner = await account(pools)
    made = await asyncio.gather(*(add(pools, owner) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(each, str) for each in made) == keys.MOST_KEYS
    assert sum(isinstance(each, Conflict) for each in made) == 4
