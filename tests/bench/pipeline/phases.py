"""One phase: a load is put on the hub, and what happens is measured until everything has come to rest."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from libs import clock
from tests.bench.pipeline import stages, truth, usage
from tests.bench.pipeline.board import Count
from tests.bench.pipeline.hub import ROOT, Hub
from tests.bench.pipeline.load import Plan
from tests.bench.pipeline.usage import Processes

REST_SECONDS = 60.0
"""So long after nothing moves any more the rest counts as lost."""
FIFTH = 0.2


@dataclass(frozen=True, slots=True)
class Load:
    """``rate`` 0: closed loop with ``in_flight`` invoices."""

    channel: str
    count: int
    rate: float = 0.0
    in_flight: int = 2000
    connections: int = 64
    seed: int = 1


class Bench:
    """A running hub, and what was put on it so far."""

    def __init__(self, hub: Hub, processes: Processes) -> None:
        self.hub = hub
        self.processes = processes
        self.sent = {"folder": 0, "smtp": 0}
        self._numbers = 1

    async def run(self, name: str, load: Load) -> dict[str, Any]:
        """The figures of one phase. CPU counts from its beginning until the last stage is at rest."""
        hub, first = self.hub, self._numbers
        self._numbers += load.count
        self.sent[load.channel] += load.count
        results = hub.folder / f"{name}.tsv"
        plan = Plan(
            host="127.0.0.1", port=hub.ports["ingest"], templates=hub.templates[load.channel], keys=hub.keys,
            first=first, count=load.count, in_flight=load.in_flight, rate=load.rate, seed=load.seed,
            connections=load.connections, board=str(hub.folder / "board"), results=str(results),
        )  # fmt: skip
        memory = _Memory(self.processes)
        cpu, machine, began = self.processes.cpu(), usage.machine(), clock.monotonic()
        generator = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.pipeline.load", json.dumps(asdict(plan)),
            stdout=PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        said = asyncio.create_task(generator.communicate())
        await self._watch(name, load.count, said, memory)
        out, _ = await said
        if generator.returncode:
            raise RuntimeError(f"the load generator ended with {generator.returncode}")
        behind = (await truth.counted(hub.database.url))["statuses"]
        rested = await self._until_at_rest()
        memory.look(end=True)
        used = {k: v - cpu[k] for k, v in self.processes.cpu().items()}
        own = json.loads(out)
        used["generator"] = own["cpu"]
        total = usage.machine()
        ways = _ways(load, results, hub)
        figures = _figures(load, ways) | {
            "stages_ms": await stages.between(hub.database.url, ways.due, ways.found.delivered),
            "cpu_ms_per_invoice": {k: round(1000 * v / load.count, 3) for k, v in used.items()},
            "cpu_ms_per_invoice_total": round(1000 * sum(used.values()) / load.count, 3),
            "track_behind": sum(self.sent.values()) - behind,
            "at_rest_after_s": round(clock.monotonic() - began, 1),
            "machine_busy": round((total.busy - machine.busy) / (total.total - machine.total), 3),
            "others_share_of_machine": round(
                (total.busy - machine.busy - sum(used.values())) / (total.total - machine.total), 3
            ),
            "stolen": round((total.stolen - machine.stolen) / (total.total - machine.total), 3),
            **memory.figures(),
        }
        figures["wrong"] = {
            k: [v, rested[k]] for k, v in truth.expected(**self._sent()).items() if rested[k] != v
        }
        return figures

    def _sent(self) -> dict[str, int]:
        return {"folders": self.sent["folder"], "mails": self.sent["smtp"]}

    async def _watch(
        self, name: str, count: int, said: asyncio.Task[tuple[bytes, bytes]], memory: _Memory
    ) -> None:
        """Until the generator is done and everything was delivered, or nothing moves any more."""
        board, clock_, beginning = self.hub.board, clock.monotonic, clock.monotonic()
        before = board[Count.delivered]
        last, moved, told = 0, beginning, beginning
        while not said.done() or last < count:
            await asyncio.sleep(0.25)
            if said.done() and not (await said)[0]:
                return
            delivered = board[Count.delivered] - before
            now = clock_()
            memory.look(fifth=delivered >= FIFTH * count)
            if delivered > last:
                last, moved = delivered, now
            if now - moved > REST_SECONDS:
                sys.stderr.write(f"{name}: nothing has moved for {REST_SECONDS:.0f} s\n")
                return
            if now - told >= 5:
                told = now
                open_now = board[Count.sent] - board[Count.delivered]
                sys.stderr.write(
                    f"{name}: {delivered} of {count} delivered, {delivered / (now - beginning):.0f}/s, "
                    f"{open_now} under way\n"
                )

    async def _until_at_rest(self) -> dict[str, int]:
        """Every fact told to track, every file known to be taken, every outbox empty."""
        wanted = truth.expected(**self._sent())
        found, moved = await truth.counted(self.hub.database.url), clock.monotonic()
        while found != wanted and clock.monotonic() - moved < REST_SECONDS:
            await asyncio.sleep(0.5)
            before, found = found, await truth.counted(self.hub.database.url)
            if found != before:
                moved = clock.monotonic()
        return found


@dataclass(frozen=True, slots=True)
class _Ways:
    """Of one phase, by invoice number."""

    due: Mapping[str, float]
    accepted: Mapping[str, float]
    """When the 202 was there."""
    refused: int
    found: truth.Arrivals


def _ways(load: Load, results: Path, hub: Hub) -> _Ways:
    due: dict[str, float] = {}
    accepted: dict[str, float] = {}
    refused = 0
    for line in results.read_text().splitlines():
        number, at, told, status = line.split("\t")
        if status == "202":
            name = f"PB{int(number):08d}"
            due[name], accepted[name] = float(at), float(told)
        else:
            refused += 1
    first = min(int(name[2:]) for name in accepted)
    numbers = range(first, first + load.count)
    return _Ways(
        due, accepted, refused, truth.arrivals(hub.folder, load.channel, numbers, hub.templates[load.channel])
    )


def _figures(load: Load, ways: _Ways) -> dict[str, Any]:
    found, accepted = ways.found, ways.accepted
    lost = [number for number in found.lost if number in accepted]
    both = [
        (ways.due[number], accepted[number], at)
        for number, at in found.delivered.items()
        if number in accepted
    ]
    began = min(due for due, _, _ in both)
    seconds = max(at for _, _, at in both) - began
    times = sorted(at for _, _, at in both)
    middle = times[len(times) // 10 : -(len(times) // 10) or None]
    return {
        "channel": load.channel,
        "loop": "open" if load.rate else "closed",
        "invoices": load.count,
        "offered_per_s": round(load.rate, 1) or None,
        "seconds": round(seconds, 2),
        "invoices_per_s": round(len(both) / seconds, 1),
        "steady_per_s": round((len(middle) - 1) / (middle[-1] - middle[0]), 1),
        # The file system's clock is up to 4 ms behind.
        "accepted_to_delivered_ms": _percentiles([1000 * max(0.0, at - told) for _, told, at in both]),
        "due_to_accepted_ms": _percentiles([1000 * (told - due) for due, told, _ in both]),
        # Of those accepted in each second the median and the slowest: a stall is a tooth.
        "by_second_ms": _by_second([(told - began, 1000 * max(0.0, at - told)) for _, told, at in both]),
        "refused": ways.refused,
        "lost": len(lost),
        "duplicated": found.duplicated,
        "damaged": found.damaged,
    }


def _by_second(times: list[tuple[float, float]]) -> list[tuple[int, int]]:
    seconds: dict[int, list[float]] = {}
    for at, took in times:
        seconds.setdefault(int(at), []).append(took)
    return [(round(statistics.median(each)), round(max(each))) for _, each in sorted(seconds.items())]


def _percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=1000, method="inclusive")
    return {
        name: round(cuts[at - 1], 1) for name, at in (("p50", 500), ("p95", 950), ("p99", 990), ("p999", 999))
    }


class _Memory:
    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._peak: dict[str, int] = {}
        self._fifth: Mapping[str, int] | None = None
        self._end: Mapping[str, int] = {}

    def look(self, *, fifth: bool = False, end: bool = False) -> None:
        now = self._processes.rss()
        for name, size in now.items():
            self._peak[name] = max(size, self._peak.get(name, 0))
        if fifth and self._fifth is None:
            self._fifth = now
        if end:
            self._end = now

    def figures(self) -> dict[str, Any]:
        fifth = self._fifth or self._end
        return {
            "peak_rss_mb": {name: round(size / 2**20, 1) for name, size in self._peak.items()},
            "rss_end_to_fifth": {name: round(size / fifth[name], 3) for name, size in self._end.items()},
        }
