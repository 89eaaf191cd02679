"""Everything starts and stops in one order; a dead part takes the process down; the clock has the last word."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog

from libs.http.openapi import PrefixClash
from libs.http.server import listen
from libs.runtime import Running, run
from libs.service import Part, Service
from libs.testing.logged import logged
from tests.integration.runtime.fakes import Stage, browser, install, resources, service, spoken, url


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    install(monkeypatch, made)
    return made


@pytest.fixture(autouse=True)
def log() -> Iterator[list[structlog.typing.EventDict]]:
    """What is logged meanwhile; nothing is printed."""
    with logged("INFO") as entries:
        yield entries


def before(stage: Stage, *order: str) -> None:
    """These were said, in this order."""
    places = [stage.said.index(what) for what in order]
    assert places == sorted(places), stage.said


class Hub:
    """``run`` in a task, and its ``Running`` once it runs."""

    def __init__(self, *services: Service, **options: Any) -> None:
        self.ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(
            run(services, resources(), port=0, signals=False, started=self.ready.set_result, **options)
        )

    async def running(self) -> Running:
        both: set[asyncio.Future[Any]] = {self.ready, self.task}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        assert self.ready.done(), self.task.exception() if self.task.done() else "neither"
        return self.ready.result()

    async def stop(self) -> int:
        (await self.running()).stop.set()
        return await self.task


async def test_the_order_of_a_drain(stage: Stage) -> None:
    hub = Hub(service(stage))
    running = await hub.running()
    assert running.listening == [2525]
    async with browser() as http:
        assert (await http.get(url(running, "/livez"))).status_code == 200
        asking = asyncio.create_task(http.get(url(running, "/v1/fake")))
        await stage.arrived.wait()
        running.stop.set()
        # The request is still being answered: what it leans on must be there, the doors must not.
        async with asyncio.timeout(20):
            while "listener left" not in stage.said:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert running.readiness.draining
        assert "background left" not in stage.said
        assert "consumer told to stop" not in stage.said
        stage.answer.set()
        assert (await asking).text == "done"
    assert await hub.task == 0
    before(stage, "relay runs", "listener left", "answered", "consumer told to stop")
    before(stage, "background entered", "listener entered")
    before(
        stage,
        "listener left", "consumer told to stop", "consumer ended", "schedule told to stop", "schedule ended",
        "background left", "relay told to stop", "relay ended",
    )  # fmt: skip


async def test_the_batch_in_hand_is_finished_before_the_relay_flushes(stage: Stage) -> None:
    stage.slow_batch = 0.3
    assert await Hub(service(stage)).stop() == 0
    before(stage, "consumer told to stop", "consumer ended", "relay told to stop", "relay ended")


async def test_not_ready_while_draining_and_not_before_the_grace_is_over_closed(stage: Stage) -> None:
    hub = Hub(service(stage), grace_seconds=1)
    running = await hub.running()
    async with browser() as http:
        assert (await http.get(url(running, "/livez"))).status_code == 200
        running.stop.set()
        while not running.readiness.draining:
            await asyncio.sleep(0)
        reply = await http.get(url(running, "/readyz"))
        assert reply.status_code == 503
        assert reply.json()["failing"] == {"process": "draining"}
        assert "listener left" not in stage.said
        assert await hub.task == 0
        with pytest.raises(httpx.ConnectError):
            await http.get(url(running, "/readyz"))


@pytest.mark.parametrize("part", ["relay", "consumer", "schedule"])
async def test_a_part_that_dies_takes_all_down_in_order(
    stage: Stage, part: str, log: list[structlog.typing.EventDict]
) -> None:
    stage.dies = part
    hub = Hub(service(stage))
    await hub.running()
    stage.ends.set()
    assert await hub.task == 1
    (why,) = [entry for entry in log if entry["event"] == "a part ended by itself"]
    assert part in why["part"]
    assert str(why["exc_info"]) == f"{part} is broken"
    for other in {"relay", "consumer", "schedule"} - {part}:
        assert f"{other} ended" in stage.said
    assert "background left" in stage.said


async def test_a_part_that_breaks_while_stopping_is_told_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, log: list[structlog.typing.EventDict]
) -> None:
    @contextlib.asynccontextmanager
    async def closing() -> Any:
        yield
        stage.dies = ""
        stage.ends.set()
        await asyncio.sleep(0.05)

    stage.dies = "relay"
    hub = Hub(service(stage, listeners=(closing(),)))
    assert await hub.stop() == 1
    assert [entry["part"] for entry in log if entry["event"] == "a part ended by itself"] == ["relay fake"]


async def test_what_does_not_stop_is_left_when_the_time_is_up(
    stage: Stage, log: list[structlog.typing.EventDict]
) -> None:
    stage.stubborn = True
    hub = Hub(service(stage), drain_seconds=0.3)
    assert await asyncio.wait_for(hub.stop(), 15) == 0
    assert any(entry["event"] == "the drain took too long: leaving" for entry in log)
    # What is open is closed even so.
    assert "background left" in stage.said


@pytest.mark.parametrize(
    ("parts", "runs", "not_runs"),
    [
        (
            {"api"},
            {"listener entered", "background entered"},
            {"relay runs", "consumer runs", "schedule runs", "worker entered"},
        ),
        (
            {"worker"},
            {"consumer runs", "schedule runs", "worker entered", "worker left", "background entered"},
            {"relay runs", "listener entered"},
        ),
        (
            {"relay"},
            {"relay runs"},
            {"consumer runs", "schedule runs", "listener entered", "worker entered", "background entered"},
        ),
    ],
)
async def test_a_process_runs_the_parts_it_is_told(
    stage: Stage, parts: set[Part], runs: set[str], not_runs: set[str]
) -> None:
    hub = Hub(service(stage), parts=frozenset(parts))
    running = await hub.running()
    assert bool(running.port) == ("api" in parts)
    await asyncio.sleep(0)
    assert await hub.stop() == 0
    assert runs <= set(stage.said)
    assert not not_runs & set(stage.said)


@pytest.mark.parametrize("part", ["worker", "relay"])
async def test_what_serves_no_api_still_says_how_it_is(stage: Stage, part: Part) -> None:
    """Else an orchestrator could not tell a stuck worker from one that works."""
    hub = Hub(service(stage), parts=frozenset({part}), health_port=0)
    running = await hub.running()
    async with browser() as http:
        for path in ("/livez", "/readyz", "/metrics"):
            # The fake broker is none: that the process is not ready is an answer too.
            assert (await http.get(url(running, path))).status_code == (503 if path == "/readyz" else 200)
        assert (await http.get(url(running, "/v1/fake"))).status_code == 404
    assert await hub.stop() == 0


async def test_many_services_are_one_app(stage: Stage) -> None:
    hub = Hub(service(stage, "one"), service(stage, "two"))
    running = await hub.running()
    stage.answer.set()
    async with browser() as http:
        for name in ("one", "two"):
            assert (await http.get(url(running, f"/v1/{name}"))).text == "done"
    assert await hub.stop() == 0
    assert stage.said.count("relay ended") == 2


async def test_two_services_cannot_have_one_path(stage: Stage) -> None:
    other = service(stage, "other", api=service(stage, "one").api)
    with pytest.raises(PrefixClash):
        await Hub(service(stage, "one"), other).task
    assert "relay runs" not in stage.said


async def test_a_start_that_fails_stops_what_ran(stage: Stage) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            await run([service(stage)], resources(), port=port, signals=False)
    for name in ("relay", "consumer", "schedule"):
        assert f"{name} ended" in stage.said
    assert {"listener left", "background left"} <= set(stage.said)


async def test_a_listener_that_cannot_start_is_told(stage: Stage) -> None:
    @contextlib.asynccontextmanager
    async def broken() -> Any:
        raise OSError("port 25 in use")
        yield

    with pytest.raises(OSError, match="port 25"):
        await Hub(service(stage, listeners=(spoken(stage, "first"), broken()))).task
    assert "first left" in stage.said


async def test_what_is_done_at_the_start_does_not_hide_a_dead_part_nor_a_signal(stage: Stage) -> None:
    for part in ("relay", ""):
        stage.dies, asked = part, asyncio.Event()

        async def long(running: Running, part: str = part, asked: asyncio.Event = asked) -> None:
            asked.set()
            if not part:
                running.stop.set()
            await asyncio.sleep(3600)

        task = asyncio.create_task(run([service(stage)], resources(), port=0, signals=False, started=long))
        await asked.wait()
        stage.ends.set()
        assert await asyncio.wait_for(task, 5) == (1 if part else 0)


async def test_what_fails_at_the_start_is_told(stage: Stage) -> None:
    async def broken(running: Running) -> None:
        raise ValueError("no such folder")

    with pytest.raises(ValueError, match="no such folder"):
        await run([service(stage)], resources(), port=0, signals=False, started=broken)
    assert "relay ended" in stage.said


async def test_a_commit_wakes_the_relay(stage: Stage) -> None:
    made = service(stage)
    hub = Hub(made)
    await hub.running()
    made.wake()
    assert "relay woken" in stage.said
    await hub.stop()
