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
    hint: Words


@cache
def known() -> dict[str, Said]:
    """Everything there is to say, by rule. ``KeyError`` when a rule is said in one language only."""
    nl, en = (
        tomllib.loads((files(__package__) / f"{language}.toml").read_text(encoding="utf-8"))
        for language in ("nl", "en")
    )
    return {
        rule: Said(
            Words(nl=nl[rule]["message"], en=en[rule]["message"]),
            Words(nl=nl[rule]["hint"], en=en[rule]["hint"]),
        )
        for rule in {**nl, **en}
    }


def of(rule: str) -> Said:
    """``KeyError`` for a rule without messages; a test holds that there is none."""
    return known()[rule]
