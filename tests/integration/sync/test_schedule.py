"""What the schedule does by itself, and what it asks about first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from libs import clock
from libs.errors import BadInput, Conflict
from services.sync import clients, plans
from services.sync.sides import Stopped
from tests.integration.sync.stage import Stage


async def due(stage: Stage) -> list[plans.Plan]:
    """The schedule's turn comes; the plans there are then, newest first."""
    async with stage.shop.pool.acquire() as conn:
        await clients.activate(conn, stage.solution_id, True, clock.now() - timedelta(minutes=1))
    await stage.shop.runner.schedule()
    async with stage.shop.pool.acquire() as conn:
        return await plans.of(conn, stage.solution_id, 10)


async def emitted(stage: Stage) -> list[str]:
    async with stage.shop.pool.acquire() as conn:
        return [row["routing_key"] for row in await conn.fetch("SELECT routing_key FROM outbox ORDER BY id")]


@pytest.mark.proves("R206", "R207")
async def test_the_schedule_plans_and_lets_its_plan_be_applied_once(stage: Stage) -> None:
    (made,) = await due(stage)
    assert (made.state, await emitted(stage)) == ("ready", ["masterdata.plan_approved.v1"])
    await stage.shop.runner.schedule()  # not due again
    async with stage.shop.pool.acquire() as conn:
        assert len(await plans.of(conn, stage.solution_id, 10)) == 1
        await clients.activate(conn, stage.solution_id, False, None)
    await stage.shop.runner.schedule()
    async with stage.shop.pool.acquire() as conn:
        assert len(await plans.of(conn, stage.solution_id, 10)) == 1


async def test_a_plan_that_deactivates_much_waits_for_a_person(stage: Stage) -> None:
    await stage.sync()
    async with stage.administrations["001"].connection() as conn:
        await conn.execute('DELETE FROM "PRProject"')
    before = len(await emitted(stage))
    (asking, *_) = await due(stage)
    assert (asking.state, len(asking.objections)) == ("asking", 1)
    assert len(await emitted(stage)) == before
    assert (await stage.apply(asking)).state == "applied"
    assert not any(each["active"] for each in await stage.control.all("Project"))


@pytest.mark.proves("R214", "R216", "R217", "R219")
async def test_settings_of_purchase_to_pay_are_checked(stage: Stage) -> None:
    async def failing() -> set[str]:
        try:
            plan = await stage.plan()
        except Stopped as stopped:
            found = stopped.extra["checks"]
            assert isinstance(found, list)
            return {each["rule"] for each in found}
        return {each["rule"] for each in plan.checks if each["met"] is False}

    assert await failing() == set()
    await stage.control.set(invoicing=False)
    assert await failing() == {"R217"}
    await stage.control.set(invoicing=True, api_right=False)
    assert await failing() == {"R214"}
    await stage.control.set(api_right=True)
    await stage.control.setting("DIFFERENT_SUPPLIERS_BY_COMPANY", "No")
    assert await failing() == {"R216"}
    await stage.control.setting("DIFFERENT_SUPPLIERS_BY_COMPANY", "Yes")
    approved = await stage.plan()
    await stage.control.remove("AddressType", "POS")
    assert await failing() == {"R219"}
    with pytest.raises(Stopped):
        await stage.shop.verify(stage.solution_id)
    stopped = await stage.apply(approved)
    assert (stopped.state, await stage.outcomes(stopped)) == ("stopped", await stage.outcomes(approved))
    (failed, *_) = await due(stage)  # nobody is there to be told: it is kept
    assert (failed.state, failed.trouble is not None) == ("failed", True)
    assert [each["rule"] for each in failed.checks if each["met"] is False] == ["R219"]
    with pytest.raises(Conflict):
        await stage.apply(failed)


@pytest.mark.proves("R204")
async def test_a_configuration_without_administrations_is_refused(stage: Stage) -> None:
    async with stage.shop.pool.acquire() as conn:
        await conn.execute("DELETE FROM member")
    for work in (stage.plan(), stage.plan("full"), stage.shop.verify(stage.solution_id)):
        with pytest.raises(Stopped) as refused:
            await work
        checks = refused.value.extra["checks"]
        assert isinstance(checks, list)
        assert [each["rule"] for each in checks] == ["R204"]
    async with stage.shop.pool.acquire() as conn, conn.transaction():
        found = await clients.solution(conn, stage.shop.seal, stage.solution_id)
        for codes in ([], ["001", "001"], ["001", "009"]):
            with pytest.raises(BadInput):
                await clients.change_members(conn, found.account_id, stage.solution_id, codes)


@pytest.mark.proves("R218", "SB9")
async def test_the_switched_feature_is_refused_until_it_is_accepted_and_nothing_is_made_twice(
    stage: Stage,
) -> None:
    await stage.sync()
    known = {each["externalId"] for each in await stage.control.all("CostType")}
    await stage.control.setting("EXACTGLOBE_ADMINS_SAME_COSTTYPES", "True")
    with pytest.raises(Stopped):
        await stage.plan()
    async with stage.shop.pool.acquire() as conn:
        await clients.remember_cost_types(conn, stage.solution_id, True)
    plan = await stage.plan("full")
    assert not [
        each for each in await stage.items(plan) if each.kind == "gl_account" and each.action == "create"
    ]
    assert {each["externalId"] for each in await stage.control.all("CostType")} == known


@pytest.mark.proves("R205")
async def test_other_administrations_in_one_action_keep_every_identity(stage: Stage) -> None:
    await stage.sync()
    async with stage.shop.pool.acquire() as conn, conn.transaction():
        found = await clients.solution(conn, stage.shop.seal, stage.solution_id)
        await clients.put_administration(conn, stage.shop.seal, found.account_id, found.members[0])
        await clients.change_members(conn, found.account_id, stage.solution_id, ["001"])
    assert (await stage.plan("full")).writes == 0
