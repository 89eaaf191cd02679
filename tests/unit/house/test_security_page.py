"""What the page says is proven, is: every test it names exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "security.md"
NUMBERS = re.findall(
    r"[\d.]+",
    """
    1.2.10 1.3.6 1.3.11 1.5.1 1.5.3 2.2.1 2.2.2 2.2.3 2.3.3 2.4.1 4.1.5 4.2.1 4.2.2 4.2.3 4.2.4 4.2.5 5.2.1 5.2.2 5.2.3
    5.2.4 5.2.5 5.4.1 5.4.2 5.4.3 8.2.2 8.4.1 13.2.1 13.2.2 13.2.3 13.2.4 13.2.5 13.2.6 13.3.1 13.3.2 13.3.3 13.3.4
    16.1.1 16.2.1 16.2.2 16.2.3 16.2.4 16.2.5 16.3.1 16.3.2 16.3.3 16.3.4 16.4.1 16.4.2 16.4.3 16.5.1 16.5.2 16.5.3 16.5.4
    """,
)


def rows() -> dict[str, tuple[str, str]]:
    """By number: how it stands, and the rest."""
    found = re.findall(
        r"^\| ([\d., ]+) \| [^|]+ \| (yes|part|no|–) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    return {number.strip(): (state, rest) for numbers, state, rest in found for number in numbers.split(",")}


def test_every_number_stands_there_once() -> None:
    assert sorted(rows()) == sorted(NUMBERS)


def test_every_test_on_the_page_exists() -> None:
    for path, test in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE.read_text("utf-8")):
        assert (ROOT / path).exists(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text("utf-8"), f"{path}::{test}"


def test_what_is_said_to_be_so_names_a_test() -> None:
    for number, (state, rest) in rows().items():
        assert "`tests/" in rest or state != "yes", number
