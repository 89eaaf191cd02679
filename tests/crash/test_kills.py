"""kill -9 anywhere in any process: nothing is lost, nothing comes twice, whatever was acknowledged."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.db.settings import DatabaseSettings
from tests.crash import scale, storm
from tests.crash.hub import Nursery
from tests.crash.scene import scene

pytestmark = pytest.mark.timeout(0 if scale.SOAK else 400)


async def test_every_process_is_killed_again_and_again(
    nursery: Nursery, database: DatabaseSettings, amqp_url: str, tmp_path: Path, seed: int
) -> None:
    async with scene(nursery, database, amqp_url, tmp_path, seed=seed) as on:
        rage = storm.Storm(on)
        on.hub.plan = rage
        await storm.start(on)
        if scale.SOAK:
            await storm.start_more(on)
        try:
            await rage.rage(12, kills=20, each=scale.KILLS, longest=scale.LONGEST)
        finally:
            print(rage.table())
        await on.kept()
        assert on.hub.strikes().total() >= 20
        assert not rage.short(), f"fewer than {scale.KILLS} kills in {rage.short()}"


async def test_the_whole_hub_in_one_process_is_killed_again_and_again(
    nursery: Nursery, database: DatabaseSettings, tmp_path: Path, seed: int
) -> None:
    async with scene(nursery, database, "", tmp_path, seed=seed, solo=True) as on:
        rage = storm.Storm(on, solo=True)
        on.hub.plan = rage
        await on.hub.start("solo", "solo", "")
        try:
            await rage.rage(5, kills=5, each=scale.KILLS // 10, longest=scale.LONGEST)
        finally:
            print(rage.table())
        await on.kept()
        assert on.hub.strikes().total() >= 5
