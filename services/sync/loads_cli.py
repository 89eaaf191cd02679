"""The part of ``postbode sync`` that loads what is there already."""

from __future__ import annotations

import json
from typing import Annotated, cast
from uuid import UUID

import typer

from libs.terminal import say
from services.sync import clients, loads, plans
from services.sync.loads import Saved
from services.sync.mappings.field import Name
from services.sync.plans import Plan
from services.sync.sessions import Lang, Language, run
from services.sync.showing import word
from services.sync.workshop import Workshop

app = typer.Typer()

Solution = Annotated[str, typer.Argument(help="the configuration")]
Administration = Annotated[str, typer.Argument(help="the administration")]
Kind = Annotated[str, typer.Argument(help="gl_account, project, supplier …")]


@app.command("load-save")
def save(
    name: Solution,
    administration: Administration,
    kind: Kind,
    filter_: Annotated[str, typer.Option("--filter", help="a condition of at most 255 characters")] = "",
    ticked: Annotated[bool, typer.Option("--tick/--no-tick", help="sync this kind at all")] = True,
) -> None:
    """Save the tick and the filter of a kind; they also narrow what the running sync takes."""

    async def work(shop: Workshop) -> None:
        async with shop.pool.acquire() as conn:
            solution_id = await clients.named(conn, name)
            await loads.save(conn, solution_id, administration, cast("Name", kind), ticked, filter_)

    run(work)
    say("bewaard / saved")


@app.command("load-preview")
def preview(
    name: Solution,
    administration: Administration,
    kind: Kind,
    filter_: Annotated[str, typer.Option("--filter", help="a condition of at most 255 characters")] = "",
    limit: Annotated[int, typer.Option(help="rows shown", min=1, max=500)] = 20,
) -> None:
    """The rows a filter takes, before anything is saved or sent."""

    async def work(shop: Workshop) -> None:
        async with shop.pool.acquire() as conn:
            solution_id = await clients.named(conn, name)
        count, rows = await loads.preview(
            shop, solution_id, administration, cast("Name", kind), filter_, limit
        )
        for row in rows:
            say(json.dumps(row, default=str, ensure_ascii=False))
        say(f"{count} rijen / rows")

    run(work)


@app.command("load-start")
def start(
    name: Solution,
    administration: Administration,
    kind: Kind,
    filter_: Annotated[str, typer.Option("--filter", help="the filter as it was saved")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="go on where it was stopped")] = False,
    lang: Lang = Language.nl,
) -> None:
    """Load what is there already, from the beginning or where it was stopped; shows how far it is."""

    async def work(shop: Workshop) -> tuple[Plan, UUID]:
        async with shop.pool.acquire() as conn:
            solution_id = await clients.named(conn, name)
        made = await loads.begin(
            shop, solution_id, administration, cast("Name", kind), filter_, resume=resume
        )
        say(f"plan {made.plan_id}: {made.writes} te laden / to load")
        if made.writes:
            made = await shop.applier.apply(made.plan_id)
            async with shop.pool.acquire() as conn:
                await plans.load_ended(conn, made.plan_id)
        return made, solution_id

    made, _ = run(work)
    counts = ", ".join(f"{many} {word(action, lang.value)}" for action, many in made.counts.items() if many)
    say(
        f"{made.state}: {counts}"
        if made.writes
        else ("niets te laden" if lang is Language.nl else "nothing to load")
    )


@app.command("loads")
def show(name: Solution) -> None:
    """Ticks, filters and how far each load is."""

    async def work(shop: Workshop) -> list[Saved]:
        async with shop.pool.acquire() as conn:
            return await loads.saved(conn, await clients.named(conn, name))

    for each in run(work):
        tick = "☑" if each.ticked else "☐"
        say(
            f"{tick} {each.administration} {each.kind:18} {each.state:8} {each.done}/{each.total}  {each.filter}"
        )
