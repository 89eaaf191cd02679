"""Wraps named functions of the real code, and fails loudly when a name is gone.

Production code holds no test switches: what the crash suite does to a process it does from outside, by name.
A refactoring that renames such a function must not leave behind a fault that never strikes.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any


class NoSuchName(Exception):
    """What was to be wrapped is not there any more, or is called otherwise: the crash suite must follow the code."""


def wrap(target: str, make: Callable[[Any], Any]) -> None:
    """Replace ``module:Class.function`` by what ``make`` makes of it. Raises ``NoSuchName``."""
    module, _, path = target.partition(":")
    try:
        owner: Any = importlib.import_module(module)
        *outer, name = path.split(".")
        for each in outer:
            owner = vars(owner)[each]
        original = vars(owner)[name]
    except (ImportError, KeyError) as gone:
        raise NoSuchName(target) from gone
    made = make(original)
    if inspect.isfunction(original):
        _takes(made, original, target)
        made = functools.wraps(original)(made)
    setattr(owner, name, made)


def _takes(made: Any, original: Any, target: str) -> None:
    """It can be called as the original is: else it would raise where it was to break something."""
    named, given = [], []
    for each in inspect.signature(original).parameters.values():
        if each.kind is each.KEYWORD_ONLY:
            named.append(each.name)
        elif each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD):
            given.append(each.name)
    try:
        inspect.signature(made).bind(*given, **dict.fromkeys(named))
    except TypeError as differs:
        raise NoSuchName(f"{target} as it is called: {differs}") from differs


Say = Callable[[], None]
"""What a break calls when its broken code runs."""


def telling(bit: Say) -> Callable[[Any], Any]:
    """The function itself, which says so when it is called."""

    def make(original: Any) -> Any:
        async def told(*args: Any, **named: Any) -> Any:
            bit()
            return await original(*args, **named)

        return told

    return make


def without(sql: str, part: str, instead: str) -> str:
    """This statement without a part of it. Raises ``NoSuchName`` when the part is gone."""
    if part not in sql:
        raise NoSuchName(part)
    return sql.replace(part, instead)
