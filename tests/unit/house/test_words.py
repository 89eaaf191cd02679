"""Whoever refuses says so in both languages."""

from __future__ import annotations

import ast
from pathlib import Path

from libs import errors

ROOT = Path(__file__).parents[3]
SEEN = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.Refusal | errors.Unavailable)
}
"""What a caller may see of the error tree."""
AT_THE_MACHINE = {"libs/messaging/dead.py", "services/ingest/cli.py"}
"""Read by whoever runs the hub, in a terminal."""


def test_a_refusal_with_words_of_its_own_has_them_in_dutch_and_english() -> None:
    half = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for top in ("libs", "services")
        for path in sorted((ROOT / top).rglob("*.py"))
        if str(path.relative_to(ROOT)) not in AT_THE_MACHINE
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in SEEN
        and call.args
        and not {"nl", "words"} & {keyword.arg for keyword in call.keywords}
    ]
    assert half == []
