"""kill -9 of a process that writes into Purchase to Pay: whoever goes on loses nothing and sends nothing twice."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from services.sync import plans
from tests.integration.sync.stage import Stage, staged
from tests.sims.globe import Globe
from tests.sims.p2p import Control, P2PServer
from tests.sims.p2p.control import repeated, writes

ROOT = Path(__file__).parents[2]
KILLS = (1, 9, 30)
"""Records written when the process is killed."""


@pytest.fixture
def p2p() -> Iterator[P2PServer]:
    with P2PServer() as server:
        yield server


@pytest.fixture
async def stage(database: DatabaseSettings, p2p: P2PServer, postgres_url: str) -> AsyncIterator[Stage]:
    pools, globe = Pools(database), Globe(postgres_url)
    async with Control(p2p.address) as control:
        await control.keep("Company", {"externalId": "001", "name": "Een BV"})
        made = await staged(pools, p2p, control, globe, lease_seconds=2.0, secret=database.secret)
        yield made
        for each in made.administrations.values():
            await globe.drop(each)
    await pools.close()


async def test_a_process_killed_while_it_writes(stage: Stage, database: DatabaseSettings) -> None:
    plan = await stage.plan()
    environment = {
        **os.environ,
        "POSTBODE_DATABASE_URL": database.url,
        "POSTBODE_SECRET": database.secret,
        "POSTBODE_SYNC_LEASE_SECONDS": "2",
        "POSTBODE_SYNC_BATCH": "10",
    }
    command = (sys.executable, "-m", "services.cli", "sync", "apply", str(plan.plan_id))
    killed = 0
    for kill_at in KILLS:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            while len(writes(await stage.control.journal())) < kill_at and process.returncode is None:
                await asyncio.sleep(0.005)
        if process.returncode is None:
            process.kill()
            killed += 1
        await process.wait()
        async with asyncio.timeout(60):  # until the dead process's lease has run out
            while await stage.shop.pool.fetchval("SELECT count(*) FROM lease WHERE until > now()"):
                await asyncio.sleep(0.1)
    async with stage.shop.pool.acquire() as conn:
        if (await plans.one(conn, plan.plan_id)).state == "applying":
            await stage.shop.applier.apply(plan.plan_id)
        outcomes = await plans.outcomes(conn, plan.plan_id)
        events = await conn.fetchval(
            "SELECT count(*) FROM outbox WHERE routing_key = 'masterdata.record_settled.v1'"
        )
    assert killed >= 1
    assert set(outcomes) == {"applied", "noted"}
    journal = await stage.control.journal()
    assert repeated(journal) == []
    assert len(writes(journal)) == outcomes["applied"] == events == plan.writes
