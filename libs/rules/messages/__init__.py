"""What a bookkeeper reads for each rule, in Dutch and English, from ``nl.toml`` and ``en.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
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


def of(rule: str, place: str = "") -> Said:
    """What to say. A warning without words of its own names the element at ``place`` (an XPath).

    Every fatal rule has words of its own; a test holds that.
    """
    return known().get(rule) or _general(place.rpartition("/")[2].partition("[")[0])


@lru_cache(maxsize=1_000)
def _general(name: str) -> Said:
    shown = name.rpartition(":")[2] or "?"
    return Said(
        Words(
            nl=f"Het veld {shown} hoort hier volgens de Europese norm niet in een factuur te staan.",
            en=f"The field {shown} should not be used here in an invoice by the European standard.",
        ),
        Words(
            nl="De ontvanger kan dit veld overslaan. Laat het weg als u het niet nodig heeft.",
            en="The receiver may skip this field. Leave it out if you do not need it.",
        ),
    )
