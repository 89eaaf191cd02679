"""The page of requirements names every number once, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from libs.testing import trace

ROOT = Path(__file__).parents[3]

RANGES = """
R1-68 R48a R48b R100-107 R110-114 R120-122 R200-207 R214-220 R225-231 R235-247 R260-262 R270-271 R275
R280-283 R300-305 M-CC1-6 M-CU1-4 M-GL1-5 M-PR1-4 M-VT1-4 M-PC1-4 M-OR1-12 M-CO1-3 M-CI1-3 M-XR1-3
M-S1-26 M-S30-40 M-F1-23 M-P1-6 SA1-22 SB1-23
"""


def numbers() -> list[str]:
    found = []
    for entry in RANGES.split():
        if ends := re.fullmatch(r"(.*?)(\d+)-(\d+)", entry):
            found += [f"{ends[1]}{n}" for n in range(int(ends[2]), int(ends[3]) + 1)]
        else:
            found.append(entry)
    return found


def test_every_number_has_one_line() -> None:
    page = trace.areas((ROOT / trace.REQUIREMENTS).read_text("utf-8"))
    listed = [number for area in page.values() for number in area]
    assert sorted(listed) == sorted(numbers())


def test_every_line_says_something() -> None:
    rows = [
        line
        for line in (ROOT / trace.REQUIREMENTS).read_text("utf-8").splitlines()
        if re.match(r"\| (R|M-|S[AB])", line)
    ]
    assert len(rows) == len(numbers())
    assert [row for row in rows if len(row.split(" | ")[1]) < 12] == []
