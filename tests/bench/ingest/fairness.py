"""What one account's burst does to another: through the whole hub, to *delivered*.

One account hands over at its ordinary rate, at random times; then the same again while another account offers a hundred
times as much. What the second is not allowed it is told (429); what it is allowed waits in its own lane. Measured is the
other's time from handing over to the file in its receiver's folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
from asyncio.subprocess import PIPE
from dataclasses import asdict
from typing import Any

from libs import clock
from tests.bench.pipeline import hub as hubs
from tests.bench.pipeline import stages, truth, usage
from tests.bench.pipeline.board import Board
from tests.bench.pipeline.hub import Hub
from tests.bench.pipeline.load import Plan
from tests.bench.pipeline.usage import Processes

TIMES = 100
_PATIENCE = 600.0
_CHANNEL = "folder"


class Fairness:
    """``rate`` invoices a second of one account, for ``seconds``."""

    def __init__(self, hub: Hub, rate: float, seconds: float) -> None:
        self._hub = hub
        self._rate = rate
        self._count = round(rate * seconds)
        self._processes = Processes({name: pid for name, pid in hub.pids.items() if name != "receiver"})
        self._next = 1
        self._accepted = 0

    async def run(self) -> dict[str, Any]:
        await self._one("warm-up", self._hub.keys[1], self._rate * 10, self._count, seed=9)
        await self._rest()
        # Before and after: the machine has moments of its own.
        before, _ = await self._ordinary("before")
        during, burst = await self._ordinary("during", flooded=True)
        after, _ = await self._ordinary("after")
        alone = statistics.mean((before["p99_ms"], after["p99_ms"]))
        return {
            "others_p99_ratio": round(during["p99_ms"] / alone, 2),
            "others_per_s": self._rate,
            "alone_before": before,
            "during": during,
            "alone_after": after,
            "burst": burst,
        }

    async def _ordinary(self, name: str, *, flooded: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
        first, cpu, machine, began = self._next, self._processes.cpu(), usage.machine(), clock.monotonic()
        one = self._one(name, self._hub.keys[1], self._rate, self._count, seed=1)
        burst: dict[str, Any] = {}
        if flooded:
            rate, count = TIMES * self._rate, TIMES * self._count
            flood = self._one("burst", self._hub.keys[0], rate, count, seed=2)
            accepted, of_burst = await asyncio.gather(one, flood)
            burst = {"due": count, "due_per_s": rate, "accepted": len(of_burst)}
        else:
            accepted = await one
        seconds, now, used = clock.monotonic() - began, usage.machine(), self._processes.cpu()
        until = clock.monotonic() + _PATIENCE
        numbers = range(first, first + self._count)
        while True:
            found = truth.arrivals(self._hub.folder, _CHANNEL, numbers, self._hub.templates[_CHANNEL])
            if all(number in found.delivered for number in accepted) or clock.monotonic() > until:
                break
            await asyncio.sleep(1)
        times = [1000 * (at - accepted[n]) for n, at in found.delivered.items() if n in accepted]
        await self._rest()
        cuts = statistics.quantiles(times, n=100, method="inclusive")
        figures = {
            "p50_ms": round(cuts[49], 1),
            "p99_ms": round(cuts[98], 1),
            "delivered": len(times),
            "lost": sum(number not in found.delivered for number in accepted),
            "refused": self._count - len(accepted),
            "stages_ms": await stages.between(self._hub.database.url, accepted, found.delivered),
            "cpu_per_s": {name: round((used[name] - cpu[name]) / seconds, 3) for name in used},
            "machine_busy": round((now.busy - machine.busy) / (now.total - machine.total), 3),
        }
        sys.stderr.write(f"fairness, {name}: {json.dumps(figures)}\n")
        return figures, burst

    async def _one(self, name: str, key: str, rate: float, count: int, seed: int) -> dict[str, float]:
        """When each accepted invoice was due, by its number."""
        first, self._next = self._next, self._next + count
        hub, results = self._hub, self._hub.folder / f"fair-{name}.tsv"
        board = self._hub.folder / f"board-{name}"
        Board(board, new=True)
        plan = Plan(
            host="127.0.0.1", port=hub.ports["ingest"], templates=hub.templates[_CHANNEL], keys=[key], first=first,
            count=count, in_flight=count, rate=rate, seed=seed, connections=32, board=str(board), results=str(results),
            give_up=name == "burst",
        )  # fmt: skip
        generator = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.pipeline.load", json.dumps(asdict(plan)),
            stdout=PIPE, cwd=hubs.ROOT, env={**os.environ, "PYTHONPATH": str(hubs.ROOT)},
        )  # fmt: skip
        await generator.communicate()
        if generator.returncode:
            raise RuntimeError(f"the load generator ended with {generator.returncode}")
        rows = [line.split("\t") for line in results.read_text().splitlines()]
        taken = {f"PB{int(n):08d}": float(due) for n, due, _, status in rows if status == "202"}
        self._accepted += len(taken)
        return taken

    async def _rest(self) -> None:
        """Until everything that was accepted is delivered, and told."""
        until = clock.monotonic() + _PATIENCE
        while clock.monotonic() < until:
            now = await truth.counted(self._hub.database.url)
            if now["deliveries"] == now["statuses"] == self._accepted and not now["waiting"]:
                return
            await asyncio.sleep(1)
        raise RuntimeError("the hub does not come to rest")
