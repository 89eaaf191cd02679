"""What a bookkeeper reads for each rule, in Dutch and English.

::

    nl/en16931.toml, vat.toml …   [BR-CO-10]  message = "…[ ({value})] …"   hint = "totals"
    nl/hints.toml                 totals = "…"         where a sender usually mends it, said once for many rules

A part in square brackets is said only when everything named in it is known: ``{value}`` is what the document
says, ``{expected}`` what it should say. Without those parts a message is a whole sentence too.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from libs.contracts.parts import Words

LANGUAGES = ("nl", "en")
_HINTS = "hints.toml"
_PART = re.compile(r"\[([^\[\]]*)\]")
_NAME = re.compile(r"\{(value|expected)\}")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Said:
    """The message of a rule, and where the sender usually mends it."""

    message: Words
    hint: Words


@dataclass(frozen=True, slots=True)
class Text:
    """What stands in the files about one rule: the messages with their optional parts, and the name of its hint."""

    nl: str
    en: str
    hint: str


@cache
def written() -> dict[str, Text]:
    """Every rule as written. ``KeyError`` for a rule that one language lacks."""
    nl, en = (_rules(language) for language in LANGUAGES)
    return {rule: Text(nl[rule]["message"], en[rule]["message"], nl[rule]["hint"]) for rule in {**nl, **en}}


@cache
def hints() -> dict[str, Words]:
    """Every place of mending by its name."""
    nl, en = (_toml(language, _HINTS) for language in LANGUAGES)
    return {name: Words(nl=nl[name], en=en[name]) for name in {**nl, **en}}


def of(rule: str, place: str = "", seen: str | None = None, expected: str | None = None) -> Said:
    """What to say. A warning without words of its own names the element at ``place`` (an XPath).

    Every fatal rule has words of its own; a test holds that.
    """
    text = written().get(rule)
    if text is None:
        return _general(place.rpartition("/")[2].partition("[")[0])
    if not seen and not expected:
        return _plain(rule)
    known = {"value": _shown(seen), "expected": _shown(expected)}
    return Said(Words(nl=_filled(text.nl, known), en=_filled(text.en, known)), hints()[text.hint])


@cache
def _plain(rule: str) -> Said:
    text = written()[rule]
    return Said(Words(nl=_PART.sub("", text.nl), en=_PART.sub("", text.en)), hints()[text.hint])


def _filled(text: str, known: dict[str, str]) -> str:
    def part(found: re.Match[str]) -> str:
        if not all(known[name] for name in _NAME.findall(found[1])):
            return ""
        return _NAME.sub(lambda name: known[name[1]], found[1])

    return _PART.sub(part, text)


def _shown(value: str | None) -> str:
    """On one line and short: whatever comes out of an invoice may be megabytes."""
    if not value:
        return ""
    one = " ".join(value[: 4 * _LONGEST].split())
    return one if len(one) <= _LONGEST else one[: _LONGEST - 1] + "…"


def _rules(language: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for file in sorted((files(__package__) / language).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml") and file.name != _HINTS:
            found |= _toml(language, file.name)
    return found


def _toml(language: str, name: str) -> dict[str, Any]:
    return tomllib.loads((files(__package__) / language / name).read_text(encoding="utf-8"))


@lru_cache(maxsize=1_000)
def _general(name: str) -> Said:
    shown = name.rpartition(":")[2] or "?"
    return Said(
        Words(
            nl=f"Het veld {shown} hoort hier volgens de regels van dit formaat niet in een factuur te staan.",
            en=f"The field {shown} should not be used here in an invoice by the rules of this format.",
        ),
        hints()["leave-out"],
    )
