"""The part of ``postbode sync`` that loads what is there already."""

from __future__ import annotations

import json
from typing import Annotated, cast
from uuid import UUID

import typer

from libs.terminal import say
from services.sync import loads
from services.sync.applying_cli import Ended, applied, tell
from services.sync.loads import Saved
from services.sync.mappings.field import Name
from services.sync.sessions import Lang, Language, run_of
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

    async def work(shop: Workshop, solution_id: UUID) -> None:
        async with shop.pool.acquire() as conn:
            await loads.save(conn, solution_id, administration, cast("Name", kind), ticked, filter_)

    run_of(name, work)
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

    async def work(shop: Workshop, solution_id: UUID) -> None:
        count, rows = await loads.preview(
            shop, solution_id, administration, cast("Name", kind), filter_, limit
        )
        for row in rows:
            say(json.dumps(row, default=str, ensure_ascii=False))
        say(f"{count} rijen / rows")

    run_of(name, work)


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

    async def work(shop: Workshop, solution_id: UUID) -> Ended | None:
        made = await loads.begin(
            shop, solution_id, administration, cast("Name", kind), filter_, resume=resume
        )
        say(f"plan {made.plan_id}: {made.writes} te laden / to load")
        return await applied(shop, made) if made.state == "approved" else None

    ended = run_of(name, work)
    if ended is not None:
        tell(ended, lang)


@app.command("load-stop")
def stop(name: Solution, administration: Administration, kind: Kind) -> None:
    """Stop a load; it does not go on by itself. `load-start` begins anew, `load-start --resume` goes on."""

    async def work(shop: Workshop, solution_id: UUID) -> bool:
        async with shop.pool.acquire() as conn:
            return await loads.stop(conn, solution_id, administration, cast("Name", kind))

    say("gestopt / stopped" if run_of(name, work) else "loopt niet / not running")


@app.command("loads")
def show(name: Solution) -> None:
    """Ticks, filters and how far each load is."""

    async def work(shop: Workshop, solution_id: UUID) -> list[Saved]:
        async with shop.pool.acquire() as conn:
            return await loads.saved(conn, solution_id)

    for each in run_of(name, work):
        tick = "☑" if each.ticked else "☐"
        say(
            f"{tick} {each.administration} {each.kind:18} {each.state:8} {each.done}/{each.total}"
            f"{f', {each.failed} mislukt / failed' if each.failed else ''}  {each.filter}"
        )
