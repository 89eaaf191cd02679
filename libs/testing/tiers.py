"""The tiers of the suite: cheap ones first, each with a time budget.

The tier of a test is the first folder below ``tests/``. Tiers run in the order given here, so that a mistake
shows as early as it can. With ``--budgets`` a tier that takes longer than its budget fails the run: a slow
suite is one that nobody runs. A tier's time is that of its tests with their fixtures (the first tier that
asks for a database or broker pays for starting it); collection is not counted, nor, where Linux tells, the
time the tests stood in line for a processor that something else was using.

What was imported, and what the tiers before left in the process, is set aside before a tier begins: a whole collection of
garbage takes a second there, and would come at any moment of any test.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Generator
from pathlib import Path

import pytest

BUDGETS = {
    "unit": 60,
    "contract": 75,
    "integration": 360,
    "e2e": 330,
    "crash": 240,
    "fuzz": 40,
}
"""Seconds on two cores; all together within 19 minutes."""


_SCHEDULER = Path("/proc/self/schedstat")


def _clock() -> float:
    """Seconds that pass while we run or sleep, but not while we wait for our turn on a processor."""
    try:
        in_line = int(_SCHEDULER.read_text("ascii").split()[1])
    except (OSError, IndexError, ValueError):
        in_line = 0
    return time.perf_counter() - in_line / 1e9


def tier_of(path: Path, root: Path) -> str:
    """The tier of a test file: ``tests/<tier>/…``; empty for files that stand elsewhere."""
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    return parts[1] if len(parts) > 2 and parts[0] == "tests" else ""


class Tiers:
    """Orders the tests and keeps the clock."""

    def __init__(self, root: Path, enforce: bool) -> None:
        self.root = root
        self.enforce = enforce
        self.spent: dict[str, float] = {}
        self.tests: dict[str, int] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = {tier: place for place, tier in enumerate(BUDGETS)}
        items.sort(key=lambda item: order.get(tier_of(item.path, self.root), len(order)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        tier = tier_of(item.path, self.root)
        if tier not in self.tests:
            gc.collect()
            gc.freeze()
        start = _clock()
        try:
            return (yield)
        finally:
            self.spent[tier] = self.spent.get(tier, 0.0) + _clock() - start
            self.tests[tier] = self.tests.get(tier, 0) + 1

    def over(self) -> list[str]:
        """The tiers that took more than they may."""
        return [tier for tier, seconds in self.spent.items() if seconds > BUDGETS.get(tier, float("inf"))]

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.enforce and self.over() and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.enforce:
            return
        terminalreporter.section("time budgets")
        for tier, seconds in self.spent.items():
            late = tier in self.over()
            budget = f"of {BUDGETS[tier]} s" if tier in BUDGETS else "no budget"
            line = f"{tier or 'elsewhere':12} {self.tests[tier]:5} tests  {seconds:6.1f} s {budget}"
            terminalreporter.write_line(line + ("  OVER BUDGET" if late else ""), red=late)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--budgets", action="store_true", help="fail the run when a tier is over its time budget"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Tiers(config.rootpath, config.getoption("--budgets")), "postbode-tiers")
