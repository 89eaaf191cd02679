"""Does an invoice agree with the directory about its receiver, beside the number that names it? Pure.

A KvK number has no check digit: one digit wrong is another real company. So a number alone is believed only between a
sender and a receiver that were seen together before. For the first time one more thing must agree: a second number, the
name or the post code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from libs.contracts.parts import PartyFacts
from libs.identifiers import be, branch, kvk, oin, vat

Key: TypeAlias = tuple[str, str]
Evidence: TypeAlias = Literal["number", "name", "post code"]

_LEGAL = frozenset(
    """
    bv nv vof cv bvba sprl srl sa sc cvba comm vzw asbl ltd gmbh ug ag inc llc plc stichting vereniging maatschap
    eenmanszaak cooperatie coop ua
    """.split()  # noqa: SIM905 - a list of words reads best as one
)
_COMMON = frozenset(
    """
    de het een en van der den voor te the of and et la le les holding groep group beheer nederland netherlands belgie
    belgium belgique europe international internationaal bedrijf bedrijven administratie crediteurenadministratie tav
    """.split()  # noqa: SIM905
)
_SIMILAR = 0.9
_WORTH_COMPARING = 5


def evidence(
    buyer: PartyFacts, keys: Collection[Key], names: Iterable[str], post_codes: Iterable[str]
) -> Evidence | None:
    """What of the invoice's buyer agrees with a party that has these numbers, names and post codes; None: nothing."""
    carried = {root(each.scheme, each.value) for each in buyer.identifiers if each.scheme != branch.SCHEME}
    if len(carried & {root(*key) for key in keys if key[0] != branch.SCHEME}) > 1:
        return "number"
    if buyer.name and any(alike(buyer.name, name) for name in names):
        return "name"
    said = post_code(buyer.post_code or "")
    return "post code" if said and said in {post_code(each) for each in post_codes} else None


def root(scheme: str, value: str) -> Key:
    """The number behind a number: what is made from another proves nothing beside it."""
    if scheme == oin.SCHEME:
        inside = oin.kvk(value)
        return (kvk.SCHEME, inside) if inside is not None else (scheme, value)
    return (be.ENTERPRISE, value.removeprefix("BE")) if scheme == vat.BE else (scheme, value)


def alike(one: str, other: str) -> bool:
    """Whether two names are one company's, as far as words can tell: all telling words of the shorter stand in the other,
    give or take a slip of the pen."""
    left, right = _words(one), _words(other)
    shorter, longer = sorted((left - _COMMON or left, right - _COMMON or right), key=len)
    return (
        bool(shorter)
        and _within(shorter, longer)
        and (len(shorter) < len(longer) or _within(longer, shorter))
    )


def _within(some: Iterable[str], others: Collection[str]) -> bool:
    return all(word in others or any(_same(word, each) for each in others) for word in some)


def _words(name: str) -> frozenset[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return frozenset(re.findall(r"\w+", re.sub(r"[.'’]", "", plain))) - _LEGAL


def _same(one: str, other: str) -> bool:
    # Numbers are what tells "Filiaal 12" from "Filiaal 13".
    if min(len(one), len(other)) < _WORTH_COMPARING or any(c.isdigit() for c in one + other):
        return False
    return SequenceMatcher(None, min(one, other), max(one, other)).ratio() >= _SIMILAR


def post_code(text: str) -> str:
    """``2611 aa`` → ``2611AA``."""
    return "".join(text.split()).upper()
