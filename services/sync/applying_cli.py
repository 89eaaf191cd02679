"""Applying at a terminal: how far it is while it runs, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import NamedTuple

import typer
from rich.console import Console
from rich.progress import Progress

from libs.errors import Conflict
from libs.terminal import Language, say
from services.sync import applier, plans, showing
from services.sync.beside import beside
from services.sync.leases import Busy
from services.sync.plans import Plan
from services.sync.workshop import Workshop

LOOK_SECONDS = 0.5
OPEN = ("planned", "started", "noted")
"""States of records that nothing became of, or that were only noted."""


WAITING = (
    "Een ander schrijft nu over deze administratie: er wordt gewacht tot die klaar is, of {0:.0f} s als zijn proces er "
    "niet meer is / somebody else writes of this administration: waiting until they are done, or {0:.0f} s if their "
    "process is gone"
)


class Ended(NamedTuple):
    """A run, and how many records are in each state."""

    plan: Plan
    outcomes: dict[str, int]


async def applied(shop: Workshop, plan: Plan) -> Ended:
    """Apply an approved plan; on a terminal with a bar of how far it is. One that somebody else is at is waited for, and
    gone on with when that somebody turns out to be dead."""
    async with _bar(shop, plan):
        done = await _done(shop, plan)
    async with shop.pool.acquire() as conn:
        return Ended(done, await plans.outcomes(conn, plan.plan_id))


async def _done(shop: Workshop, plan: Plan) -> Plan:
    told = False
    while True:
        try:
            return await applier.apply(shop, plan.plan_id)
        except Conflict as refused:
            async with shop.pool.acquire() as conn:
                now = await plans.one(conn, plan.plan_id)
            if not isinstance(refused, Busy) and now.ended_at is not None:
                return now  # somebody else was the last to write
            if not isinstance(refused, Busy) or now.state not in ("approved", "applying"):
                raise
            if not told:
                say(WAITING.format(shop.settings.lease_seconds), err=True)
            told = True
            await asyncio.sleep(LOOK_SECONDS)


@contextlib.asynccontextmanager
async def _bar(shop: Workshop, plan: Plan) -> AsyncIterator[None]:
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=plan.writes)

        async def follow() -> None:
            async with shop.pool.acquire() as conn:
                found = await plans.outcomes(conn, plan.plan_id)
            progress.update(task, completed=sum(n for each, n in found.items() if each not in OPEN))

        async with beside(LOOK_SECONDS, follow, "sync bar"):
            yield


def tell(ended: Ended, lang: Language) -> None:
    """Say how it ended; ends the command with 1 when not all of it was done."""
    for line in showing.ended(*ended, lang.value):
        say(line)
    if ended.plan.state != "applied" or ended.outcomes.get("failed") or ended.outcomes.get("moved"):
        raise typer.Exit(1)
