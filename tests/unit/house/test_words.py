"""Whoever refuses says so in both languages."""

from __future__ import annotations

import ast
import re
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
    said = re.compile(rf"\b({'|'.join(sorted(SEEN))})\(")
    texts = {
        path.relative_to(ROOT): path.read_text("utf-8")
        for top in ("libs", "services")
        for path in sorted((ROOT / top).rglob("*.py"))
    }
    half = [
        f"{path}:{call.lineno}"
        for path, text in texts.items()
        if str(path) not in AT_THE_MACHINE and said.search(text)
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in SEEN
        and call.args
        and not {"nl", "words"} & {keyword.arg for keyword in call.keywords}
    ]
    assert half == []
