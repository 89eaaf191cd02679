"""The part of ``postbode sync`` that plans, applies, compares and takes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from libs.terminal import say
from services.sync import clients, plans, showing
from services.sync.checks import Check
from services.sync.plans import Item, Plan
from services.sync.sessions import AsJson, Lang, Language, run
from services.sync.sides import opened
from services.sync.verifying import Comparison
from services.sync.workshop import Workshop, open_globe

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="the configuration")]
PlanId = Annotated[UUID, typer.Argument(help="the plan")]


@app.command("check")
def check(name: Name, lang: Lang = Language.nl) -> None:
    """The preconditions, one by one. Ends 1 when one is not met."""

    async def work(shop: Workshop) -> tuple[Check, ...]:
        async with shop.pool.acquire() as conn:
            found = await clients.solution(conn, shop.seal, await clients.named(conn, name))
        async with opened(found, shop.connect, open_globe) as sides:
            return sides.checks

    checks = run(work)
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

    async def work(shop: Workshop) -> tuple[Plan, list[Item]]:
        async with shop.pool.acquire() as conn:
            solution_id = await clients.named(conn, name)
        made = await shop.planner.plan(solution_id, "full" if full else "changes", deleted=deleted or ())
        async with shop.pool.acquire() as conn:
            return made, await plans.items(conn, made.plan_id, 0, 1_000_000)

    made, items = run(work)
    _print(made, items, lang, as_json, html)


@app.command("show")
def show(
    plan_id: PlanId,
    html: Annotated[Path | None, typer.Option(help="write it as a page into this file")] = None,
    lang: Lang = Language.nl,
    as_json: AsJson = False,
) -> None:
    """A plan, and what became of each record."""

    async def work(shop: Workshop) -> tuple[Plan, list[Item]]:
        async with shop.pool.acquire() as conn:
            return await plans.one(conn, plan_id), await plans.items(conn, plan_id, 0, 1_000_000)

    found, items = run(work)
    _print(found, items, lang, as_json, html)


def _print(made: Plan, items: list[Item], lang: Language, as_json: bool, html: Path | None) -> None:
    if html is not None:
        html.write_text(showing.as_html(made, items, lang.value), "utf-8")
    if as_json:
        say(json.dumps(showing.as_json(made, items)))
        return
    for line in (*showing.heads(made, lang.value), *showing.lines(items, lang.value)):
        say(line)


@app.command("runs")
def runs(
    name: Name,
    limit: Annotated[int, typer.Option(help="how many at most", min=1, max=1000)] = 20,
    lang: Lang = Language.nl,
) -> None:
    """The plans of a configuration, newest first."""

    async def work(shop: Workshop) -> list[Plan]:
        async with shop.pool.acquire() as conn:
            return await plans.of(conn, await clients.named(conn, name), limit)

    for each in run(work):
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

    async def work(shop: Workshop) -> tuple[Plan, dict[str, int]]:
        async with shop.pool.acquire() as conn:
            found = await plans.one(conn, plan_id)
            if found.state != "applying":
                await plans.approve(conn, plan_id, hash_ or found.hash)
        done = await shop.applier.apply(plan_id)
        async with shop.pool.acquire() as conn:
            return done, await plans.outcomes(conn, plan_id)

    done, outcomes = run(work)
    say(f"{done.state}: " + ", ".join(f"{many} {state}" for state, many in sorted(outcomes.items())))
    if done.trouble:
        say(done.trouble[lang.value])
    if done.state != "applied" or outcomes.get("failed") or outcomes.get("moved"):
        raise typer.Exit(1)


@app.command("stop")
def stop(plan_id: PlanId) -> None:
    """Stop a run after the records it is at; `apply` goes on with it."""

    async def work(shop: Workshop) -> bool:
        async with shop.pool.acquire() as conn:
            return await plans.move(conn, plan_id, "stopped", ("approved", "applying"))

    say("gestopt / stopped" if run(work) else "loopt niet / not running")


@app.command("verify")
def verify(name: Name, lang: Lang = Language.nl, as_json: AsJson = False) -> None:
    """Compare both sides whole. Ends 1 when they are not alike."""

    async def work(shop: Workshop) -> Comparison:
        async with shop.pool.acquire() as conn:
            solution_id = await clients.named(conn, name)
        return await shop.verify(solution_id)

    found = run(work)
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
        await shop.applier.undo(plan_id, sequence)

    run(work)
    say("teruggedraaid / undone")


@app.command("cost-types")
def cost_types(name: Name) -> None:
    """Accept the switched feature EXACTGLOBE_ADMINS_SAME_COSTTYPES: cost types that went over keep their identity."""

    async def work(shop: Workshop) -> bool:
        async with shop.pool.acquire() as conn:
            found = await clients.solution(conn, shop.seal, await clients.named(conn, name))
        async with opened(found, shop.connect, open_globe) as sides:
            async with shop.pool.acquire() as conn:
                await clients.remember_cost_types(conn, found.solution_id, sides.same_cost_types)
            return sides.same_cost_types

    say(f"EXACTGLOBE_ADMINS_SAME_COSTTYPES = {run(work)}")
