"""The order of the tiers and their budgets, run on little suites."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from libs.testing import tiers

ONE = "def test_{0}(): pass\n"


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    for tier in ("crash", "contract", "unit", "e2e"):
        file = pytester.path / "tests" / tier / f"test_{tier}.py"
        file.parent.mkdir(parents=True)
        file.write_text(ONE.format(tier), "utf-8")
    pytester.makeini("[pytest]\naddopts = --import-mode=importlib\n")
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_inprocess("-p", "no:asyncio", "-p", "libs.testing.tiers", "-v", *arguments)


def test_the_page_names_the_budgets() -> None:
    page = (Path(__file__).parents[3] / "docs/testing.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `tests/(\w+)` .* (\d+) s \|$", page, re.MULTILINE))
    assert told == {tier: str(seconds) for tier, seconds in tiers.BUDGETS.items()}


def test_cheap_tiers_come_first(suite: pytest.Pytester) -> None:
    result = run(suite)
    result.stdout.fnmatch_lines(["*test_unit*", "*test_contract*", "*test_e2e*", "*test_crash*"])


def test_a_tier_over_its_budget_fails_the_run(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tiers.BUDGETS, "e2e", 0)
    result = run(suite, "--budgets")
    result.assert_outcomes(passed=4)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["unit *1 tests *of 60 s", "e2e *of 0 s  OVER BUDGET", "*4 passed in *"])


def test_within_budget_the_run_is_good(suite: pytest.Pytester) -> None:
    assert run(suite, "--budgets").ret == pytest.ExitCode.OK


def test_budgets_are_not_kept_unasked(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tiers.BUDGETS, "e2e", 0)
    assert run(suite).ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("path", "tier"),
    [("tests/unit/db/test_a.py", "unit"), ("tests/test_a.py", ""), ("libs/a/b.py", ""), ("../x/y/z.py", "")],
)
def test_the_tier_is_the_folder_below_tests(path: str, tier: str) -> None:
    root = Path("/somewhere/checkout")
    assert tiers.tier_of((root / path).resolve(), root) == tier


def test_standing_in_line_for_a_processor_does_not_count(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As if each test had waited an hour for its turn, and as if the kernel told nothing."""
    waits = tmp_path / "schedstat"
    waits.write_text("1000 0 1", "ascii")
    monkeypatch.setattr(tiers, "_SCHEDULER", waits)
    before = tiers._clock()
    waits.write_text("2000 3600000000000 2", "ascii")
    assert -3600 <= tiers._clock() - before < -3590
    waits.unlink()
    assert tiers._clock() > before
    assert run(suite, "--budgets").ret == pytest.ExitCode.OK
