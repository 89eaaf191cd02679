"""From Globe+ to Purchase to Pay: plan, apply, change, plan, verify, on real storage on both sides."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from libs.errors import BadInput, Conflict
from libs.service import Wake
from services.sync import memory, plans
from services.sync.applier import Applier
from services.sync.leases import Busy, held
from services.sync.planner import Load
from services.sync.plans import Item
from services.sync.workshop import open_globe
from tests.integration.sync.stage import Stage
from tests.sims.globe import people, rows
from tests.sims.p2p import Fault
from tests.sims.p2p.control import repeated


def of(items: list[Item], kind: str) -> list[Item]:
    return [each for each in items if each.kind == kind]


async def first(stage: Stage, kind: type[rows.Row]) -> str:
    """The code of the first record of a table."""
    async with stage.administrations["001"].connection() as conn:
        code: str = await conn.fetchval(f'SELECT "{kind.key}" FROM "{kind.table}" ORDER BY 1 LIMIT 1')
    return code


@pytest.mark.proves("R200", "R240", "R300", "R302")
async def test_a_plan_is_applied_and_then_both_sides_are_alike(stage: Stage) -> None:
    plan = await stage.plan()
    assert (plan.state, plan.counts["create"] > 50, plan.counts["update"]) == ("ready", True, 1)
    done = await stage.apply(plan)
    items = await stage.items(done)
    assert done.state == "applied"
    assert {each.state for each in items} == {"applied", "noted"}
    order = list(dict.fromkeys(each.kind for each in items))
    assert order == [kind for kind in ORDER if kind in order]
    assert [each.rule for each in items if each.state == "noted" and not each.rule] == []

    again = await stage.plan()
    assert set(again.counts) <= {"none", "skip"}
    assert (await stage.plan("full")).writes == 0
    compared = await stage.shop.verify(stage.solution_id)
    assert {each.kind for each in compared.differences} <= {"supplier"}
    assert repeated(await stage.control.journal()) == []


ORDER = [
    "company",
    "organisation",
    "currency",
    "vat_code",
    "payment_condition",
    "cost_centre",
    "cost_unit",
    "gl_account",
    "project",
    "supplier",
]


@pytest.mark.proves("R301")
async def test_what_changes_in_globe_is_found_whatever_its_clock_says(stage: Stage) -> None:
    await stage.sync()
    globe = stage.administrations["001"]
    await globe.set_clock(fixed=datetime(2020, 1, 1, tzinfo=UTC))
    code = await first(stage, rows.GLAccount)
    await people.change(globe, rows.GLAccount, code, oms25="Eerste")
    async with globe.pending() as late:
        await late.execute("UPDATE kstdr SET oms25 = 'Laat' WHERE \"ID\" = 1")
        await people.change(globe, rows.GLAccount, code, oms25="Tweede")
        (account,) = of(await stage.sync(), "gl_account")
    assert account.after is not None
    assert account.after["description"] == "Tweede"
    (unit,) = of(await stage.sync(), "cost_unit")
    assert (unit.action, unit.state) == ("update", "applied")


@pytest.mark.proves("R237", "SB4")
async def test_a_renumbered_project_waits_for_its_next_change(stage: Stage) -> None:
    await stage.sync()
    globe = stage.administrations["001"]
    async with globe.connection() as conn:
        old, project = await conn.fetchrow(
            'SELECT "ProjectNr", "ID"::text FROM "PRProject" WHERE "InitialEndDate" IS NULL ORDER BY 1 LIMIT 1'
        )
    await people.renumber(globe, rows.Project, old, "HERNUMMERD")
    await stage.control.forget_journal()
    (skipped,) = of(await stage.sync(), "project")
    assert (skipped.action, skipped.rule) == ("skip", "R237")
    assert [
        each for each in await stage.control.journal() if each.method == "POST" and each.entity == "Project"
    ] == []
    await people.change(globe, rows.Project, "HERNUMMERD", Description="Verbouwing")
    await stage.sync()
    found = await stage.found("Project", f"001-{project}")
    assert (found["number"], found["description"]) == ("HERNUMMERD", "Verbouwing")


@pytest.mark.proves("R238", "R242", "R244", "R245", "SB6", "SB7")
async def test_what_is_deleted_in_globe_becomes_inactive_or_stays(stage: Stage) -> None:
    await stage.sync()
    globe = stage.administrations["001"]
    account, condition = await first(stage, rows.GLAccount), "14"
    async with globe.connection() as conn:
        record = await conn.fetchval('SELECT "ID" FROM grtbk WHERE reknr = $1', account)
    await people.delete(globe, rows.GLAccount, account)
    await people.delete(globe, rows.VatCode, "0E")
    await people.delete(globe, rows.PaymentCondition, condition)
    items = await stage.sync()
    assert [(e.action, e.rule) for e in of(items, "gl_account")] == [("deactivate", "R242")]
    assert [(e.action, e.rule) for e in of(items, "vat_code")] == [("deactivate", "R244")]
    assert [(e.action, e.rule) for e in of(items, "payment_condition")] == [("skip", "R245")]
    assert not (await stage.found("CostType", f"001-{record}"))["active"]
    assert not (await stage.found("VatRate", "001-0E"))["active"]
    await stage.found("PaymentCondition", condition)
    assert (await stage.plan()).writes == 0


@pytest.mark.proves("R241", "SB23")
async def test_an_administration_that_is_deleted_takes_its_cost_centres_along(stage: Stage) -> None:
    await stage.sync()
    for code in ("001", "777"):  # still there; never seen
        with pytest.raises(BadInput):
            await stage.plan(deleted=(code,))
    async with stage.administrations["001"].connection() as conn:
        await conn.execute("DELETE FROM bedryf")
    plan = await stage.plan(deleted=("001",))
    items = await stage.items(plan)
    assert {(e.kind, e.action, e.rule) for e in items} == {("cost_centre", "deactivate", "R241")}
    await stage.apply(plan)
    assert [e["active"] for e in await stage.control.all("CostCentre")] == [False] * len(items)


async def test_a_plan_whose_world_moved_is_refused_as_a_whole(stage: Stage) -> None:
    plan = await stage.plan()
    code = await first(stage, rows.CostUnit)
    await people.change(stage.administrations["001"], rows.CostUnit, code, oms25="Anders")
    done = await stage.apply(plan)
    assert done.state == "refused"
    assert done.trouble is not None
    assert "001-" in done.trouble["en"]
    assert await stage.control.all("CostUnit") == []
    assert (await stage.sync())[0].state == "applied"


async def test_a_record_that_moves_during_a_run_is_left_and_the_rest_goes_on(stage: Stage) -> None:
    """Somebody saves a ledger account while cost units are written: it is told, not written, and in the next plan."""
    plan = await stage.plan()
    async with stage.shop.pool.acquire() as conn:
        await plans.approve(conn, plan.plan_id, plan.hash)
    code = await first(stage, rows.GLAccount)
    changing: list[asyncio.Task[None]] = []

    def connect(account: object) -> object:
        p2p = stage.shop.connect(account)  # type: ignore[arg-type]
        update = p2p.update

        async def watched(resource: str, payload: dict[str, object]) -> None:
            if not changing:
                globe = stage.administrations["001"]
                changing.append(
                    asyncio.create_task(people.change(globe, rows.GLAccount, code, oms25="Ineens"))
                )
            await changing[0]
            await update(resource, payload)

        p2p.update = watched  # type: ignore[method-assign]
        return p2p

    settings = stage.settings.model_copy(update={"batch": 10})
    watching = Applier(settings, stage.shop.pool, stage.shop.seal, connect, open_globe, Wake())  # type: ignore[arg-type]
    done = await watching.apply(plan.plan_id)
    items = await stage.items(done)
    (moved,) = [each for each in items if each.state == "moved"]
    assert (done.state, moved.kind, {each.state for each in items}) == (
        "applied",
        "gl_account",
        {"applied", "noted", "moved"},
    )
    assert await stage.control.find("CostType", moved.external_id) is None
    assert [each.state for each in of(await stage.sync(), "gl_account")] == ["applied"]
    assert (await stage.found("CostType", moved.external_id))["description"] == "Ineens"


async def test_another_hash_is_not_this_plan(stage: Stage) -> None:
    plan = await stage.plan()
    async with stage.shop.pool.acquire() as conn:
        with pytest.raises(Conflict):
            await plans.approve(conn, plan.plan_id, "0" * 64)


@pytest.mark.proves("R303")
async def test_one_record_that_fails_stops_no_other(stage: Stage) -> None:
    await stage.control.keep(
        "CostUnit",
        {"externalId": "001-999", "number": "bezet", "description": "x", "translations": {}, "active": True},
    )
    code = await first(stage, rows.CostUnit)
    await people.change(stage.administrations["001"], rows.CostUnit, code, kstdrcode="bezet")
    plan = await stage.plan()
    done = await stage.apply(plan)
    failed = [each for each in await stage.items(done) if each.state == "failed"]
    assert done.state == "applied"
    assert [(e.kind, e.code) for e in failed] == [("cost_unit", "p2p-number-in-use")]
    assert failed[0].message is not None
    assert (await stage.outcomes(done))["applied"] > 50
    assert [e.external_id for e in of(await stage.items(await stage.plan()), "cost_unit")] == [
        failed[0].external_id
    ]


async def test_faults_of_purchase_to_pay_lose_and_double_nothing(stage: Stage) -> None:
    """Each fault, before and after the write, on a change of its own."""
    await stage.sync()
    globe = stage.administrations["001"]
    code = await first(stage, rows.GLAccount)
    for number, (kind, after) in enumerate(FAULTS):
        await people.change(globe, rows.GLAccount, code, oms25=f"Wijziging {number}")
        plan = await stage.plan()
        await stage.control.forget_journal()
        await stage.control.plan(
            Fault.model_validate(
                {
                    "kind": kind,
                    "entity": "CostType",
                    "method": "POST",
                    "after": after,
                    "times": 1,
                    "seconds": 0,
                }
            )
        )
        done = await stage.apply(plan)
        assert (await stage.control.planned(), done.state) == ([], "applied"), (kind, after)
        assert set(await stage.outcomes(done)) <= {"applied", "noted"}, (kind, after)
        doubled = repeated(await stage.control.journal())
        # Only an answer that was lost leaves a doubt, and is looked up; a plain refusal is simply tried again.
        assert doubled == [] or (after and kind in ("server_error", "unauthorised", "rate_limited"))
    assert (await stage.plan()).writes == 0


FAULTS = [
    (kind, after)
    for kind in ("timeout", "drop", "server_error", "unauthorised", "rate_limited")
    for after in (False, True)
]


async def test_a_key_that_expires_stops_the_run_and_it_can_go_on(stage: Stage) -> None:
    plan = await stage.plan()
    await stage.control.set(key_expired=True)
    stopped = await stage.apply(plan)
    assert stopped.state == "stopped"
    assert stopped.trouble is not None
    assert "API" in stopped.trouble["en"]
    await stage.control.set(key_expired=False)
    assert (await stage.apply(stopped)).state == "applied"


async def test_one_writer_per_administration(stage: Stage) -> None:
    plan = await stage.plan()
    async with stage.shop.pool.acquire() as conn:
        await plans.approve(conn, plan.plan_id, plan.hash)
    async with held(stage.shop.pool, plan.client_id, plan.account_id, ["001"], 30.0):
        with pytest.raises(Busy):
            await stage.shop.applier.apply(plan.plan_id)
    assert (await stage.shop.applier.apply(plan.plan_id)).state == "applied"


class Killed(BaseException):
    """As a process that is no more: nothing is tidied up."""


@pytest.mark.parametrize("writes", [1, 7])
async def test_a_run_that_is_killed_goes_on_and_nothing_is_applied_twice(stage: Stage, writes: int) -> None:
    """Killed between a write and its commit: what was started is looked up before anything is sent."""
    plan = await stage.plan()
    async with stage.shop.pool.acquire() as conn:
        await plans.approve(conn, plan.plan_id, plan.hash)
    left = writes

    def connect(account: object) -> object:
        p2p = stage.shop.connect(account)  # type: ignore[arg-type]
        update = p2p.update

        async def counted(resource: str, payload: dict[str, object]) -> None:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            await update(resource, payload)
            if left == 0:
                raise Killed

        p2p.update = counted  # type: ignore[method-assign]
        return p2p

    dying = Applier(stage.settings, stage.shop.pool, stage.shop.seal, connect, open_globe, Wake())  # type: ignore[arg-type]
    with pytest.raises(Killed):
        await dying.apply(plan.plan_id)
    done = await stage.shop.applier.apply(plan.plan_id)
    assert done.state == "applied"
    assert set(await stage.outcomes(done)) == {"applied", "noted"}
    assert repeated(await stage.control.journal()) == []


async def test_a_change_is_undone_and_not_sent_again_until_globe_changes(stage: Stage) -> None:
    await stage.sync()
    globe = stage.administrations["001"]
    code = await first(stage, rows.GLAccount)
    before = {e["externalId"]: e["description"] for e in await stage.control.all("CostType")}
    await people.change(globe, rows.GLAccount, code, oms25="Vergissing")
    plan = await stage.plan()
    (item,) = of(await stage.items(await stage.apply(plan)), "gl_account")
    await stage.shop.applier.undo(plan.plan_id, item.sequence)
    assert (await stage.found("CostType", item.external_id))["description"] == before[item.external_id]
    assert (await stage.plan()).writes == 0
    assert (await stage.plan("full")).writes == 0
    with pytest.raises(Conflict):
        await stage.shop.applier.undo(plan.plan_id, item.sequence)
    await people.change(globe, rows.GLAccount, code, oms25="Juist")
    await stage.sync()
    assert (await stage.found("CostType", item.external_id))["description"] == "Juist"


async def test_what_somebody_changed_in_purchase_to_pay_is_found_and_put_right(stage: Stage) -> None:
    await stage.sync()
    (unit, *_) = await stage.control.all("CostUnit")
    await stage.control.keep("CostUnit", {**unit, "description": "met de hand"})
    (item,) = of(await stage.sync(), "cost_unit")
    assert (item.action, item.state) == ("update", "applied")
    assert (await stage.found("CostUnit", unit["externalId"]))["description"] == unit["description"]


async def test_a_clock_put_back_and_letters_no_database_keeps_hide_nothing(stage: Stage) -> None:
    await stage.sync()
    (unit, *_) = await stage.control.all("CostUnit")
    await stage.control.set(clock_skew=-7200)
    await stage.control.keep("CostUnit", {**unit, "description": "met\0 de hand"})
    (item,) = of(await stage.sync(), "cost_unit")
    assert (item.action, item.state) == ("update", "applied")
    assert (await stage.found("CostUnit", unit["externalId"]))["description"] == unit["description"]
    assert (await stage.plan()).writes == 0


@pytest.mark.proves("R201", "R304")
async def test_a_code_that_one_administration_has_twice_is_told(stage: Stage) -> None:
    await stage.sync()
    async with stage.administrations["001"].connection() as conn:
        one, other = [
            row["id"]
            for row in await conn.fetch(
                "SELECT cmp_wwn::text AS id FROM cicmpy WHERE cmp_type <> 'E' AND cmp_status = 'A' ORDER BY crdcode LIMIT 2"
            )
        ]
        await conn.execute(
            "UPDATE cicmpy SET crdcode = (SELECT crdcode FROM cicmpy WHERE cmp_wwn::text = $1) WHERE cmp_wwn::text = $2",
            one,
            other,
        )
    plan = await stage.plan("load", Load("001", "supplier"))
    found = {each.record_id: (each.action, each.rule) for each in await stage.items(plan)}
    assert sorted([found[one], found[other]]) == [("create", ""), ("warn", "R201.7")]
    done = await stage.apply(plan)
    assert (done.state, (await stage.outcomes(done)).get("failed", 0)) == ("applied", 0)


async def test_a_mirror_that_was_never_read_is_read_whole(stage: Stage) -> None:
    await stage.sync()
    async with stage.shop.pool.acquire() as conn:
        await conn.execute("DELETE FROM mirror")
        await conn.execute("DELETE FROM mirror_cursor")
        await conn.execute("DELETE FROM identity")
    plan = await stage.plan()
    assert plan.writes == 0
    async with stage.shop.pool.acquire() as conn:
        assert await memory.count(conn, plan.client_id) > 50


async def test_a_locked_globe_is_a_named_outcome(stage: Stage) -> None:
    from services.sync.globe import reader

    reader.LOCK_SECONDS = 1
    try:
        async with stage.administrations["001"].locked("kstdr"):
            with pytest.raises(reader.GlobeAway):
                await asyncio.wait_for(stage.plan(), 30)
    finally:
        reader.LOCK_SECONDS = 10
