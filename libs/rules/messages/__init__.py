"""What a bookkeeper reads for each rule, in Dutch and English, from ``nl.toml`` and ``en.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from libs.contracts.parts import Words


@dataclass(frozen=True, slots=True)
class Said:
    """The message of a rule, and where the sender usually mends it."""

    message: Words
    hint: Words | None


@cache
def _all() -> dict[str, Said]:
    nl, en = (
        tomllib.loads((files(__package__) / f"{language}.toml").read_text(encoding="utf-8"))
        for language in ("nl", "en")
    )
    return {
        rule: Said(
            Words(nl=nl[rule]["message"], en=en[rule]["message"]),
            Words(nl=nl[rule]["hint"], en=en[rule]["hint"]) if "hint" in nl[rule] else None,
        )
        for rule in nl
    }


def of(rule: str) -> Said:
    """``KeyError`` for a rule without messages; a test holds that there is none."""
    return _all()[rule]
