"""kill -9 of the processes that write into Purchase to Pay, at every step of a record: whoever goes on loses nothing and
sends nothing twice.

Two of them are up, fed over RabbitMQ by approved plans; each start of one gets one strike, in the window that was struck
least so far, at a passing that the seed chooses. The short form takes a few windows, the soak all of them, each a tenth
as often as it is told: one that dies is gone on with when its lease has run out.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.messaging import outbox
from services.sync import plans
from services.sync.runner import approved
from tests.crash import scale, synced
from tests.crash.faults import Strike
from tests.crash.hub import Hub, Nursery, Place, unharmed
from tests.crash.scene import declare, until
from tests.integration.sync.stage import Stage, staged
from tests.sims.globe import Globe, people
from tests.sims.p2p import Control, P2PServer
from tests.sims.p2p.control import repeated, writes

LEASE = "4" if scale.SOAK else "2"
"""Seconds: a machine that is busy with others must be able to renew one."""
TELLING = tuple(each for each in synced.WINDOWS if each.startswith(("sync-start", "sync-act", "sync-settle")))
"""Where something could be sent twice or be lost; a short run takes three of these, and one of the rest."""
REST = tuple(each for each in synced.WINDOWS if each not in TELLING)
CHANGES = 24
PASSINGS = {"sync-act": 20, "sync-start": 4, "sync-settle": 4}
"""How often a run comes by, about."""


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


class Strikes:
    """What strikes each process that starts, until every window has its share."""

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        self._hub = hub
        self._rng = rng
        self._planned: dict[str, str] = {}
        self.windows = synced.WINDOWS if scale.SOAK else (*rng.sample(TELLING, 3), rng.choice(REST))
        self.each = max(1, scale.KILLS // 10)

    def __call__(self, name: str) -> Sequence[Strike]:
        struck = self._hub.strikes()
        others = Counter(window for who, window in self._planned.items() if who != name)
        window = min(self.windows, key=lambda w: (struck[w] + others[w], self._rng.random()))
        self._planned[name] = window
        return [Strike(window, at=self._rng.randint(1, PASSINGS.get(window.partition(".")[0], 1)))]

    def short(self) -> list[str]:
        return [window for window in self.windows if self._hub.strikes()[window] < self.each]


async def approve(stage: Stage, plan: plans.Plan) -> None:
    """As somebody does who asks for it over HTTP."""
    async with stage.shop.pool.acquire() as conn, conn.transaction():
        await plans.approve(conn, plan.plan_id, plan.hash)
        await outbox.append(conn, [approved(plan)])


@pytest.mark.timeout(0 if scale.SOAK else 600)
async def test_processes_that_are_killed_at_every_step_of_a_record(
    nursery: Nursery, stage: Stage, database: DatabaseSettings, amqp_url: str, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    await declare(amqp_url)
    settings = {"LEASE_SECONDS": LEASE, "BATCH": "6", "LOOK_SECONDS": "0.3", "RETRY_SECONDS": "0.01"}
    place = Place(
        tmp_path, database.url, database.secret, amqp_url, 0, tmp_path,
        settings={f"POSTBODE_SYNC_{name}": value for name, value in settings.items()},
    )  # fmt: skip
    hub = Hub(nursery, place)
    strikes = Strikes(hub, rng)
    wanted, runs = 0, 0

    async def ended() -> bool:
        return (await plans_state(stage, plan)) not in ("approved", "applying")

    async def told() -> bool:
        return bool(await stage.shop.pool.fetchval("SELECT count(*) = $1 FROM history", wanted))

    async with nursery.attached():
        hub.plan = strikes
        try:
            for name in ("sync.1", "sync.2"):
                await hub.start(name, "sync", "serve")
            while strikes.short() or not runs:
                plan = await stage.plan()
                await approve(stage, plan)
                await until(ended, seconds=600)
                assert await plans_state(stage, plan) == "applied"
                wanted, runs = wanted + plan.writes, runs + 1
                await people.churn(stage.administrations["001"], CHANGES, seed=rng.randrange(2**31))
            hub.plan = unharmed
            for name in list(hub.members):
                hub.kill(name)
            await until(told, seconds=300)
        finally:
            print(f"{runs} runs, {wanted} records, {dict(hub.strikes())}")
            await hub.close()
    outcomes = {
        row["state"]: row["many"]
        for row in await stage.shop.pool.fetch("SELECT state, count(*) AS many FROM item GROUP BY state")
    }
    journal = await stage.control.journal()
    assert not hub.fell
    assert set(outcomes) == {"applied", "noted"}
    assert repeated(journal) == []
    assert len(writes(journal)) == outcomes["applied"] == wanted


async def plans_state(stage: Stage, plan: plans.Plan) -> str:
    async with stage.shop.pool.acquire() as conn:
        return (await plans.one(conn, plan.plan_id)).state
