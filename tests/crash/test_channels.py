"""kill -9 at every step of every channel, from the claim to the result and the arrival: what each receiver counts by its
own key came once. Several processes deliver, and each dies at a step at which fewest have died yet.

In ``make test`` the run's seed chooses some steps of each channel; ``make soak`` takes all, again and again. The storms of
``test_kills`` reach them too, among all others, when they are given time.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from libs.db.settings import DatabaseSettings
from tests.crash import scale
from tests.crash.faults import WINDOWS, Strike
from tests.crash.hub import Nursery
from tests.crash.people import RECEIVERS, Invoice, invoices
from tests.crash.scene import SERVICES, Scene, scene
from tests.crash.seed import SEED

pytestmark = pytest.mark.timeout(0 if scale.SOAK else 400)
PATIENCE = 300.0
"""Seconds for each time that every step is died at, for a machine that is busy with others."""
WORKERS = 5
"""Processes that only deliver. More would wait for each other's leases, and for a processor."""

OWN = {"smtp": "mail", "folder": "folder", "https": "push", "sftp": "sftp", "pull": "pull"}
"""The channels, and the part of a window's name that is theirs alone."""


def steps_of(channel: str) -> Iterator[Strike]:
    """Of one delivery, from *about to be claimed* to its result; where the receiver takes it away, to that being known."""
    yield from (Strike(f"dispatch.claim.{side}", who=channel) for side in ("before", "after"))
    if channel != "pull":  # Nothing is done there: it lies ready.
        yield from (Strike(f"dispatch.act.{side}", who=channel) for side in ("before", "after"))
    yield from (Strike(window) for window in WINDOWS if window.startswith(f"{OWN[channel]}."))
    yield from (Strike(f"result.commit.{side}", who=channel) for side in ("before", "after"))
    if channel in ("folder", "sftp"):
        yield from (Strike(f"arrivals.commit.{side}", who=channel) for side in ("before", "after"))


STEPS = tuple(step for channel in OWN for step in steps_of(channel))


def chosen(rng: random.Random) -> tuple[Strike, ...]:
    """So many of each channel's as a short run has time for; all in a long one."""
    if scale.SOAK:
        return STEPS
    return tuple(step for channel in OWN for step in rng.sample([*steps_of(channel)], scale.CHANNEL_STEPS))


class Turns:
    """The plan: each life of a process ends at a step at which fewest ended so far, of whichever channel is there first."""

    def __init__(self, on: Scene, steps: Sequence[Strike], each: int) -> None:
        self._hub = on.hub
        self._order = on.random.sample(steps, len(steps))
        self._each = each
        self._planned: dict[str, list[Strike]] = {}

    def __call__(self, name: str) -> Sequence[Strike]:
        self._planned.pop(name, None)
        if not name.startswith("deliver"):
            return ()
        taken = list(itertools.chain(*self._planned.values()))
        counts = self.counts()
        mine: dict[str, Strike] = {}
        for step in sorted(self.left(), key=lambda step: counts[step]):
            # Receivers that fetch ask the process that has the port; it has nothing else to die of while there is that.
            own = step.window.startswith("pull.")
            if step not in taken and own == (name == "deliver" and self._port_left()):
                mine.setdefault(step.who or step.window.partition(".")[0], step)
        self._planned[name] = list(mine.values())
        return self._planned[name]

    def _port_left(self) -> bool:
        return any(step.window.startswith("pull.") for step in self.left())

    def counts(self) -> Counter[Strike]:
        """How many processes ended at each step so far."""
        return Counter(Strike(**told["strike"]) for told in self._hub.reported() if "strike" in told)

    def left(self) -> list[Strike]:
        """The steps at which too few ended."""
        counts = self.counts()
        return [step for step in self._order if counts[step] < self._each]

    def table(self) -> str:
        """Kills at each step, a line for a channel."""
        counts = self.counts()
        return "\n".join(
            f"  {channel:7}"
            + ", ".join(f"{step.window} {counts[step]}" for step in steps_of(channel) if step in self._order)
            for channel in OWN
        )


def _round(n: int, rng: random.Random) -> list[Invoice]:
    """One invoice for each channel."""
    to = {each.by: each for each in rng.sample(RECEIVERS, len(RECEIVERS))}
    return [
        one
        for by, each in to.items()
        for one in invoices(1, rng, f"F{n:04d}-{by}-", to=(each,), mailed=0, unlawful=0)
    ]


async def test_each_step_of_each_channel_is_died_at(
    nursery: Nursery, database: DatabaseSettings, amqp_url: str, tmp_path: Path, seed: int
) -> None:
    each = max(1, scale.KILLS // 10)
    async with scene(nursery, database, amqp_url, tmp_path, seed=seed) as on:
        turns = on.hub.plan = Turns(on, chosen(random.Random(SEED)), each)
        for service in SERVICES:
            await on.hub.start(service, service, "serve")
        for n in range(WORKERS):
            await on.hub.start(f"deliver.worker.{n}", "deliver", "worker")
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE * each):
                for n in itertools.count():
                    await on.send(_round(n, on.random), at_once=5)
                    await asyncio.sleep(0.5)
                    if not turns.left():
                        break
        finally:
            print(f"{time.monotonic() - began:.0f} s, {turns.counts().total()} kills\n{turns.table()}")
        await on.kept()
