"""What goes wrong during a plan or a run: it has a name, nothing is applied twice, and the rest goes on."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from typing import Any

import pytest
from structlog.testing import capture_logs

from libs import clock
from libs.db.pools import Pools
from libs.telemetry.logs import describe
from libs.testing.databases import SECRET
from libs.testing.spans import recording
from services.sync import clients, plans
from services.sync.applier import apply
from services.sync.applying_cli import applied
from services.sync.failures import Unexpected
from services.sync.globe import reader
from services.sync.globe.reader import Globe as Reader
from services.sync.leases import Busy
from services.sync.p2p.client import P2PRefusesUs
from services.sync.planner import Load
from services.sync.runner import Runner
from services.sync.verifying import verify
from tests.integration.sync.stage import (
    RECORDS,
    Kept,
    Killed,
    Stage,
    change_account,
    first,
    killed,
    of,
    staged,
    writing,
)
from tests.sims.globe import Fill, Globe, people, rows
from tests.sims.p2p import Control, Fault, P2PServer
from tests.sims.p2p.control import Entry, repeated, writes


async def test_no_secret_stands_anywhere_but_under_its_seal(
    synced: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in a table, an event, a plan, a log or what is told of an error."""
    async with synced.shop.pool.acquire() as conn:
        found = await clients.solution(conn, synced.shop.seal, synced.solution_id)
    secrets = [found.account.password, found.account.api_key, *(each.source for each in found.members)]
    assert all(len(each) > 10 for each in secrets)
    await change_account(synced, "Geheim")
    await synced.apply(await synced.plan())
    await synced.control.set(key_expired=True)
    with capture_logs() as logged, pytest.raises(P2PRefusesUs) as refused:
        await synced.plan()
    await synced.control.set(key_expired=False)
    told = [describe(refused.value), str(refused.value.words), str(logged), str(capsys.readouterr())]
    async with synced.shop.pool.acquire() as conn:
        names = await conn.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        )
        for (name,) in names:
            # Bytes as letters too, not only as they are written out.
            told += [row["text"] for row in await conn.fetch(f'SELECT t::text AS text FROM "{name}" AS t')]
        told += [
            bytes(row["body"]).decode("utf-8", "replace")
            for row in await conn.fetch("SELECT body FROM outbox")
        ]
    assert len(names) > 10
    everything = "\n".join(told)
    assert "Geheim" in everything
    for each in secrets:
        assert each not in everything
        assert each.encode().hex() not in everything


@pytest.mark.proves("R303")
async def test_one_record_that_fails_stops_no_other(synced: Stage) -> None:
    globe = synced.administrations["001"]
    unit = {
        "externalId": "001-999",
        "number": "bezet",
        "description": "x",
        "translations": {},
        "active": True,
    }
    await synced.control.keep("CostUnit", unit)
    code = await first(synced, rows.CostUnit)
    await people.change(globe, rows.CostUnit, code, kstdrcode="bezet", oms25="Hernummerd")
    await change_account(synced, "Gaat gewoon door")
    done = await synced.apply(await synced.plan())
    items = await synced.items(done)
    (failed,) = of(items, "cost_unit")
    assert (done.state, failed.state, failed.code) == ("applied", "failed", "p2p-number-in-use")
    assert failed.message is not None
    assert [each.state for each in of(items, "gl_account")] == ["applied"]
    assert [e.external_id for e in of(await synced.items(await synced.plan()), "cost_unit")] == [
        failed.external_id
    ]
    await synced.control.remove("CostUnit", "001-999")


async def test_faults_of_purchase_to_pay_lose_and_double_nothing(synced: Stage) -> None:
    """Each fault, before and after the write, on a record of its own."""
    await change_many(synced, "Met storing")
    plan = await synced.plan()
    chosen = [(each.of.resource, each.external_id) for each in writing(await synced.items(plan))]
    struck = dict(zip(chosen[: len(FAULTS)], FAULTS, strict=True))
    await synced.control.plan(
        *(
            Fault.model_validate(
                {
                    "kind": kind,
                    "method": "POST",
                    "entity": entity,
                    "external_id": each,
                    "after": after,
                    "seconds": 0,
                }
            )
            for (entity, each), (kind, after) in struck.items()
        )
    )
    with recording(1.0) as spans:
        done = await synced.apply(plan)
    assert (await synced.control.planned(), done.state) == ([], "applied")
    (run,) = spans.named("sync apply")
    told = {str((each.attributes or {})["hub.external_id"]) for each in spans.named("sync update")}
    assert {each for _, each in struck} <= told
    assert {each.context.trace_id for each in spans.named("sync update")} == {run.context.trace_id}
    items = writing(await synced.items(done))
    assert {each.state for each in items} == {"applied"}
    # Only an answer that was lost leaves a doubt, and is looked up; a plain refusal is simply tried again.
    lost = {each for each, (kind, after) in struck.items() if after and kind in ("timeout", "drop")}
    assert {(each.of.resource, each.external_id) for each in items if each.code == "found"} == lost
    sent = Counter((each.entity, each.external_id) for each in writes(await synced.control.journal()))
    once = {each for each, (_, after) in struck.items() if not after} | lost
    assert {each: sent[each] for each in once} == dict.fromkeys(once, 1), struck
    assert (await synced.plan()).writes == 0


async def change_many(synced: Stage, text: str) -> None:
    """Every ledger account, cost unit and project gets another description."""
    async with synced.administrations["001"].connection() as conn:
        for table, column in (("grtbk", "oms25"), ("kstdr", "oms25"), ("PRProject", "Description")):
            await conn.execute(f'UPDATE "{table}" SET "{column}" = $1', text)


FAULTS = [
    (kind, after)
    for kind in ("timeout", "drop", "server_error", "unauthorised", "rate_limited")
    for after in (False, True)
]


async def test_a_run_that_is_killed_goes_on_and_nothing_is_applied_twice(synced: Stage) -> None:
    """Killed between a write and its commit: what was started is looked up before anything is sent."""
    for sent in (1, 7):
        await change_many(synced, f"Gewijzigd {sent}")
        plan = await synced.plan()
        assert plan.writes > 7
        async with synced.shop.pool.acquire() as conn:
            await plans.approve(conn, plan.plan_id, plan.hash)
        with pytest.raises(Killed):
            await apply(killed(synced, sent), plan.plan_id)
        done = await apply(synced.shop, plan.plan_id)
        assert done.state == "applied"
        assert {each.state for each in writing(await synced.items(done))} == {"applied"}
        assert repeated(await synced.control.journal()) == []


async def test_a_process_that_is_killed_between_records_is_gone_on_with(
    synced: Stage, kept: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``kill -9`` of the command line, once five of many projects are written and the sixth is told to wait."""
    await change_many(synced, "Hard afgebroken")
    plan = await synced.plan()
    await synced.control.plan(
        Fault(kind="rate_limited", entity="Project", method="POST", skip=5, times=None, seconds=1)
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.cli", "sync", "apply", str(plan.plan_id)),
        env={**os.environ, "POSTBODE_DATABASE_URL": kept.database.url, "POSTBODE_SECRET": SECRET},
    )
    try:
        async with asyncio.timeout(90):
            while len(await projects_written(synced)) < 5:
                assert process.returncode is None
                await asyncio.sleep(0.05)
    finally:
        process.kill()
        await process.wait()
    await synced.control.plan()
    # Its leases last a while; who asks at a terminal waits for them.
    refused = asyncio.Event()

    async def watched(*given: Any) -> Any:
        try:
            return await apply(*given)
        except Busy:
            refused.set()
            raise

    monkeypatch.setattr("services.sync.applier.apply", watched)
    async with synced.shop.pool.acquire() as conn:
        await conn.execute("UPDATE lease SET until = now() + interval '1 hour'")
        going_on = asyncio.create_task(applied(synced.shop, plan))
        await asyncio.wait_for(refused.wait(), 60)
        await conn.execute("UPDATE lease SET until = now()")
    done, _ = await going_on
    assert capsys.readouterr().err.count("waiting until") == 1  # and says so
    items = writing(await synced.items(done))
    assert (done.state, {each.state for each in items}) == ("applied", {"applied"})
    assert Counter(each.code for each in of(items, "project"))["found"] == 5
    assert repeated(await synced.control.journal()) == []


async def projects_written(synced: Stage) -> list[Entry]:
    return [each for each in writes(await synced.control.journal()) if each.entity == "Project"]


async def test_what_nobody_expected_ends_a_plan_and_a_run_with_a_name(
    synced: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await change_account(synced, "Verwacht")
    made = await synced.plan()
    with monkeypatch.context() as broken, capture_logs() as logged:
        broken.setattr("services.sync.globe.reader.Globe.rows", lambda *_: dict[str, str]()["nothing"])
        stopped = await synced.apply(made)
        with pytest.raises(Unexpected):
            await synced.plan()
        async with synced.shop.pool.acquire() as conn:
            failed, *_ = await plans.of(conn, synced.solution_id, 1)
    assert [each["work"] for each in logged if each["event"] == "unexpected error"] == ["apply", "plan"]
    for each, state in ((stopped, "stopped"), (failed, "failed")):
        assert (each.state, "KeyError" in str(each.trouble)) == (state, True)
    assert await Runner(synced.shop).work() == 0  # not tried for ever
    assert (await synced.apply(stopped)).state == "applied"


async def test_a_record_that_cannot_be_read_is_told_and_the_rest_goes_over(
    synced: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, chosen = Reader._some, dict[str, str]()

    def odd(self: Reader, conn: Any, kind: Any, ids: Any, today: Any) -> Any:
        found = read(self, conn, kind, ids, today)
        for column in {"cost_unit": ["oms25"], "payment_condition": ["kbdagen"]}.get(kind, []):
            record = chosen.setdefault(kind, min(found))
            if record in found:
                found[record] = {**found[record], column: Odd()}
        return found

    class Odd:
        def __str__(self) -> str:
            raise ValueError

    monkeypatch.setattr(Reader, "_some", odd)
    await change_account(synced, "Goed leesbaar")
    items = await synced.sync("full")
    told = {(e.kind, e.action, e.rule) for e in items if e.rule == "unreadable"}
    assert told == {("cost_unit", "warn", "unreadable"), ("payment_condition", "warn", "unreadable")}
    assert [(e.kind, e.state) for e in items if e.action == "update"] == [("gl_account", "applied")]


@pytest.mark.proves("R303", "R304")
async def test_while_one_administration_is_locked_the_others_go_on(
    pools: Pools, p2p: P2PServer, control: Control, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    globe = Globe(postgres_url)
    today = clock.day(clock.now())
    fills = (Fill("001", "Een BV", 1, RECORDS, today=today), Fill("002", "Twee BV", 1, RECORDS, today=today))
    two = await staged(pools, p2p, control, globe, fills)
    one = two.administrations["001"]
    monkeypatch.setattr(reader, "LOCK_SECONDS", 0.1)
    await people.change(one, rows.PaymentCondition, "14", kbdagen=5)
    async with one.locked("kstpl"):
        plan = await two.plan()
        items = await two.items(plan)
    told = {(c["administration"], c["rule"]) for c in plan.checks if c["met"] is False}
    assert (plan.state, told) == ("ready", {("001", "R201.2")})
    assert {e.administration for e in items if e.kind in ("cost_unit", "project")} == {"002"}
    assert {e.administration for e in items if e.kind in ("vat_code", "payment_condition")} == {"001", "002"}
    # What they share waits: the other's value would be written over this one's.
    assert of(items, "supplier") == []
    assert (await two.apply(plan)).state == "applied"

    # Locked while it is applied: its records are told so, and so is what it shares; the other's go over.
    plan = await two.plan()
    assert {e.administration for e in await two.items(plan) if e.action == "create"} == {"001"}
    for each in two.administrations.values():
        await people.change(each, rows.VatCode, "0E", Description="Gewijzigd")
        await people.change(each, rows.PaymentCondition, "14", oms30="Gewijzigd", kbdagen=7)
    plan = await two.plan()
    async with one.locked("btwtrs"):
        done = await two.apply(plan)
    items = await two.items(done)
    assert done.state == "applied"
    assert {(e.state, e.code) for e in writing(items) if e.administration == "001"} == {
        ("failed", "globe-away")
    }
    assert {(e.kind, e.state, e.code) for e in writing(items) if e.administration == "002"} == {
        ("vat_code", "applied", ""),
    }
    # The only administration a plan writes of: it stops, and goes on later.
    plan = await two.plan()
    assert {e.administration for e in writing(await two.items(plan))} == {"001"}
    async with one.locked("btwtrs"):
        compared = await verify(two.shop, two.solution_id)
        stopped = await two.apply(plan)
    assert {(each.administration, each.rule) for each in compared.left_out} == {("001", "R201.2")}
    assert not compared.alike
    assert compared.counts["cost_unit"]["identical"] > 0
    assert {each.administration for each in compared.differences} <= {"001", "002"}
    assert sum(compared.counts["payment_condition"].values()) == 0
    assert (stopped.state, {each.state for each in writing(await two.items(stopped))}) == (
        "stopped",
        {"planned"},
    )
    assert (await two.apply(stopped)).state == "applied"
    assert (await verify(two.shop, two.solution_id)).counts["cost_unit"]["only left"] == 0

    # Creditors wait for their first load, told once; then the other administration is linked to them.
    assert of(await two.items(await two.plan()), "supplier") == []
    assert (await two.apply(await two.plan("load", Load("001", "supplier")))).state == "applied"
    waiting = (
        "SELECT count(*) FROM identity WHERE administration = '002' AND kind = 'supplier' AND stamp = ''"
    )
    async with two.shop.pool.acquire() as conn:
        assert await conn.fetchval(waiting) > 5  # whatever Purchase to Pay tells of it afterwards
    linked = writing(of(await two.sync(), "supplier"))
    assert {(each.administration, each.action, each.state) for each in linked} == {
        ("002", "update", "applied")
    }
    assert {tuple(each["companyLinks"]) for each in await control.all("Supplier")} == {("001", "002")}
    for each in two.administrations.values():
        await globe.drop(each)


async def test_a_locked_globe_is_a_named_outcome(synced: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LOCK_SECONDS", 0.1)
    async with synced.administrations["001"].locked("kstdr"):
        with pytest.raises(reader.GlobeAway):
            await asyncio.wait_for(synced.plan(), 30)
