"""What goes wrong when it is told to, and what the journal then says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.integration.sims.p2p_samples import Caller, project
from tests.sims.p2p import Control, Fault, P2PProcess, P2PServer, Settings
from tests.sims.p2p.control import busiest, repeated, writes
from tests.sims.p2p.limits import Window, most_in_any
from tests.sims.p2p.settings import RateLimit


async def test_a_fault_strikes_as_often_as_it_was_planned_and_where(caller: Caller, control: Control) -> None:
    await control.plan(
        Fault(kind="server_error", status=502, entity="Project", external_id="001-P2", skip=1, times=2)
    )
    said = [
        (await caller.update("Project", project(number))).status_code
        for number in ("P2", "P1", "P2", "P2", "P2")
    ]
    assert said == [200, 200, 502, 502, 200]
    assert await control.planned() == []
    assert [entry.effect for entry in await control.journal() if entry.status == 502] == ["none", "none"]


async def test_a_refused_token_is_worth_nothing_any_more(caller: Caller, control: Control) -> None:
    await control.plan(Fault(kind="unauthorised", method="POST"))
    assert (await caller.update("Project", project())).status_code == 401
    assert (await caller.read("Project")).status_code == 401
    await caller.login()
    assert (await caller.read("Project")).status_code == 200


async def test_too_many_says_when_to_come_back(caller: Caller, control: Control) -> None:
    await control.plan(Fault(kind="rate_limited", seconds=7))
    reply = await caller.read("Project")
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "7")


async def test_a_write_may_be_carried_out_without_an_answer(caller: Caller, control: Control) -> None:
    await control.plan(Fault(kind="drop", after=True))
    with pytest.raises(httpx.TransportError):
        await caller.update("Project", project())
    await control.plan(Fault(kind="timeout", after=True))
    hanging = asyncio.create_task(caller.update("Project", project("P2")))
    await until_written(control, 2)
    assert not hanging.done()
    hanging.cancel()
    await control.plan(Fault(kind="server_error", after=True))
    assert (await caller.update("Project", project("P3"))).status_code == 503
    assert [(e.effect, e.status, e.fault) for e in writes(await control.journal())] == [
        ("created", 0, "drop"), ("created", 0, "timeout"), ("created", 503, "server_error"),
    ]  # fmt: skip
    assert len(await control.all("Project")) == 3


async def test_a_write_may_be_lost_with_its_answer(caller: Caller, control: Control) -> None:
    await control.plan(Fault(kind="drop"), Fault(kind="timeout"))
    with pytest.raises(httpx.TransportError):
        await caller.update("Project", project())
    with pytest.raises(httpx.TimeoutException):
        await caller.http.post("/api/Project/Update", json=project(), timeout=0.2)
    assert await control.all("Project") == []
    assert writes(await control.journal()) == []


async def test_an_answer_may_be_slow(caller: Caller, control: Control) -> None:
    await control.plan(Fault(kind="slow", seconds=600, entity="Project"))
    with pytest.raises(httpx.TimeoutException):
        await caller.http.get("/api/Project", timeout=0.2)
    await control.plan(Fault(kind="slow", seconds=0.01))
    assert (await caller.read("Project")).status_code == 200


async def test_read_only_keeps_nothing(caller: Caller, control: Control) -> None:
    await control.set(read_only=True)
    assert (await caller.update("Project", project())).json()["error"]["code"] == "read_only"
    assert (await caller.read("Project")).json()["total"] == 0


async def test_the_journal_tells_a_second_time_from_a_first(caller: Caller, control: Control) -> None:
    await caller.update("Project", project())
    await caller.update("Project", project(description="Goot"))
    assert repeated(await control.journal()) == []
    await caller.update("Project", project(description="Goot"))
    assert [e.effect for e in writes(await control.journal())] == ["created", "changed", "unchanged"]
    assert len(repeated(await control.journal())) == 1


async def test_no_more_requests_get_through_than_the_limit(caller: Caller, control: Control) -> None:
    await control.forget_journal()
    await control.set(rate_limit={"requests": 5, "seconds": 600})
    replies = await asyncio.gather(*(caller.read("Project") for _ in range(8)))
    assert sorted(reply.status_code for reply in replies) == [200] * 5 + [429] * 3
    waits = [int(reply.headers["Retry-After"]) for reply in replies if reply.status_code == 429]
    assert all(1 <= wait <= 600 for wait in waits)
    assert busiest(await control.journal(), 600) == 5


def test_the_limit_holds_in_any_stretch_of_time_and_the_wait_is_enough() -> None:
    window, limit = Window(), RateLimit(requests=3, seconds=10)
    came = [0.0, 1.0, 9.5, 9.9, 10.0, 10.5, 11.0, 19.4]
    assert [window.take(moment, limit) for moment in came] == [None, None, None, 1, None, 1, None, 1]
    passed = [0.0, 1.0, 9.5, 10.0, 11.0]
    assert most_in_any(passed, 10) == 3
    assert most_in_any(sorted([*passed, 10.5]), 10) == 4


async def test_the_limit_remembers_over_a_restart(tmp_path: Path) -> None:
    has = Settings(rate_limit=RateLimit(requests=2, seconds=600))
    for expected in ([401, 401, 429], [429]):
        with P2PServer(tmp_path / "p2p.sqlite", has) as server:
            async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as anybody:
                said = [(await anybody.get("/api/Project")).status_code for _ in expected]
        assert said == expected


async def test_what_was_kept_survives_kill_9(tmp_path: Path) -> None:
    with P2PProcess(tmp_path / "p2p.sqlite", "--company", "001=Een BV", "--rate-limit", "1000/1") as process:
        async with Caller(process.base_url) as caller, Control(process.address) as control:
            assert (await caller.update("Project", project())).status_code == 200
            await control.plan(Fault(kind="timeout", after=True))
            hanging = asyncio.create_task(caller.update("Project", project("P2")))
            await until_written(control, 2)
            process.kill()
            with pytest.raises(httpx.TransportError):
                await hanging
        process.start()
        async with Caller(process.base_url) as caller, Control(process.address) as control:
            assert [item["number"] for item in (await caller.read("Project")).json()["items"]] == ["P1", "P2"]
            assert [e.external_id for e in writes(await control.journal())] == ["001-P1", "001-P2"]
            assert await control.planned() == []
            assert len(await control.all("Company")) == 1


async def until_written(control: Control, times: int) -> None:
    async with asyncio.timeout(30):
        while len(writes(await control.journal())) < times:
            await asyncio.sleep(0.01)
