"""What the schedule does by itself, and what it asks about first."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from libs import clock
from libs.errors import BadInput, Conflict
from services.sync import clients, loads, plans
from services.sync.given import GivenChange, GivenSettings
from services.sync.runner import Runner
from services.sync.sides import Stopped
from services.sync.verifying import verify
from tests.integration.sync.stage import Stage, change_account


async def due(stage: Stage) -> list[plans.Plan]:
    """The schedule's turn comes; the plans there are then, newest first."""
    async with stage.shop.pool.acquire() as conn:
        await clients.activate(conn, stage.solution_id, True, clock.now() - timedelta(minutes=1))
    await Runner(stage.shop).schedule()
    async with stage.shop.pool.acquire() as conn:
        return await plans.of(conn, stage.solution_id, 10)


async def emitted(stage: Stage) -> list[str]:
    async with stage.shop.pool.acquire() as conn:
        return [row["routing_key"] for row in await conn.fetch("SELECT routing_key FROM outbox ORDER BY id")]


@pytest.mark.proves("R206", "R207")
async def test_the_schedule_plans_and_lets_its_plan_be_applied_once(synced: Stage) -> None:
    async def many() -> int:
        async with synced.shop.pool.acquire() as conn:
            return len(await plans.of(conn, synced.solution_id, 1000))

    await synced.shop.change(synced.solution_id, GivenChange(every="day", at=time(6, 30)))
    with pytest.raises(BadInput):
        await synced.shop.change(synced.solution_id, GivenChange(timezone="Europa/Amsterdam"))
    first = await synced.shop.activate(synced.solution_id)
    assert first.astimezone(ZoneInfo("Europe/Amsterdam")).time() == time(6, 30)
    await synced.shop.change(synced.solution_id, GivenChange(every="1h"))
    before = await emitted(synced)
    await change_account(synced, "Volgens rooster")
    (made, *_) = await due(synced)
    assert (made.state, (await emitted(synced))[len(before) :]) == ("ready", ["masterdata.plan_approved.v1"])
    planned = await many()
    await Runner(synced.shop).schedule()  # not due again
    assert await many() == planned
    async with synced.shop.pool.acquire() as conn:
        await clients.activate(conn, synced.solution_id, False, None)
    await Runner(synced.shop).schedule()
    assert await many() == planned


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
async def test_settings_of_purchase_to_pay_are_checked(synced: Stage) -> None:
    async def failing() -> set[str]:
        try:
            plan = await synced.plan()
        except Stopped as stopped:
            found = stopped.extra["checks"]
            assert isinstance(found, list)
            return {each["rule"] for each in found}
        return {each["rule"] for each in plan.checks if each["met"] is False}

    assert await failing() == set()
    await synced.control.set(invoicing=False)
    assert await failing() == {"R217"}
    await synced.control.set(invoicing=True, api_right=False)
    assert await failing() == {"R214"}
    await synced.control.set(api_right=True)
    await synced.control.setting("DIFFERENT_SUPPLIERS_BY_COMPANY", "No")
    assert await failing() == {"R216"}
    await synced.control.setting("DIFFERENT_SUPPLIERS_BY_COMPANY", "Yes")
    await change_account(synced, "Goedgekeurd")
    approved = await synced.plan()
    await synced.control.remove("AddressType", "POS")
    assert await failing() == {"R219"}
    with pytest.raises(Stopped):
        await verify(synced.shop, synced.solution_id)
    stopped = await synced.apply(approved)
    assert (stopped.state, await synced.outcomes(stopped)) == ("stopped", await synced.outcomes(approved))
    (failed, *_) = await due(synced)  # nobody is there to be told: it is kept
    assert (failed.state, failed.trouble is not None) == ("failed", True)
    assert [each["rule"] for each in failed.checks if each["met"] is False] == ["R219"]
    with pytest.raises(Conflict):
        await synced.apply(failed)
    await synced.control.keep("AddressType", {"code": "POS", "description": "Postadres"})


@pytest.mark.proves("R204")
async def test_a_configuration_without_administrations_is_refused(synced: Stage) -> None:
    async with synced.shop.pool.acquire() as conn:
        await conn.execute("DELETE FROM member")
    for work in (synced.plan(), synced.plan("full"), verify(synced.shop, synced.solution_id)):
        with pytest.raises(Stopped) as refused:
            await work
        checks = refused.value.extra["checks"]
        assert isinstance(checks, list)
        assert [each["rule"] for each in checks] == ["R204"]
    async with synced.shop.pool.acquire() as conn, conn.transaction():
        found = await clients.solution(conn, synced.shop.seal, synced.solution_id)
        for codes in ([], ["001", "001"], ["001", "009"]):
            with pytest.raises(BadInput):
                await clients.change_members(conn, found.account_id, synced.solution_id, codes)
        await clients.change_members(conn, found.account_id, synced.solution_id, ["001"])


@pytest.mark.proves("R218", "SB9")
async def test_the_switched_feature_is_refused_until_it_is_accepted_and_nothing_is_made_twice(
    synced: Stage,
) -> None:
    known = {each["externalId"] for each in await synced.control.all("CostType")}
    await synced.control.setting("EXACTGLOBE_ADMINS_SAME_COSTTYPES", "True")
    with pytest.raises(Stopped):
        await synced.plan()
    assert await synced.shop.accept_cost_types(synced.solution_id)
    plan = await synced.plan("full")
    assert not [
        each for each in await synced.items(plan) if each.kind == "gl_account" and each.action == "create"
    ]
    assert {each["externalId"] for each in await synced.control.all("CostType")} == known
    await synced.control.setting("EXACTGLOBE_ADMINS_SAME_COSTTYPES", "False")
    assert not await synced.shop.accept_cost_types(synced.solution_id)


@pytest.mark.proves("R202", "R205")
async def test_other_administrations_in_one_action_keep_every_identity(synced: Stage) -> None:
    async with synced.shop.pool.acquire() as conn, conn.transaction():
        found = await clients.solution(conn, synced.shop.seal, synced.solution_id)
        await clients.put_administration(conn, synced.shop.seal, found.account_id, found.members[0])
        await clients.change_members(conn, found.account_id, synced.solution_id, ["001"])
    assert (await synced.plan("full")).writes == 0
    member = found.members[0]
    async with synced.shop.pool.acquire() as conn:
        await clients.put_administration(
            conn, synced.shop.seal, found.account_id, replace(member, product_update="420")
        )
        with pytest.raises(Conflict) as refused:
            await synced.shop.activate(synced.solution_id)
        await clients.put_administration(conn, synced.shop.seal, found.account_id, member)
    assert refused.value.code == "unsupported-update"


async def test_other_settings_are_seen_by_the_next_plan_and_by_those_after_it_until_one_is_applied(
    synced: Stage,
) -> None:
    async def days(source: Literal["term_days"] | None) -> None:
        await synced.shop.change(
            synced.solution_id, GivenChange(settings=GivenSettings(condition_days=source))
        )

    async def ticked(yes: bool) -> None:
        async with synced.shop.pool.acquire() as conn:
            await loads.save(conn, synced.solution_id, "001", "payment_condition", yes, "")

    await days("term_days")
    many = (await synced.plan()).writes
    assert many > 2
    plan = await synced.plan()  # nobody applied the one before
    assert (plan.writes, plan.counts.get("skip", 0)) == (many, 0)
    await days(None)
    assert (await synced.plan()).writes == 0
    # What is not synced is not looked at; it is as soon as it is synced again.
    await ticked(False)
    await days("term_days")
    assert (await synced.plan()).writes == 0
    await ticked(True)
    assert (await synced.plan()).writes == many
    await days(None)
