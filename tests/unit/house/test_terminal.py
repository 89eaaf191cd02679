"""Whatever a command prints goes through ``libs/terminal.py``, which shows control characters instead of sending them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
ECHO = re.compile(r"\b(?:typer|click)\.s?echo\(")


def test_nothing_is_echoed_as_it_came() -> None:
    sources = [path for folder in ("libs", "services") for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 100
    found = {path.relative_to(ROOT).as_posix() for path in sources if ECHO.search(path.read_text("utf-8"))}
    assert found == {"libs/terminal.py"}, "print with libs.terminal.say"
