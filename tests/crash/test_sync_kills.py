"""kill -9 of a process that writes into Purchase to Pay: whoever goes on loses nothing and sends nothing twice.

Purchase to Pay holds its answer to one record, before it writes it or after, and the process dies with that request in
the air. Which records, in which window, and how many are written at once a seed chooses; the soak takes every record in
both windows, one after the other.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from services.sync import plans
from tests.crash import scale
from tests.integration.sync.stage import Stage, staged
from tests.sims.globe import Globe
from tests.sims.p2p import Control, Fault, P2PServer
from tests.sims.p2p.control import repeated, writes

ROOT = Path(__file__).parents[2]
LEASE = 4.0
"""Seconds: a machine that is busy with others must be able to renew one."""


@pytest.fixture
def p2p() -> Iterator[P2PServer]:
    with P2PServer() as server:
        yield server


@pytest.fixture
async def stage(database: DatabaseSettings, p2p: P2PServer, postgres_url: str) -> AsyncIterator[Stage]:
    pools, globe = Pools(database), Globe(postgres_url)
    async with Control(p2p.address) as control:
        await control.keep("Company", {"externalId": "001", "name": "Een BV"})
        made = await staged(pools, p2p, control, globe, secret=database.secret)
        yield made
        for each in made.administrations.values():
            await globe.drop(each)
    await pools.close()


async def started(stage: Stage, database: DatabaseSettings, plan: plans.Plan, batch: int) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli", "sync", "apply", str(plan.plan_id),
        cwd=ROOT, stdout=DEVNULL, stderr=DEVNULL,
        env={
            **os.environ,
            "POSTBODE_DATABASE_URL": database.url,
            "POSTBODE_SECRET": database.secret,
            "POSTBODE_SYNC_LEASE_SECONDS": str(LEASE),
            "POSTBODE_SYNC_BATCH": str(batch),
        },
    )  # fmt: skip


async def killed_at(stage: Stage, process: Process) -> bool:
    """Kill it when its request is held; False when it was through with that record already."""
    async with asyncio.timeout(120):
        while (await stage.control.planned()) and process.returncode is None:
            await asyncio.sleep(0.01)
    struck = not await stage.control.planned()
    if process.returncode is None:
        process.kill()
    await process.wait()
    async with asyncio.timeout(60):  # until the dead process's lease has run out
        while await stage.shop.pool.fetchval("SELECT count(*) FROM lease WHERE until > now()"):
            await asyncio.sleep(0.05)
    return struck


async def state(stage: Stage, plan: plans.Plan) -> str:
    async with stage.shop.pool.acquire() as conn:
        return (await plans.one(conn, plan.plan_id)).state


def chosen(sequence: Sequence[tuple[str, str]], rng: random.Random) -> list[tuple[tuple[str, str], bool]]:
    """Records with their window, in the order they are written."""
    both = [(each, after) for each in sequence for after in (False, True)]
    if scale.SOAK:
        return both
    return [both[place] for place in sorted(rng.sample(range(len(both)), 3))]


@pytest.mark.timeout(7200 if scale.SOAK else 900)
async def test_a_process_killed_at_a_record(stage: Stage, database: DatabaseSettings, seed: int) -> None:
    rng = random.Random(seed)
    plan = await stage.plan()
    records = [(e.of.resource, e.external_id) for e in await stage.items(plan) if e.state == "planned"]
    batch = 1 if scale.SOAK else rng.choice((1, 10))
    killed = 0
    for (entity, external_id), after in chosen(records, rng):
        fault = Fault(kind="timeout", method="POST", entity=entity, external_id=external_id, after=after)
        await stage.control.plan(fault)
        while await state(stage, plan) in ("approved", "ready", "applying"):
            if await killed_at(stage, await started(stage, database, plan, batch)):
                killed += 1
                break
    await stage.control.plan()
    if await state(stage, plan) == "applying":
        await stage.shop.applier.apply(plan.plan_id)
    assert await state(stage, plan) == "applied"
    async with stage.shop.pool.acquire() as conn:
        outcomes = await plans.outcomes(conn, plan.plan_id)
        events = await conn.fetchval(
            "SELECT count(*) FROM outbox WHERE routing_key = 'masterdata.record_settled.v1'"
        )
    journal = await stage.control.journal()
    assert killed >= (2 * len(records) if scale.SOAK else 1)
    assert set(outcomes) == {"applied", "noted"}
    assert repeated(journal) == []
    assert len(writes(journal)) == outcomes["applied"] == events == plan.writes
