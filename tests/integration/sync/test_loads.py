"""First loads: saved before they start, stopped and started again, narrowed by a filter."""

from __future__ import annotations

import pytest

from libs.errors import BadInput, Conflict
from services.sync import loads, plans
from services.sync.mappings.field import Name
from tests.integration.sync.stage import Stage
from tests.sims.p2p.control import repeated


async def save(stage: Stage, kind: Name, text: str = "", ticked: bool = True) -> None:
    async with stage.shop.pool.acquire() as conn:
        await loads.save(conn, stage.solution_id, "001", kind, ticked, text)


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
    assert await stage.shop.runner.work() == 1
    assert await states(stage) == {"gl_account": "done"}
    assert {each["number"] for each in await stage.control.all("CostType")} == {"0001", "0002", "0003"}
    await loads.begin(stage.shop, stage.solution_id, "001", "gl_account", text)
    assert await states(stage) == {"gl_account": "done"}
    assert repeated(await stage.control.journal()) == []


@pytest.mark.proves("R235")
async def test_a_tick_and_a_filter_narrow_the_running_sync_too(stage: Stage) -> None:
    await save(stage, "project", ticked=False)
    await save(stage, "gl_account", "reknr = '0001'")
    items = await stage.items(await stage.plan())
    assert not [each for each in items if each.kind == "project"]
    assert [each.after["number"] for each in items if each.kind == "gl_account" and each.after] == ["0001"]


@pytest.mark.proves("R231")
async def test_a_stopped_load_can_go_on_where_it_was(stage: Stage) -> None:
    await save(stage, "project")
    made = await loads.begin(stage.shop, stage.solution_id, "001", "project", "")
    async with stage.shop.pool.acquire() as conn:
        await loads.stop(conn, stage.solution_id, "001", "project")
    going_on = await loads.begin(stage.shop, stage.solution_id, "001", "project", "", resume=True)
    assert going_on.plan_id == made.plan_id
    assert await stage.shop.runner.work() == 1
    assert await states(stage) == {"project": "done"}
