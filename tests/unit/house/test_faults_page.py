"""Every fault on the page has a test, and every test on the page is one that exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "faults.md").read_text("utf-8")
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
FAULTS = [row for row in ROWS if not row[0].startswith("| fault")]


def test_every_test_on_the_page_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) >= len(FAULTS)
    for path, test in named:
        assert f"def {test}(" in (ROOT / path).read_text("utf-8"), f"{path}::{test}"


def test_no_fault_is_without_one() -> None:
    for before, row in zip([[], *FAULTS], FAULTS, strict=False):
        assert "`tests/" in row[-1] or (row[-1] == "the same |" and "`tests/" in before[-1]), row[0]
