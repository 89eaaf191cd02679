"""SIGTERM and SIGINT, sent to a real process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.integration.runtime.fakes import browser

PROGRAM = Path(__file__).with_name("hub_process.py")
ROOT = Path(__file__).parents[3]


@contextlib.asynccontextmanager
async def hub(drain_seconds: float) -> AsyncIterator[tuple[Process, str]]:
    """The process, and the URL of its slow route."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", str(PROGRAM), str(drain_seconds),
        stdout=PIPE, stderr=PIPE, cwd=ROOT, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        port = (await _line(process)).removeprefix("port ")
        yield process, f"http://127.0.0.1:{port}/v1/slow"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _line(process: Process) -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 20)
    if not line:
        assert process.stderr is not None
        raise AssertionError((await process.stderr.read()).decode())
    return line.decode().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_finishes_what_is_in_hand_and_ends_with_0(number: signal.Signals) -> None:
    async with hub(20) as (process, url), browser() as http:
        asking = asyncio.create_task(http.get(url, params={"seconds": "0.5"}))
        assert await _line(process) == "request"
        process.send_signal(number)
        assert await _line(process) == "listener left"
        assert (await asking).text == "done"
        assert await asyncio.wait_for(process.wait(), 15) == 0


async def test_the_clock_ends_a_drain_that_does_not() -> None:
    async with hub(1) as (process, url), browser() as http:
        asking = asyncio.create_task(http.get(url, params={"seconds": "60"}))
        assert await _line(process) == "request"
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 15) == 0
        with contextlib.suppress(httpx.HTTPError):
            await asking


async def test_a_second_signal_is_heard() -> None:
    async with hub(60) as (process, url), browser() as http:
        asking = asyncio.create_task(http.get(url, params={"seconds": "60"}))
        assert await _line(process) == "request"
        process.send_signal(signal.SIGINT)
        assert await _line(process) == "listener left"
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 10) == 0
        with contextlib.suppress(httpx.HTTPError):
            await asking
