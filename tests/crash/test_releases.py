"""Many invoices wait for one number. It becomes known, and the process that lets them go on is killed half-way."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.db.settings import DatabaseSettings
from services.track import ledger
from services.track.snapshots import snapshots
from tests.crash import scale, storm
from tests.crash.hub import Nursery
from tests.crash.people import LATER, invoices
from tests.crash.scene import Scene, scene, until

pytestmark = pytest.mark.timeout(0 if scale.SOAK else 400)

WAITING = 1000 if scale.SOAK else 40
AT_ONCE = WAITING // 8
"""Released in one transaction, and by whoever enters the receiver; the rest is for the schedule."""
ROUTE = "route.serve"


async def count(on: Scene, state: str) -> int:
    found: int = await on.ask(f"SELECT count(*) FROM route.parked WHERE state = '{state}'")
    return found


async def agrees(database: DatabaseSettings) -> None:
    async with snapshots(database) as snapshot:
        found = await ledger.take(snapshot)
    assert found.entries == []
    assert found.acknowledged == WAITING


@pytest.mark.proves("R30", "R35")
async def test_all_that_waited_for_one_number_come_once_each_though_route_is_killed_half_way(
    nursery: Nursery, database: DatabaseSettings, amqp_url: str, tmp_path: Path, seed: int
) -> None:
    # The schedule runs when a process starts, and then not for an hour: nothing is released that the test does not see.
    settings = {"POSTBODE_ROUTE_RELEASE_MOST": str(AT_ONCE), "POSTBODE_ROUTE_RELEASE_EVERY_S": "3600"}
    async with scene(nursery, database, amqp_url, tmp_path, seed=seed, settings=settings) as on:
        await storm.start(on)
        late = LATER[0]
        await on.send(
            invoices(WAITING, on.random, to=[late], unlawful=0.0), patience=900 if scale.SOAK else 120
        )

        async def all_wait() -> bool:
            return await count(on, "open") == WAITING

        await until(all_wait, seconds=900 if scale.SOAK else 120)
        await agrees(database)
        await on.enter(late)
        assert (await count(on, "released"), await count(on, "open")) == (AT_ONCE, WAITING - AT_ONCE)
        for more in range(1, 4):
            on.hub.kill(ROUTE)
            await agrees(database)

            async def goes_on(least: int = AT_ONCE * more) -> bool:
                return await count(on, "released") > least

            await until(goes_on, seconds=120)
        await agrees(database)
        verdict = await on.kept()
        assert (verdict.acknowledged, verdict.delivered) == (WAITING, WAITING)
        assert on.hub.members[ROUTE].starts > 3
