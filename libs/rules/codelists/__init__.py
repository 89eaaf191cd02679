"""Code lists as data: each file names its source and the date of the release it follows."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def written(name: str) -> str:
    """The codes of a list in their order, with single blanks between them. ``FileNotFoundError`` for no list."""
    table = tomllib.loads((files(__package__) / f"{name}.toml").read_text(encoding="utf-8"))
    return " ".join(str(table["codes"]).split())


@cache
def codes(name: str) -> frozenset[str]:
    """The codes of a list."""
    return frozenset(written(name).split())
