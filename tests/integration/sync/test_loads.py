"""First loads: saved before they start, stopped and started again, narrowed by a filter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from libs.errors import BadInput, Conflict
from services.sync import loads, noting, plans
from services.sync.mappings.field import Name
from services.sync.plans import Plan
from services.sync.runner import Runner
from tests.integration.sync.stage import Killed, Stage, change_account
from tests.sims.p2p.control import repeated


async def save(stage: Stage, kind: Name, text: str = "", ticked: bool = True) -> None:
    async with stage.shop.pool.acquire() as conn:
        await loads.save(conn, stage.solution_id, "001", kind, ticked, text)


async def start(stage: Stage, kind: Name, *, resume: bool = False) -> Plan:
    return await loads.begin(stage.shop, stage.solution_id, "001", kind, "", resume=resume)


async def states(stage: Stage) -> dict[str, str]:
    async with stage.shop.pool.acquire() as conn:
        return {each.kind: each.state for each in await loads.saved(conn, stage.solution_id)}


@pytest.mark.proves("R225", "R226", "R227", "R228", "R229", "R231", "SB14")
async def test_a_load_is_saved_started_stopped_and_started_anew(stage: Stage) -> None:
    text = "grtbk.reknr in ('0001', '0002', '0003')"
    with pytest.raises(Conflict):
        await loads.begin(stage.shop, stage.solution_id, "001", "gl_account", text)
    with pytest.raises(BadInput):
        await save(stage, "gl_account", "reknr in (select reknr from grtbk)")
    async with stage.shop.pool.acquire() as conn:
        with pytest.raises(BadInput):
            await loads.save(conn, stage.solution_id, "009", "gl_account", True, "")
    await save(stage, "gl_account", text)
    with pytest.raises(Conflict):  # typed over, not saved
        await loads.begin(stage.shop, stage.solution_id, "001", "gl_account", "reknr = '0001'")
    count, shown = await loads.preview(stage.shop, stage.solution_id, "001", "gl_account", text)
    assert (count, [row["reknr"].strip() for row in shown]) == (3, ["0001", "0002", "0003"])

    made = await loads.begin(stage.shop, stage.solution_id, "001", "gl_account", text)
    assert (made.state, made.writes, await states(stage)) == ("approved", 3, {"gl_account": "running"})
    with pytest.raises(Conflict):  # the icon is off while it runs
        await loads.begin(stage.shop, stage.solution_id, "001", "gl_account", text)
    async with stage.shop.pool.acquire() as conn:
        assert await loads.stop(conn, stage.solution_id, "001", "gl_account")
        assert (await plans.one(conn, made.plan_id)).state == "stopped"
    assert await states(stage) == {"gl_account": "stopped"}
    assert await stage.control.all("CostType") == []

    again = await loads.begin(stage.shop, stage.solution_id, "001", "gl_account", text)
    assert again.plan_id != made.plan_id
    assert await Runner(stage.shop).work() == 1
    assert await states(stage) == {"gl_account": "done"}
    assert {each["number"] for each in await stage.control.all("CostType")} == {"0001", "0002", "0003"}
    await loads.begin(stage.shop, stage.solution_id, "001", "gl_account", text)
    assert await states(stage) == {"gl_account": "done"}
    assert repeated(await stage.control.journal()) == []


@pytest.mark.proves("R231", "R235")
async def test_a_load_that_is_stopped_or_killed_while_its_plan_is_made_can_be_started_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(stage, "cost_unit", ticked=False)
    await save(stage, "gl_account", "reknr = '0001'")
    items = await stage.items(await stage.plan())  # a tick and a filter narrow the running sync too
    assert not [each for each in items if each.kind == "cost_unit"]
    assert [each.after["number"] for each in items if each.kind == "gl_account" and each.after] == ["0001"]

    await save(stage, "project")
    add = noting.Made.add
    between: list[Callable[[], Awaitable[object]]] = []

    async def slowly(made: Any, *given: Any) -> None:
        if between:
            await between.pop()()
        await add(made, *given)

    monkeypatch.setattr(noting.Made, "add", slowly)

    # Stopped, and started again at once: of the two only one is applied.
    again: list[Plan] = []

    async def stopped_and_started() -> None:
        async with stage.shop.pool.acquire() as conn:
            assert await loads.stop(conn, stage.solution_id, "001", "project")
        again.append(await start(stage, "project"))

    between.append(stopped_and_started)
    assert (await start(stage, "project")).state == "stopped"
    assert (again[0].state, (await states(stage))["project"]) == ("approved", "running")
    async with stage.shop.pool.acquire() as conn:
        assert await plans.open_plans(conn) == [again[0].plan_id]
        assert await loads.stop(conn, stage.solution_id, "001", "project")
    assert await Runner(stage.shop).work() == 0

    # Killed: it runs no longer than its maker would have said a word.
    async def dying() -> None:
        raise Killed

    between.append(dying)
    with pytest.raises(Killed):
        await start(stage, "project")
    assert (await states(stage))["project"] == "running"
    with pytest.raises(Conflict, match="load-stop"):
        await start(stage, "project")
    async with stage.shop.pool.acquire() as conn:
        await conn.execute("UPDATE plan SET alive_until = now() WHERE state = 'making'")
    assert (await states(stage))["project"] == "stopped"
    made = await start(stage, "project", resume=True)  # there is nothing to go on with: anew
    assert made.state == "approved"
    async with stage.shop.pool.acquire() as conn:
        assert [each.state for each in await plans.of(conn, stage.solution_id, 2)] == ["approved", "failed"]

    # One whose plan was complete goes on where it was.
    async with stage.shop.pool.acquire() as conn:
        assert await loads.stop(conn, stage.solution_id, "001", "project")
        assert not await loads.stop(conn, stage.solution_id, "001", "project")
    going_on = await start(stage, "project", resume=True)
    assert (going_on.plan_id, going_on.state) == (made.plan_id, "approved")
    assert await Runner(stage.shop).work() == 1
    assert (await states(stage))["project"] == "done"


async def test_a_pattern_that_ends_with_a_backslash_is_a_pattern(synced: Stage) -> None:
    """To Postgres a backslash is a mark of its own; to SQL Server it is a letter."""
    await change_account(synced, "C:\\map\\")
    for text, many in (("oms25 like '%\\'", 1), ("oms25 like '%:\\m%'", 1), ("oms25 like 'm\\'", 0)):
        found = await loads.preview(synced.shop, synced.solution_id, "001", "gl_account", text)
        assert found[0] == many, text
