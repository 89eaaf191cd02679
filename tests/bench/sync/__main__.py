"""How long a plan takes, and how many records a second are written, between the two simulators.

One administration, its records in a private Postgres with the tables of Globe+; Purchase to Pay as a process of its
own on SQLite, filled with the same; sync's own schema with row security, on a Postgres that keeps what it commits.
Shipped settings. Everything shares one machine, so the simulators' time is in the figures.

=================  =====================================================================================
``first``          the first plan: both sides read whole, everything alike
``plan``           after one record in a hundred was changed in Globe+ (and its peak memory)
``unchanged``      when nothing was
``apply``          that plan applied; ``records_per_s``
``limited``        another one applied while Purchase to Pay lets through so many requests a second; the most it
                   let through in any second, and how long it took
=================  =====================================================================================

``--sizes 10000,100000`` measures each size, to see that the cost grows with the records and no faster. The last
line is JSON, of the last size.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from libs.db.pools import Pools
from libs.service import Wake
from libs.testing import stack
from libs.testing.databases import Databases, present
from libs.testing.machine import scratch
from services.sync import applier, planner, plans
from services.sync.plans import Plan
from services.sync.settings import SyncSettings
from services.sync.sides import OVERLAP
from services.sync.workshop import Workshop
from tests.integration.sync.stage import configured
from tests.sims.globe import Administration, people
from tests.sims.p2p import Control, P2PProcess
from tests.sims.p2p.control import busiest, repeated

T = TypeVar("T")
LIMIT = 100
"""Requests a second, for ``limited``."""


async def timed(work: Awaitable[T]) -> tuple[T, float, float]:
    """With the seconds it took, and those of them this process had a processor: others may use the machine."""
    began, processor = time.perf_counter(), time.process_time()
    done = await work
    return done, time.perf_counter() - began, time.process_time() - processor


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def measure(
    databases: Databases, records: int, url: str, folder: Path, *, limited: bool
) -> dict[str, Any]:
    settings = await databases.fresh()
    pools = Pools(settings)
    with P2PProcess(folder / f"p2p-{records}.sqlite", "--company", "001=Een BV") as p2p:
        # Both sides are filled by a process of its own: what it takes is not the planner's.
        filled = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "tests.bench.sync.fill", url, p2p.address, str(records)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        globe = Administration(filled.stdout.strip(), "001")
        try:
            shop = Workshop(SyncSettings(), await pools.get("sync", "worker"), Wake())
            solution_id = await configured(shop, p2p.base_url, {"001": globe})
            async with Control(p2p.address) as control:
                return await _measured(shop, solution_id, globe, control, records, limited=limited)
        finally:
            await pools.close()


async def _measured(
    shop: Workshop, solution_id: Any, globe: Administration, control: Control, records: int, *, limited: bool
) -> dict[str, Any]:
    async def plan() -> Plan:
        return await planner.plan(shop, solution_id)

    async def apply(made: Plan) -> Plan:
        async with shop.pool.acquire() as conn:
            await plans.approve(conn, made.plan_id, made.hash)
        return await applier.apply(shop, made.plan_id)

    say, filled = _teller(records), time.monotonic()
    first, seconds, processor = await timed(plan())
    say("first plan", seconds, processor, first)
    result: dict[str, Any] = {"load": [round(each, 1) for each in os.getloadavg()]}
    result["first"] = {
        "seconds": round(seconds, 2),
        "own_cpu_seconds": round(processor, 2),
        "peak_rss_mb": round(peak_mb()),
    }
    if first.writes:
        await apply(first)
    # What was filled just now would be read again: a sync looks back a little, and this was only just filled.
    await asyncio.sleep(max(0.0, filled + OVERLAP.total_seconds() + 1 - time.monotonic()))
    await plan()
    unchanged, seconds, processor = await timed(plan())
    say("unchanged", seconds, processor, unchanged)
    result["unchanged"] = {"seconds": round(seconds, 2), "own_cpu_seconds": round(processor, 2)}
    changed = await people.churn(globe, max(records // 100, 50))
    made, seconds, processor = await timed(plan())
    say("one in a hundred changed", seconds, processor, made)
    result["plan"] = {
        "records": records,
        "changed": changed,
        "writes": made.writes,
        "seconds": round(seconds, 2),
        "own_cpu_seconds": round(processor, 2),
    }
    result["plan"]["peak_rss_mb"] = round(peak_mb())
    done, seconds, processor = await timed(apply(made))
    assert done.state == "applied", done.trouble
    say("applied", seconds, processor, done)
    result["apply"] = {
        "records_per_s": round(made.writes / seconds),
        "own_cpu_ms_per_record": round(processor * 1000 / made.writes, 2),
    }
    if limited:
        await people.churn(globe, 300, seed=2)
        made = await plan()
        await control.set(rate_limit={"requests": LIMIT, "seconds": 1.0})
        await control.forget_journal()
        done, seconds, processor = await timed(apply(made))
        assert done.state == "applied", done.trouble
        journal = await control.journal()
        await control.set(rate_limit=None)
        result["limited"] = {
            "limit_per_s": LIMIT,
            "most_in_a_second": busiest(journal, 1.0),
            "repeated": len(repeated(journal)),
            "records_per_s": round(made.writes / seconds),
        }
        say(f"applied with {LIMIT} requests a second", seconds, processor, done)
    return result


def _teller(records: int) -> Callable[[str, float, float, Plan], None]:
    def say(what: str, seconds: float, own: float, plan: Plan) -> None:
        counts = ", ".join(f"{many} {action}" for action, many in plan.counts.items())
        print(
            f"{records:>7} records  {what:40} {seconds:7.2f} s ({own:5.2f} own)  {peak_mb():5.0f} MB  {counts}",
            flush=True,
        )

    return say


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-sync", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("--sizes", default="100000", help="records, several apart by commas")
    given = parser.parse_args()
    result: dict[str, Any] = {}
    sizes = [int(each) for each in given.sizes.split(",")]
    with (
        stack.postgres(private=True, durable=True) as server,
        tempfile.TemporaryDirectory(dir=scratch("bench", durable=True)) as folder,
    ):
        databases = Databases(server.url, present())
        for size in sizes:
            result = uvloop.run(measure(databases, size, server.url, Path(folder), limited=size == sizes[-1]))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
