"""Does an invoice agree with the directory about its receiver, beside the number that names it? Pure.

A KvK number has no check digit: one digit wrong is another real company. So a number alone is believed only between a
sender and a receiver that were seen together before. For the first time one more thing must agree: a second number, the
name or the post code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple, TypeAlias

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
    de het en van der den voor te the of and et la le les holding groep group beheer nederland netherlands belgie
    belgium belgique europe international internationaal bedrijf bedrijven administratie crediteurenadministratie tav vd vh
    """.split()  # noqa: SIM905
)
_NO_INITIALS = _LEGAL | {"vd", "vh"}
_WORD = re.compile(r"\w[\w.]*")
_WITHIN_WORDS = str.maketrans("", "", "'’")
_APART = re.compile(r"\b(?:[bnc]\.?\s+v|v\.?\s+o\.?\s+f|v\.?[\s/]+[dh])\b\.?")
"""Legal forms and *van der*, *voorheen* with blanks between: their v is not the fifth of anything."""
_NUMERAL = re.compile(r"\d+|x{0,3}(?:ix|iv|v?i{0,3})")
"""Arabic, or Roman up to 39: D and M are initials more often than numbers."""
_ONES = "een one un une twee two deux drie three trois vier four quatre vijf five cinq zes six zeven seven sept acht eight"
_TENS = "twintig dertig veertig vijftig zestig zeventig tachtig negentig honderd twenty thirty vingt trente cent hundred"
_SPELLED = frozenset(
    f"""
    {_ONES} huit negen nine neuf tien ten dix elf eleven onze twaalf twelve douze dertien veertien vijftien zestien
    zeventien achttien negentien {_TENS} eerste tweede derde vierde vijfde zesde zevende achtste negende tiende first second
    third fourth fifth premier premiere deuxieme troisieme quatrieme
    """.split()
)
_COMPOUND = re.compile(rf"(?:{'|'.join([*_ONES.split(), 'negen'])})en(?:{'|'.join(_TENS.split())})")
"""Written out, up to a hundred: *Fonds Twee* is not *Fonds Drie*, and not *Fonds 2* either, for both may be there."""
_SIMILAR = 0.9
_WORTH_COMPARING = 5


def evidence(
    buyer: PartyFacts, keys: Collection[Key], names: Iterable[str], post_codes: Iterable[str]
) -> Evidence | None:
    """What of the invoice's buyer agrees with a party that has these numbers, names and post codes; None: nothing."""
    carried = {root(each.scheme, each.value) for each in buyer.identifiers if each.scheme != branch.SCHEME}
    if len(carried & {root(*key) for key in keys}) > 1:
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
    give or take a slip of the pen, both have the same numbers, and initials that do not speak against each other. Words
    that thousands of companies have, single letters and numbers alone tell nothing."""
    left = _read(one)
    right = left if one == other else _read(other)
    # "A. Jansen" is not "B. Jansen", and "A.B. Jansen" not "B.A. Jansen".
    if not _together(left.initials, right.initials):
        return False
    if left.words == right.words:
        return bool(left.words)
    # All that tells "Fonds 1" from "Fonds 2", and either from the "Fonds" that holds them.
    if _numbers(left.words) != _numbers(right.words):
        return False
    shorter, longer = sorted((_telling(left.words), _telling(right.words)), key=len)
    return (
        bool(shorter)
        and _within(shorter, longer)
        and (len(shorter) < len(longer) or _within(longer, shorter))
    )


class _Read(NamedTuple):
    """A name: its words without legal forms, and its single letters in their order."""

    words: frozenset[str]
    initials: tuple[str, ...]


def _read(name: str) -> _Read:
    plain = name.casefold()
    if not plain.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    words: set[str] = set()
    initials: list[str] = []
    for token in _WORD.findall(_APART.sub(" ", plain.translate(_WITHIN_WORDS))):
        if "." not in token:
            words.add(token)
            if len(token) == 1 and token.isalpha():
                initials.append(token)
            continue
        parts = [part for part in token.split(".") if part]
        front = parts[:-1] if len(parts[-1]) > 1 else parts
        if all(len(part) == 1 and part.isalpha() for part in front) and "".join(front) not in _NO_INITIALS:
            initials += front
            # "A.Jansen" as "A. Jansen", "A.B." as "A. B."; three are an abbreviation, such as "K.P.N.".
            if len(front) < len(parts) or len(parts) == 2:
                words.update(front)
                parts = parts[len(front) :]
        if parts:
            words.add("".join(parts))
    return _Read(frozenset(words - _LEGAL), tuple(initials))


def _together(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether one is how the other begins: who leaves initials out says nothing of them."""
    return all(one == other for one, other in zip(some, others, strict=False))


def _telling(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in words - _COMMON if len(word) > 1 and not _is_number(word))


def _numbers(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in words if _is_number(word) or any(map(str.isdigit, word)))


def _is_number(word: str) -> bool:
    return word in _SPELLED or bool(_NUMERAL.fullmatch(word) or _COMPOUND.fullmatch(word))


def _within(some: Iterable[str], others: Collection[str]) -> bool:
    return all(word in others or any(_same(word, each) for each in others) for word in some)


def _same(one: str, other: str) -> bool:
    # Words with digits are equal or no likeness at all.
    if min(len(one), len(other)) < _WORTH_COMPARING or any(c.isdigit() for c in one + other):
        return False
    return SequenceMatcher(None, min(one, other), max(one, other)).ratio() >= _SIMILAR


def post_code(text: str) -> str:
    """``2611 aa`` → ``2611AA``; empty for what is none, such as a dash."""
    plain = "".join(text.split()).upper()
    return plain if any(c.isdigit() for c in plain) else ""
