"""From Globe+ to Purchase to Pay: plan, apply, change, plan, verify, on real storage on both sides."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.errors import BadInput, Conflict
from libs.service import Wake
from services.sync import memory, plans
from services.sync.applier import apply
from services.sync.globe.reader import Globe as Reader
from services.sync.leases import Busy, held
from services.sync.p2p.client import P2P, Account
from services.sync.planner import Load
from services.sync.verifying import verify
from services.sync.workshop import Workshop
from tests.integration.sync.stage import (
    Stage,
    change_account,
    first,
    of,
    writing,
)
from tests.sims.globe import people, rows
from tests.sims.p2p.control import repeated


@pytest.mark.proves("R200", "R240", "R241", "R300", "R301", "R302", "SB23")
async def test_a_plan_is_applied_and_then_both_sides_are_alike(stage: Stage) -> None:
    plan = await stage.plan()
    assert (plan.state, plan.counts["create"] > 50, plan.counts["update"]) == ("ready", True, 1)
    async with stage.shop.pool.acquire() as conn:
        with pytest.raises(Conflict):  # not the hash of this plan
            await plans.approve(conn, plan.plan_id, "0" * 64)
        await plans.approve(conn, plan.plan_id, plan.hash)
    async with held(stage.shop.pool, plan.client_id, plan.account_id, ["001"], 30.0):
        with pytest.raises(Busy):  # one writer per administration
            await apply(stage.shop, plan.plan_id)

    await stage.control.set(key_expired=True)
    stopped = await stage.apply(plan)
    assert stopped.state == "stopped"
    assert stopped.trouble is not None
    assert "API" in stopped.trouble["en"]
    await stage.control.set(key_expired=False)
    done = await stage.apply(stopped)
    items = await stage.items(done)
    assert done.state == "applied"
    assert {each.state for each in items} == {"applied", "noted"}
    order = list(dict.fromkeys(each.kind for each in items))
    assert order == [kind for kind in ORDER if kind in order]
    assert [each.rule for each in items if each.state == "noted" and not each.rule] == []

    again = await stage.plan()
    assert set(again.counts) <= {"none", "skip"}
    assert (await stage.plan("full")).writes == 0
    compared = await verify(stage.shop, stage.solution_id)
    assert {each.kind for each in compared.differences} <= {"supplier"}
    assert repeated(await stage.control.journal()) == []
    await the_administration_is_deleted(stage)


async def the_administration_is_deleted(stage: Stage) -> None:
    """R241: it takes its cost centres along."""
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
async def test_what_changes_in_globe_is_found_whatever_its_clock_says(synced: Stage) -> None:
    globe = synced.administrations["001"]
    await globe.set_clock(fixed=datetime(2020, 1, 1, tzinfo=UTC))
    await change_account(synced, "Eerste")
    async with globe.pending() as late:
        await late.execute("UPDATE kstdr SET oms25 = 'Laat' WHERE \"ID\" = 1")
        await change_account(synced, "Tweede")
        async with globe.connection() as conn:  # stamped later, committed sooner
            await conn.execute("UPDATE kstdr SET oms25 = 'Eerder' WHERE \"ID\" = 2")
        (account,) = of(await synced.sync(), "gl_account")
        assert (await synced.plan()).writes == 0
    assert account.after is not None
    assert account.after["description"] == "Tweede"
    (unit,) = of(await synced.sync(), "cost_unit")
    assert (unit.external_id, unit.action, unit.state) == ("001-1", "update", "applied")


@pytest.mark.proves("R237", "SB4")
async def test_a_renumbered_project_waits_for_its_next_change(synced: Stage) -> None:
    globe = synced.administrations["001"]
    async with globe.connection() as conn:
        old, project = await conn.fetchrow(
            'SELECT "ProjectNr", "ID"::text FROM "PRProject" WHERE "InitialEndDate" IS NULL ORDER BY 1 LIMIT 1'
        )
    await people.renumber(globe, rows.Project, old, "HERNUMMERD")
    await synced.control.forget_journal()
    (skipped,) = of(await synced.sync(), "project")
    assert (skipped.action, skipped.rule) == ("skip", "R237")
    assert [
        each for each in await synced.control.journal() if each.method == "POST" and each.entity == "Project"
    ] == []
    await people.change(globe, rows.Project, "HERNUMMERD", Description="Verbouwing")
    await synced.sync()
    found = await synced.found("Project", f"001-{project}")
    assert (found["number"], found["description"]) == ("HERNUMMERD", "Verbouwing")


@pytest.mark.proves("R238", "R242", "R244", "R245", "SB6", "SB7")
async def test_what_is_deleted_in_globe_becomes_inactive_or_stays(synced: Stage) -> None:
    globe = synced.administrations["001"]
    account, condition = await first(synced, rows.GLAccount), "14"
    async with globe.connection() as conn:
        record = await conn.fetchval('SELECT "ID" FROM grtbk WHERE reknr = $1', account)
    await people.delete(globe, rows.GLAccount, account)
    await people.delete(globe, rows.VatCode, "0E")
    await people.delete(globe, rows.PaymentCondition, condition)
    items = await synced.sync()
    assert [(e.action, e.rule) for e in of(items, "gl_account")] == [("deactivate", "R242")]
    assert [(e.action, e.rule) for e in of(items, "vat_code")] == [("deactivate", "R244")]
    assert [(e.action, e.rule) for e in of(items, "payment_condition")] == [("skip", "R245")]
    assert not (await synced.found("CostType", f"001-{record}"))["active"]
    assert not (await synced.found("VatRate", "001-0E"))["active"]
    await synced.found("PaymentCondition", condition)
    assert (await synced.plan()).writes == 0


async def test_a_plan_whose_world_moved_is_refused_and_what_moves_during_its_run_is_left(
    synced: Stage,
) -> None:
    """Somebody saves a ledger account while cost units are written: it is told, not written, and in the next plan."""
    globe = synced.administrations["001"]
    unit = await first(synced, rows.CostUnit)
    await people.change(globe, rows.CostUnit, unit, oms25="Oud")
    await change_account(synced, "Vroeger")
    plan = await synced.plan()
    await people.change(globe, rows.CostUnit, unit, oms25="Anders")
    refused = await synced.apply(plan)
    assert refused.state == "refused"
    assert refused.trouble is not None
    assert "001-" in refused.trouble["en"]
    assert {each.state for each in writing(await synced.items(refused))} == {"planned"}

    plan = await synced.plan()
    async with synced.shop.pool.acquire() as conn:
        await plans.approve(conn, plan.plan_id, plan.hash)
    changing: list[asyncio.Task[None]] = []

    def connect(account: Account) -> P2P:
        p2p = synced.shop.connect(account)
        update = p2p.update

        async def watched(*record: Any, **more: Any) -> None:
            if not changing:
                changing.append(asyncio.create_task(change_account(synced, "Ineens")))
            await changing[0]
            await update(*record, **more)

        p2p.update = watched  # type: ignore[method-assign]
        return p2p

    done = await apply(Workshop(synced.settings, synced.shop.pool, Wake(), connect), plan.plan_id)
    outcome = {each.kind: each.state for each in writing(await synced.items(done))}
    assert (done.state, outcome) == ("applied", {"cost_unit": "applied", "gl_account": "moved"})
    (account,) = of(await synced.sync(), "gl_account")
    assert account.state == "applied"
    assert (await synced.found("CostType", account.external_id))["description"] == "Ineens"


@pytest.mark.proves("R301")
async def test_while_nothing_changes_no_record_is_read_and_what_changes_then_is_found(
    synced: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, kinds = Reader.stamps, set[str]()

    def watched(self: Reader, kind: Any, *condition: Any) -> Any:
        kinds.add(kind)
        return read(self, kind, *condition)

    await synced.plan()
    monkeypatch.setattr(Reader, "stamps", watched)
    assert (await synced.plan()).writes == 0
    assert kinds == {"company", "organisation", "currency"}  # of these there are few, and they have no stamp
    (unit, *_) = await synced.control.all("CostUnit")
    await synced.control.keep("CostUnit", {**unit, "description": "met de hand"})
    assert [e.external_id for e in of(await synced.sync(), "cost_unit")] == [unit["externalId"]]

    async def instead(new: int, old: int) -> set[tuple[str, str]]:
        """One more, one less: as many as before."""
        async with synced.administrations["001"].connection() as conn:
            await conn.execute(
                """INSERT INTO kstdr SELECT (jsonb_populate_record(k, jsonb_build_object('ID', $1::int, 'kstdrcode',
                   'N' || $1::int))).* FROM kstdr k WHERE k."ID" = (SELECT min("ID") FROM kstdr)""",
                new,
            )
            await conn.execute('DELETE FROM kstdr WHERE "ID" = $1', old)
        found = of(await synced.sync(), "cost_unit")
        await synced.plan()
        return {(each.external_id, each.action) for each in found}

    assert await instead(98, 0) == {("001-98", "create")}
    assert await instead(99, 98) == {("001-99", "create"), ("001-98", "skip")}


async def test_what_somebody_changed_in_purchase_to_pay_is_found_and_put_right(synced: Stage) -> None:
    (unit, *_) = await synced.control.all("CostUnit")
    await synced.control.keep("CostUnit", {**unit, "description": "met de hand"})
    (item,) = of(await synced.sync(), "cost_unit")
    assert (item.action, item.state) == ("update", "applied")
    assert (await synced.found("CostUnit", unit["externalId"]))["description"] == unit["description"]


async def test_a_clock_put_back_and_letters_no_database_keeps_hide_nothing(synced: Stage) -> None:
    (unit, *_) = await synced.control.all("CostUnit")
    await synced.control.set(clock_skew=-7200)
    await synced.control.keep("CostUnit", {**unit, "description": "met\0 de hand"})
    (item,) = of(await synced.sync(), "cost_unit")
    assert (item.action, item.state) == ("update", "applied")
    assert (await synced.found("CostUnit", unit["externalId"]))["description"] == unit["description"]
    assert (await synced.plan()).writes == 0


async def test_what_somebody_changed_there_is_not_forgotten_by_who_saw_it_first(synced: Stage) -> None:
    """A comparison reads Purchase to Pay whole and plans nothing; a plan that fails has read some of it."""
    unit, other, *_ = await synced.control.all("CostUnit")
    await synced.control.keep("CostUnit", {**unit, "description": "met de hand"})
    await verify(synced.shop, synced.solution_id)
    await synced.control.remove("CostUnit", other["externalId"])
    await verify(synced.shop, synced.solution_id)
    items = of(await synced.sync(), "cost_unit")
    assert {(e.external_id, e.action) for e in items} == {
        (unit["externalId"], "update"),
        (other["externalId"], "create"),
    }
    assert {e["description"] for e in await synced.control.all("CostUnit")} >= {
        unit["description"],
        other["description"],
    }
    assert (await synced.plan()).writes == 0


@pytest.mark.proves("R201", "R304")
async def test_a_code_that_one_administration_has_twice_is_told(synced: Stage) -> None:
    async with synced.administrations["001"].connection() as conn:
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
    plan = await synced.plan("load", Load("001", "supplier"))
    found = {each.record_id: (each.action, each.rule) for each in await synced.items(plan)}
    assert sorted([found[one], found[other]]) == [("create", ""), ("warn", "R201.7")]
    done = await synced.apply(plan)
    assert (done.state, (await synced.outcomes(done)).get("failed", 0)) == ("applied", 0)


async def test_a_mirror_that_was_never_read_is_read_whole(synced: Stage) -> None:
    async with synced.shop.pool.acquire() as conn:
        await conn.execute("DELETE FROM mirror")
        await conn.execute("DELETE FROM mirror_cursor")
        await conn.execute("DELETE FROM identity")
        await conn.execute("DELETE FROM standstill")
    plan = await synced.plan()
    assert plan.writes == 0
    async with synced.shop.pool.acquire() as conn:
        assert await memory.count(conn, plan.client_id) > 50
