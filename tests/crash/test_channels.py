"""kill -9 at every step towards a receiver's own SFTP server and of one that fetches: what each counts by its own key came
once. All steps in ``make soak``; here six that the run's seed chooses. The storms of ``test_kills`` reach them too, among
all others, when they are given time.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from libs.db.settings import DatabaseSettings
from tests.crash import scale
from tests.crash.attacks import AFAR, FETCHING
from tests.crash.faults import WINDOWS, Strike
from tests.crash.hub import Nursery
from tests.crash.people import invoices
from tests.crash.scene import SERVICES, Scene, scene
from tests.crash.seed import SEED

pytestmark = pytest.mark.timeout(0 if scale.SOAK else 400)
PATIENCE = 300.0
"""Seconds, for a machine that is busy with others."""


def _steps() -> Iterator[Strike]:
    """Of one delivery, from *started* to its result, by either channel."""
    for channel in ("sftp", "pull"):
        yield Strike("dispatch.claim.after", who=channel)
        yield from (Strike(window) for window in WINDOWS if window.startswith(f"{channel}."))
        yield Strike("result.commit.before", who=channel)
        yield Strike("result.commit.after", who=channel)
    yield Strike("dispatch.act.before", who="sftp")
    yield Strike("dispatch.act.after", who="sftp")


STEPS = tuple(_steps())
CHOSEN = STEPS if scale.SOAK else tuple(random.Random(SEED).sample(STEPS, 6))


class Turns:
    """The plan: each life of a process ends at a step at which none has ended yet."""

    def __init__(self, on: Scene) -> None:
        self._hub = on.hub
        self._order = on.random.sample(CHOSEN, len(CHOSEN))
        self._planned: dict[str, Strike] = {}

    def __call__(self, name: str) -> Sequence[Strike]:
        self._planned.pop(name, None)
        if not name.startswith("deliver"):
            return ()
        # Receivers that fetch ask the process that has the port.
        open_ = [
            step
            for step in self.left()
            if step not in self._planned.values()
            and (name == "deliver" or not step.window.startswith("pull."))
        ]
        if not open_:
            return ()
        self._planned[name] = open_[0]
        return (open_[0],)

    def left(self) -> list[Strike]:
        told = [Strike(**each["strike"]) for each in self._hub.reported() if "strike" in each]
        return [step for step in self._order if step not in told]


async def test_each_step_of_a_channel_is_died_at(
    nursery: Nursery, database: DatabaseSettings, amqp_url: str, tmp_path: Path, seed: int
) -> None:
    async with scene(nursery, database, amqp_url, tmp_path, seed=seed) as on:
        turns = on.hub.plan = Turns(on)
        for service in SERVICES:
            await on.hub.start(service, service, "serve")
        await on.hub.start("deliver.worker", "deliver", "worker")
        async with asyncio.timeout(PATIENCE):
            for n in itertools.count():
                some = invoices(3, on.random, f"F{n:03d}", to=(*AFAR, *FETCHING), mailed=0, unlawful=0)
                await on.send(some, at_once=6)
                await asyncio.sleep(0.5)
                if not turns.left():
                    break
        await on.kept()
