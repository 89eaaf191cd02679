"""The part of ``postbode sync`` that plans, applies, compares and takes back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from libs.terminal import say
from services.sync import history, planner, plans, showing, undoing, verifying
from services.sync.applying_cli import Ended, applied, tell
from services.sync.checks import Check
from services.sync.plans import Item, Plan
from services.sync.sessions import AsJson, Lang, Language, run, run_of
from services.sync.verifying import Comparison
from services.sync.workshop import Workshop

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="the configuration")]
PAGE = 1000
"""Records read at once."""

PlanId = Annotated[UUID, typer.Argument(help="the plan")]


@app.command("check")
def check(name: Name, lang: Lang = Language.nl) -> None:
    """The preconditions, one by one. Ends 1 when one is not met."""

    async def work(shop: Workshop, solution_id: UUID) -> tuple[Check, ...]:
        async with shop.opened(solution_id) as sides:
            return sides.checks

    checks = run_of(name, work)
    for each in checks:
        mark = {True: "✓", False: "✗", None: "?"}[each.met]
        words = each.words.nl if lang is Language.nl else each.words.en
        say(f"{mark} {each.rule:8} {words if each.met is not True else (each.administration or '')}")
    if any(each.stops for each in checks):
        raise typer.Exit(1)


@app.command("plan")
def plan(
    name: Name,
    full: Annotated[
        bool, typer.Option("--full", help="read both sides whole, not only what changed")
    ] = False,
    deleted: Annotated[
        list[str] | None,
        typer.Option(help="an administration that was deleted in Globe+ (its cost centres become inactive)"),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="write the plan as a page into this file")] = None,
    lang: Lang = Language.nl,
    as_json: AsJson = False,
) -> None:
    """Read both sides and list what would be done. Changes nothing."""

    async def work(shop: Workshop, solution_id: UUID) -> None:
        made = await planner.plan(shop, solution_id, "full" if full else "changes", deleted=deleted or ())
        await _print(shop, made, lang, as_json, html)

    run_of(name, work)


@app.command("show")
def show(
    plan_id: PlanId,
    html: Annotated[Path | None, typer.Option(help="write it as a page into this file")] = None,
    lang: Lang = Language.nl,
    as_json: AsJson = False,
) -> None:
    """A plan, and what became of each record."""

    async def work(shop: Workshop) -> None:
        async with shop.pool.acquire() as conn:
            found = await plans.one(conn, plan_id)
        await _print(shop, found, lang, as_json, html)

    run(work)


async def _print(shop: Workshop, made: Plan, lang: Language, as_json: bool, html: Path | None) -> None:
    """A page at a time: a first plan has a hundred thousand records."""
    if html is not None:
        shown = 0
        with html.open("w", encoding="utf-8") as page:
            page.write(showing.page_head(made, lang.value))
            async for items in _pages(shop, made):
                page.write(showing.page_rows(items, lang.value))
                shown += len(items)
            page.write(showing.page_end(made, shown, lang.value))
    if as_json:
        say(json.dumps(showing.as_json(made))[:-1] + ', "items": [')
        between = ""
        async for items in _pages(shop, made):
            for each in items:
                say(between + json.dumps(showing.item_json(each)))
                between = ","
        say("]}")
        return
    for line in showing.heads(made, lang.value):
        say(line)
    async for items in _pages(shop, made):
        for line in showing.lines(items, lang.value):
            say(line)


async def _pages(shop: Workshop, made: Plan) -> AsyncIterator[list[Item]]:
    after = 0
    while True:
        async with shop.pool.acquire() as conn:
            items = await plans.items(conn, made.plan_id, after, PAGE)
        if not items:
            return
        yield items
        after = items[-1].sequence


@app.command("runs")
def runs(
    name: Name,
    limit: Annotated[int, typer.Option(help="how many at most", min=1, max=1000)] = 20,
    lang: Lang = Language.nl,
) -> None:
    """The plans of a configuration, newest first."""

    async def work(shop: Workshop, solution_id: UUID) -> list[Plan]:
        async with shop.pool.acquire() as conn:
            return await plans.of(conn, solution_id, limit)

    for each in run_of(name, work):
        say(f"{each.made_at:%Y-%m-%d %H:%M}  {each.mode:7}  {showing.summary(each, lang.value)}")


@app.command("apply")
def apply(
    plan_id: PlanId,
    hash_: Annotated[
        str | None,
        typer.Option("--hash", help="the hash you looked at; without it, that of the plan as it stands"),
    ] = None,
    lang: Lang = Language.nl,
) -> None:
    """Do exactly what the plan says, or refuse when something changed since. Goes on with one that was cut short."""

    async def work(shop: Workshop) -> Ended:
        async with shop.pool.acquire() as conn:
            found = await plans.one(conn, plan_id)
            if found.state != "applying":
                await plans.approve(conn, plan_id, hash_ or found.hash)
        return await applied(shop, found)

    tell(run(work), lang)


@app.command("stop")
def stop(plan_id: PlanId) -> None:
    """Stop a run after the records it is at; `apply` goes on with it."""

    async def work(shop: Workshop) -> bool:
        async with shop.pool.acquire() as conn:
            return await plans.stop(conn, plan_id)

    say("gestopt / stopped" if run(work) else "loopt niet / not running")


@app.command("verify")
def verify(name: Name, lang: Lang = Language.nl, as_json: AsJson = False) -> None:
    """Compare both sides whole. Ends 1 when they are not alike."""

    async def work(shop: Workshop, solution_id: UUID) -> Comparison:
        return await verifying.verify(shop, solution_id)

    found = run_of(name, work)
    if as_json:
        differences = [
            {
                "kind": d.kind,
                "administration": d.administration,
                "external_id": d.external_id,
                "how": d.how,
                "fields": d.fields,
            }
            for d in found.differences
        ]
        left_out = [each.as_json() for each in found.left_out]
        say(json.dumps({"counts": found.counts, "differences": differences, "left_out": left_out}))
    else:
        for line in showing.comparison(found, lang.value):
            say(line)
    if not found.alike:
        raise typer.Exit(1)


@app.command("undo")
def undo(
    plan_id: PlanId,
    sequence: Annotated[int, typer.Argument(help="the number of the record in the plan")],
) -> None:
    """Take an applied change back, while nothing newer lies on it. It is not sent again until Globe+ changes."""

    async def work(shop: Workshop) -> None:
        await undoing.undo(shop, plan_id, sequence)

    run(work)
    say("teruggedraaid / undone")


@app.command("cost-types")
def cost_types(name: Name) -> None:
    """Accept the switched feature EXACTGLOBE_ADMINS_SAME_COSTTYPES: cost types that went over keep their identity."""

    async def work(shop: Workshop, solution_id: UUID) -> bool:
        return await shop.accept_cost_types(solution_id)

    say(f"EXACTGLOBE_ADMINS_SAME_COSTTYPES = {run_of(name, work)}")


@app.command("history")
def history_of(
    kind: Annotated[str, typer.Argument(help="gl_account, project, supplier …")],
    external_id: Annotated[str, typer.Argument(help="its identification number in Purchase to Pay")],
    lang: Lang = Language.nl,
) -> None:
    """What became of one record in every run, oldest first."""

    async def work(shop: Workshop) -> list[dict[str, Any]]:
        async with shop.pool.acquire() as conn:
            return await history.of(conn, kind, external_id)

    found = run(work)
    if not found:
        say("niets / nothing")
    for each in found:
        rule = " ".join(filter(None, (each["rule"], each["code"])))
        outcome = showing.OUTCOMES[each["outcome"]][lang is Language.en]
        say(
            f"{each['at']:%Y-%m-%d %H:%M}  {each['administration']:4} {showing.word(each['action'], lang.value)}: "
            f"{outcome}{f' ({rule})' if rule else ''}  plan {each['plan_id']}"
        )
