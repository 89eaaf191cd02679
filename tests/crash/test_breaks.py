"""The suite can fail: each guarantee is broken once, on purpose, and the suite must go red.

All of them in ``make soak``; here as many as fit into the time, chosen by the run's seed, one of them beside the
same attack on the unbroken hub.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from libs.testing.databases import Databases
from libs.testing.rabbitmq import RabbitMQ
from tests.crash import scale
from tests.crash.attacks import ATTACKS, Missed, attack, showed, table
from tests.crash.books import opened
from tests.crash.breaks import BREAKS
from tests.crash.hub import Nursery
from tests.crash.judge import Verdict
from tests.crash.people import BOOKKEEPER
from tests.crash.scene import Scene, scene
from tests.crash.seed import SEED

pytestmark = pytest.mark.timeout(0 if scale.SOAK else 400)
TRIES = 3
CHOSEN = sorted(ATTACKS) if scale.SOAK else sorted(random.Random(SEED).sample(sorted(ATTACKS), 2))


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
async def test_the_suite_goes_red(name: str, ground: Ground) -> None:
    said = []
    # An attack is a race between processes: on a busy machine it may miss. The whole hub gets no second try.
    for _ in range(TRIES):
        verdict = await _struck(name, ground, broken=True)
        if found := showed(name, verdict):
            print(f"{name}: {found}")
            return
        said.append(f"{verdict}\n{verdict.faults}")
    pytest.fail("\n".join(said))


@pytest.mark.parametrize("name", CHOSEN if scale.SOAK else CHOSEN[:1])
async def test_the_same_attack_leaves_no_mark(name: str, ground: Ground) -> None:
    await _struck(name, ground, broken=False)


@dataclass
class Ground:
    """Where attacks are made: each with a database, a virtual host and a folder of its own."""

    nursery: Nursery
    databases: Databases
    rabbitmq: RabbitMQ
    folder: Path
    seed: int
    scenes: int = 0

    @contextlib.asynccontextmanager
    async def scene(self, *, solo: bool, books: bool) -> AsyncIterator[Scene]:
        self.scenes += 1
        vhost = f"attack-{os.getpid()}-{self.folder.name}-{self.scenes}"
        database = await self.databases.fresh()
        self.rabbitmq.management.make_vhost(vhost)
        amqp_url = "" if solo else f"{self.rabbitmq.url.rsplit('/', 1)[0]}/{vhost}"
        folder = self.folder / str(self.scenes)
        try:
            with opened() if books else contextlib.nullcontext() as exact:
                async with scene(
                    self.nursery,
                    database,
                    amqp_url,
                    folder,
                    seed=self.seed + self.scenes,
                    solo=solo,
                    books=exact,
                ) as on:
                    yield on
        finally:
            self.rabbitmq.management.drop_vhost(vhost)
            await self.databases.drop(database)


@pytest.fixture
def ground(nursery: Nursery, databases: Databases, rabbitmq: RabbitMQ, tmp_path: Path, seed: int) -> Ground:
    return Ground(nursery, databases, rabbitmq, tmp_path, seed)


async def _struck(name: str, ground: Ground, *, broken: bool) -> Verdict:
    """What is said after an attack that hit; one that missed says nothing, and is made again."""
    misses: list[Missed] = []
    while len(misses) < TRIES:
        plan = ATTACKS[name]
        async with ground.scene(solo=plan.service == "solo", books=BOOKKEEPER in plan.to) as on:
            try:
                return await attack(on, name, broken=broken)
            except Missed as missed:
                misses.append(missed)
    raise misses[-1]
