"""What the demo shows, at every width, and that the README shows the same."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from services.demo import script, table
from services.demo.sender import Row

README = (Path(__file__).parents[3] / "README.md").read_text("utf-8")
BRANCH = "000027449173 in /Invoice/cac:AccountingCustomerParty/cac:Party/cac:PartyLegalEntity/cbc:CompanyID is short."


def shown(tmp_path: Path, width: int) -> list[str]:
    play = script.load(tmp_path)
    rows = {scene.number: Row("quarantined", "Gemeente Voorbeeldstad", BRANCH) for scene in play}
    out = io.StringIO()
    Console(file=out, width=width).print(table.Shown(play, rows))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_readme_has_the_columns_of_the_demo(tmp_path: Path) -> None:
    (header,) = (line for line in README.splitlines() if line.startswith("number "))
    assert header.split() == shown(tmp_path, table.WIDE)[0].split() == list(table.COLUMNS)


@pytest.mark.parametrize(("width", "most"), [(200, 1), (table.WIDE, 5), (80, 4), (60, 4)])
def test_a_row_is_short_and_whole_at_every_width(tmp_path: Path, width: int, most: int) -> None:
    lines = shown(tmp_path, width)
    assert max(map(len, lines)) <= width
    starts = [at for at, line in enumerate(lines) if line.startswith("20")]
    assert len(starts) == 12
    assert max(after - at for at, after in zip(starts, [*starts[1:], len(lines)], strict=True)) <= most
    first = lines[starts[0]].split()
    assert first[1:5] == ["api", "quarantined", "Gemeente", "Voorbeeldstad"]


@pytest.mark.parametrize(
    ("reason", "short"),
    [
        ("", ""),
        ("A PDF on its own is not an e-invoice. Send the XML.", "A PDF on its own is not an e-invoice."),
        ("1 error. Line 4: there is no order number; one must be there.", "Line 4: there is no order number"),
        ("2 errors.", "2 errors."),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_the_table_tells_the_first_thing_that_matters(reason: str, short: str) -> None:
    assert table.why(reason) == short
