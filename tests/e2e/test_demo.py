"""The demo as a newcomer starts it: a process of its own, killed half-way, started again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
KILLS = 2


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not tmp_path: when root, the demo's Postgres runs as somebody who may not enter it.
    with tempfile.TemporaryDirectory(prefix="postbode-test-demo-") as name:
        yield Path(name)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(Path((Path(name) / "postgres" / "data-is-at").read_text().strip()).parent)


async def started(folder: Path, shown: int = DEVNULL) -> Process:
    # The arguments are ours; the shell is not involved.
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.walks.demo", "--json", "--folder", str(folder),
        stdout=PIPE, stderr=shown, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


async def until_something_is_handed_over(folder: Path, before: int) -> None:
    """Until the supplier holds one receipt more than ``before``, or the demo is over."""
    async with asyncio.timeout(60):
        while receipts(folder) <= before:
            await asyncio.sleep(0.002)


def receipts(folder: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return len(json.loads((folder / "receipts.json").read_text()))
    return 0


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def assert_the_readme_shows_this(shown: str) -> None:
    """Every line of the README's table, in its order and to the letter; the year is that of the demo's day, also in the
    number of the entry."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (block,) = re.findall(r"```\n(number .*?)```", readme, re.DOTALL)
    year = re.search(r"^(\d{4})-00101 ", shown, re.MULTILINE)
    assert year, shown
    promised = re.sub(r"\b\d{4}-(?=001\d\d)", f"{year[1]}-", block)
    promised = re.sub(r"\bentry \d\d(?=0{5})", f"entry {year[1][2:]}", promised)
    lines = iter([line.rstrip() for line in shown.splitlines()])
    missing = [line for line in promised.splitlines() if line != "…" and line not in lines]
    assert missing == [], shown


# Five processes, each with a Postgres to start: on a busy machine that is most of the time.
@pytest.mark.timeout(400)
async def test_a_demo_that_is_killed_goes_on_and_loses_nothing(folder: Path) -> None:
    seed = int(os.environ.get("POSTBODE_CRASH_SEED") or random.randrange(10**6))
    print(f"POSTBODE_CRASH_SEED={seed}")
    chance = random.Random(seed)
    for _ in range(KILLS):
        process = await started(folder)
        await until_something_is_handed_over(folder, receipts(folder))
        await asyncio.sleep(chance.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        await process.wait()
    process = await started(folder, PIPE)
    out, shown = await asyncio.wait_for(process.communicate(), 120)
    told: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    assert (process.returncode, told["lost"], told["duplicated"]) == (0, 0, 0)
    assert len(told["invoices"]) >= 8
    assert all(set(row) == {"number", "sender", "receiver", "status", "reason"} for row in told["invoices"])
    assert {row["status"] for row in told["invoices"]} == {
        "imported", "arrived", "sent", "rejected", "parked", "duplicate", "quarantined", "refused",
    }  # fmt: skip
    assert_the_readme_shows_this(shown.decode())
    assert [mode(folder), mode(folder / "receivers"), mode(folder / "keys.json")] == [0o700, 0o700, 0o600]
