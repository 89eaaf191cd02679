"""The suite can fail: each guarantee is broken once, on purpose, and the suite must go red.

All of them in ``make soak``; here as many as fit into the time, chosen by the run's seed, one of them beside the
same attack on the unbroken hub.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from libs.db.settings import DatabaseSettings
from tests.crash import scale
from tests.crash.attacks import ATTACKS, attack, showed
from tests.crash.breaks import BREAKS
from tests.crash.hub import Nursery
from tests.crash.scene import scene
from tests.crash.seed import SEED

pytestmark = pytest.mark.timeout(0 if scale.SOAK else 400)
CHOSEN = sorted(ATTACKS) if scale.SOAK else sorted(random.Random(SEED).sample(sorted(ATTACKS), 3))


def test_every_break_has_its_attack() -> None:
    assert set(ATTACKS) == set(BREAKS)


@pytest.mark.parametrize("name", CHOSEN)
async def test_the_suite_goes_red(
    name: str, nursery: Nursery, database: DatabaseSettings, amqp_url: str, tmp_path: Path, seed: int
) -> None:
    async with scene(nursery, database, amqp_url, tmp_path, seed=seed) as on:
        verdict = await attack(on, name, broken=True)
        print(f"{name}: {showed(name, verdict)}")
        assert showed(name, verdict), f"{verdict}\n{verdict.faults}"


@pytest.mark.parametrize("name", CHOSEN if scale.SOAK else CHOSEN[:1])
async def test_the_same_attack_leaves_no_mark(
    name: str, nursery: Nursery, database: DatabaseSettings, amqp_url: str, tmp_path: Path, seed: int
) -> None:
    async with scene(nursery, database, amqp_url, tmp_path, seed=seed) as on:
        verdict = await attack(on, name, broken=False)
        assert not verdict.faults, verdict
