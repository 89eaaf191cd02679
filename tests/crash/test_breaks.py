"""The suite can fail: each guarantee is broken once, on purpose, and the suite must go red.

All of them in ``make soak``; here as many as fit into the time, chosen by the run's seed, one of them beside the
same attack on the unbroken hub.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from libs.db.settings import DatabaseSettings
from tests.crash import scale
from tests.crash.attacks import ATTACKS, attack, showed, table
from tests.crash.breaks import BREAKS
from tests.crash.hub import Nursery
from tests.crash.scene import Scene, scene
from tests.crash.seed import SEED

pytestmark = pytest.mark.timeout(0 if scale.SOAK else 400)
CHOSEN = sorted(ATTACKS) if scale.SOAK else sorted(random.Random(SEED).sample(sorted(ATTACKS), 3))


def test_every_break_has_its_attack() -> None:
    assert set(ATTACKS) == set(BREAKS)


def test_every_break_can_still_be_put_in_place() -> None:
    """A name that is gone from the code would be noticed only when the seed chooses its break."""
    script = "from tests.crash.breaks import BREAKS\nfor each in BREAKS.values(): each(lambda: None)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "POSTBODE_AMQP_URL": "amqp://nobody@127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_table_of_guarantees_is_current() -> None:
    said = (Path(__file__).parents[2] / "docs/reliability.md").read_text("utf-8")
    assert table() in said, "put what `python -m tests.crash.attacks` prints into docs/reliability.md"


@pytest.mark.parametrize("name", CHOSEN)
async def test_the_suite_goes_red(
    name: str, nursery: Nursery, database: DatabaseSettings, amqp_url: str, tmp_path: Path, seed: int
) -> None:
    async with _scene(name, nursery, database, amqp_url, tmp_path, seed) as on:
        verdict = await attack(on, name, broken=True)
        print(f"{name}: {showed(name, verdict)}")
        assert showed(name, verdict), f"{verdict}\n{verdict.faults}"


@pytest.mark.parametrize("name", CHOSEN if scale.SOAK else CHOSEN[:1])
async def test_the_same_attack_leaves_no_mark(
    name: str, nursery: Nursery, database: DatabaseSettings, amqp_url: str, tmp_path: Path, seed: int
) -> None:
    async with _scene(name, nursery, database, amqp_url, tmp_path, seed) as on:
        verdict = await attack(on, name, broken=False)
        assert not verdict.faults, verdict


def _scene(
    name: str, nursery: Nursery, database: DatabaseSettings, amqp_url: str, folder: Path, seed: int
) -> AbstractAsyncContextManager[Scene]:
    solo = ATTACKS[name].service == "solo"
    return scene(nursery, database, "" if solo else amqp_url, folder, seed=seed, solo=solo)
