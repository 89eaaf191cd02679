"""Which requirements are proven: a pytest plugin that records, and a command that tells.

A test says what it proves, by the numbers of ``docs/requirements.md``::

    @pytest.mark.proves("R31", "SA5")

A number nobody knows stops the run before the first test. With ``--trace-to FILE`` the outcome of every such
test is written there, together with a fingerprint of the sources, so records of other code are not believed.

    python -m libs.testing.trace [--last]

reads the record of this very code, or runs the suite when there is none (``--last`` takes any record). A
number is *failing* when a test of it failed, *proven* when at least one passed and none failed, otherwise
*unproven*. A skipped test proves nothing. The last line is JSON:
``{"proven": [], "failing": [], "unproven": []}``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

REQUIREMENTS = Path("docs/requirements.md")
RECORD = Path(".state/trace.json")
_SOURCES = ("libs", "services", "tests", "requirements", "pyproject.toml", "docs/requirements.md")
_ROW = re.compile(r"\| ((?:R|M-[A-Z]+|SA|SB)\d+[a-z]?) \|")


def areas(text: str) -> dict[str, list[str]]:
    """The numbers of a requirements page by heading, in the page's order."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line[3:].replace("*", "").strip()
        elif row := _ROW.match(line):
            found.setdefault(heading, []).append(row[1])
    return found


def fingerprint(root: Path) -> str:
    """A hash of everything an outcome depends on, hex. Caches and compiled files do not count."""
    digest = hashlib.sha256()
    for name in _SOURCES:
        top = root / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(root)}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known about every number."""

    proven: list[str] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        return json.dumps({"proven": self.proven, "failing": self.failing, "unproven": self.unproven})


def tally(known: Iterable[str], tests: Iterable[Mapping[str, Any]]) -> Tally:
    """Judge every known number by the recorded tests: ``{"proves": [...], "outcome": "passed"}`` each."""
    outcomes: dict[str, set[str]] = {}
    for test in tests:
        for number in test["proves"]:
            outcomes.setdefault(number, set()).add(test["outcome"])
    result = Tally()
    for number in known:
        seen = outcomes.get(number, set())
        where = result.failing if "failed" in seen else result.proven if "passed" in seen else result.unproven
        where.append(number)
    return result


def report(page: Mapping[str, Sequence[str]], tests: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The lines people read, area by area, then the JSON line."""
    width = max(map(len, page), default=0)
    for area, numbers in page.items():
        part = tally(numbers, tests)
        counts = (
            f"proven {len(part.proven):3}  failing {len(part.failing):3}  unproven {len(part.unproven):3}"
        )
        yield f"{area:{width}}  {counts}"
        for word in ("proven", "failing", "unproven"):
            if listed := getattr(part, word):
                yield f"    {word:8}  {' '.join(listed)}"
    yield tally([number for numbers in page.values() for number in numbers], tests).as_json()


class Recorder:
    """Gathers the outcome of every test that proves something; the worst phase of a test counts."""

    def __init__(self, target: Path | None) -> None:
        self.target = target
        self.sources = ""
        self.tests: dict[str, dict[str, Any]] = {}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        claims = {
            item.nodeid: sorted({str(n) for mark in item.iter_markers("proves") for n in mark.args})
            for item in items
        }
        claims = {node: numbers for node, numbers in claims.items() if numbers}
        if claims:
            page = config.rootpath / REQUIREMENTS
            known = {n for numbers in areas(page.read_text("utf-8")).values() for n in numbers}
            for node, numbers in claims.items():
                if unknown := [n for n in numbers if n not in known]:
                    raise pytest.UsageError(f"{node} proves {', '.join(unknown)}: not in {REQUIREMENTS}")
        self.tests = {node: {"proves": numbers, "outcome": "skipped"} for node, numbers in claims.items()}
        if self.target is not None:
            # Now, not at the end: whoever edits while the suite runs did not test that edit.
            self.sources = fingerprint(config.rootpath)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self.tests.get(report.nodeid)
        if test is None or test["outcome"] == "failed":
            return
        if report.failed:
            test["outcome"] = "failed"
        elif report.when == "call" and report.passed and not hasattr(report, "wasxfail"):
            test["outcome"] = "passed"

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if self.target is None or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        self.target.parent.mkdir(parents=True, exist_ok=True)
        record = {"fingerprint": self.sources, "tests": self.tests}
        self.target.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--trace-to", metavar="FILE", help="record which requirements were proven, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"proves(*numbers): the rules of {REQUIREMENTS} that this test fails without"
    )
    target = config.getoption("--trace-to")
    config.pluginmanager.register(Recorder(Path(target) if target else None), "postbode-trace")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report. 0 unless a number is failing or the suite could not run."""
    parser = argparse.ArgumentParser(prog="trace", description="Which requirements are proven.")
    parser.add_argument("--last", action="store_true", help="take the last record, even of other code")
    options = parser.parse_args(arguments)
    root = Path.cwd()
    record = json.loads((root / RECORD).read_text("utf-8")) if (root / RECORD).exists() else None
    if record is None or not (options.last or record["fingerprint"] == fingerprint(root)):
        print("No record of this very code: running the suite.", flush=True)
        suite = [sys.executable, "-m", "pytest", "-q", "--ignore=tests/bench", f"--trace-to={RECORD}"]
        code = subprocess.run(suite, check=False).returncode
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            print(f"The suite did not run (pytest says {code}).", file=sys.stderr)
            return code
        record = json.loads((root / RECORD).read_text("utf-8"))
    page = areas((root / REQUIREMENTS).read_text("utf-8"))
    tests = list(record["tests"].values())
    for line in report(page, tests):
        print(line)
    return 1 if tally([n for numbers in page.values() for n in numbers], tests).failing else 0


if __name__ == "__main__":
    sys.exit(main())
