"""Schedules: one run at a time, no drift, and a failure is not the end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
import structlog
from prometheus_client import generate_latest

from libs import schedules
from libs.schedules import JITTER, Runner
from libs.service import Schedule
from libs.telemetry import tracing
from libs.testing.spans import recording


class Time:
    """A clock that moves when somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.waits: list[float] = []

        async def sleep(runner: Runner, seconds: float) -> None:
            self.waits.append(seconds)
            self.now += max(0.0, seconds)
            await asyncio.sleep(0)

        monkeypatch.setattr(Runner, "_sleep", sleep)

    def __call__(self) -> float:
        return self.now


def failures() -> float:
    found = re.search(
        r'^postbode_schedule_failures\{.*schedule="test".*\} (\S+)', generate_latest().decode(), re.MULTILINE
    )
    assert found is not None
    return float(found[1])


async def runs(
    time: Time, work: Callable[[int], Awaitable[None]], *, times: int, every: float = 10, jitter: float = 0.0
) -> list[float]:
    """When each of these runs began."""
    began: list[float] = []

    async def once() -> None:
        began.append(time.now)
        if len(began) == times:
            runner.stop()
        await work(len(began))

    runner = Runner(Schedule("test", timedelta(seconds=every), once), time=time, jitter=lambda: jitter)
    await runner.run()
    return began


async def test_at_once_and_then_by_the_clock_however_long_a_run_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    time = Time(monkeypatch)

    async def takes(number: int) -> None:
        time.now += number

    assert await runs(time, takes, times=5) == [100, 110, 120, 130, 140]


async def test_runs_that_were_due_meanwhile_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(monkeypatch)

    async def takes(number: int) -> None:
        time.now += 25 if number == 1 else 0

    with recording(0):
        assert await runs(time, takes, times=3) == [100, 130, 140]
    assert re.search(
        r'postbode_schedule_missed\w*_total\{.*schedule="test".*\} 2', generate_latest().decode()
    )


async def test_jitter_delays_a_little_and_does_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(monkeypatch)

    async def nothing(number: int) -> None:
        pass

    late = 10 * JITTER
    assert await runs(time, nothing, times=4, jitter=1.0) == [100, 110 + late, 120 + late, 130 + late]


async def test_a_run_that_fails_is_logged_and_recorded_and_the_next_one_comes(
    monkeypatch: pytest.MonkeyPatch, log: list[structlog.typing.EventDict]
) -> None:
    time = Time(monkeypatch)

    told: list[float] = []

    async def fails(number: int) -> None:
        if number > 1:
            told.append(failures())
        if number < 3:
            raise ValueError("broken")

    with recording(0) as spans:
        assert len(await runs(time, fails, times=3)) == 3
        # The alert on it sees the first failure, and that it is over.
        assert (told, failures()) == ([1, 2], 0)
    assert [entry["schedule"] for entry in log if entry["event"] == "schedule failed"] == ["test", "test"]
    assert [span.name for span in spans.spans] == ["test", "test"]


async def test_every_run_has_a_trace_id_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    time, seen = Time(monkeypatch), []

    async def look(number: int) -> None:
        seen.append(tracing.current_trace_id())

    await runs(time, look, times=3)
    assert len(set(seen)) == 3
    assert None not in seen


async def test_stopping_lets_the_run_in_hand_finish() -> None:
    started, finish, ended = asyncio.Event(), asyncio.Event(), []

    async def work() -> None:
        started.set()
        await finish.wait()
        ended.append(True)

    runner = Runner(Schedule("test", timedelta(hours=1), work))
    task = asyncio.create_task(runner.run())
    await started.wait()
    runner.stop()
    await asyncio.sleep(0.01)
    assert not task.done()
    finish.set()
    await asyncio.wait_for(task, 1)
    assert ended == [True]


async def test_stopping_does_not_wait_for_the_next_run() -> None:
    ran = asyncio.Event()

    async def work() -> None:
        ran.set()

    runner = Runner(Schedule("test", timedelta(hours=1), work))
    task = asyncio.create_task(runner.run())
    await ran.wait()
    runner.stop()
    await asyncio.wait_for(task, 1)


async def test_cancelling_a_run_cancels_the_schedule() -> None:
    runner = Runner(Schedule("test", timedelta(hours=1), lambda: asyncio.sleep(3600)))
    task = asyncio.create_task(runner.run())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_an_interval_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="interval"):
        Runner(Schedule("test", timedelta(0), lambda: asyncio.sleep(0)))
    assert schedules.JITTER < 1
