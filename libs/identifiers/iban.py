"""IBAN: bank account number, ISO 13616."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from stdnum import numdb

from libs.identifiers.text import INVISIBLE, bare

_BEGINS = re.compile(r"(?=([A-Z])[ ~]?([A-Z])[ ~]?[0-9][ ~]?[0-9])")
_APART = re.compile(rf"[\s.\-/_\u2010-\u2015\u2212{INVISIBLE}]+")
_UNSEEN = re.compile(rf"[{INVISIBLE}]+")
_PARTS = re.compile(r"([0-9]+)!([nac])")
_LETTERS = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_WORD = 12
_OLD = 7
"""Digits that a number of before the IBAN has at least."""


def read(text: str) -> str | None:
    """The number without blanks when length and check digits hold (mod 97), else ``None``."""
    value = bare(text)
    form = _form(value[:2])
    return value if form is not None and form.whole.fullmatch(value) and _holds(value) else None


def shown(value: str) -> str:
    """Groups of four, as on paper."""
    return " ".join(value[start : start + 4] for start in range(0, len(value), 4))


def _holds(value: str) -> bool:
    # Which banks a country has is not asked: tables of them age, and an account at a new bank is one too.
    return int("".join(str(int(letter, 36)) for letter in value[4:] + value[:4])) % 97 == 1


def named(text: str) -> tuple[str, ...]:
    """Every IBAN that a text for people names, however it is written, each once.

    Where the country has no letters in front, the number must stand in one piece, in groups of four, in the parts that the
    country gives it or letter by letter: a Belgian VAT number with a telephone number behind it is right one time in a
    hundred.
    """
    plain = _APART.sub(_gap, text.upper())
    found: dict[str, None] = {}
    end = 0
    for begin in _BEGINS.finditer(plain):
        start = begin.start()
        form = _form(begin[1] + begin[2])
        if form is None or start < end:
            continue
        written = form.whole.match(plain, start)
        if written is None or not form.takes(written[0]) or not _free(plain, start):
            continue
        value = _squeezed(written[0])
        if _holds(value):
            found[value] = None
            end = written.end()
    return tuple(found)


def meant(text: str) -> tuple[str, ...]:
    """The IBANs of a field that ought to hold one: it is one, or there are words, a BIC or a label around it."""
    value = read(text)
    return named(text) if value is None else (value,)


def older(value: str, text: str) -> bool:
    """Whether a text is nothing but the number that this account had before there were IBANs."""
    domestic = value[4:].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ").lstrip("0")
    return len(domestic) >= _OLD and bare(text).lstrip("0") == domestic


def squeezed(text: str) -> str:
    """Nothing but the letters and digits of a text, in capitals."""
    return _squeezed(text.upper())


def _squeezed(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _gap(found: re.Match[str]) -> str:
    """What nobody sees may stand in the middle of a group as well as between two."""
    return "~" if _UNSEEN.fullmatch(found[0]) else " "


class _Form:
    """How the numbers of a country look: ``parts`` of so many digits (n), letters (a) or either (c)."""

    def __init__(self, structure: str) -> None:
        parts = [(int(length), kind) for length, kind in _PARTS.findall(structure)]
        body = "".join(rf"(?:[ ~]?{_LETTERS[kind]}){{{length}}}" for length, kind in parts)
        self.whole = re.compile(rf"[A-Z][ ~]?[A-Z](?:[ ~]?[0-9]){{2}}{body}(?![0-9])")
        self._lettered = parts[0][1] == "a"
        self._parts = [4, *(length for length, _ in parts)]

    def takes(self, written: str) -> bool:
        """Whether anybody writes a number of this country in such groups."""
        return self._lettered or any(self._grouped(groups) for groups in _readings(written))

    def _grouped(self, groups: list[int]) -> bool:
        if groups[:2] == [2, 2]:
            groups = [4, *groups[2:]]
        if groups == self._parts or set(groups) == {1}:
            return True
        return all(each == 4 for each in groups[:-1])


def _readings(written: str) -> Iterator[list[int]]:
    yield [len(group) for group in written.replace("~", "").split(" ")]
    yield [len(group) for group in written.replace("~", " ").split(" ")]


@cache
def _form(country: str) -> _Form | None:
    # The registry of ISO 13616 as stdnum has it, which knows no more of a number than its length and kinds.
    structure = numdb.get("iban").info(country)[0][1].get("bban") if country else None
    return None if structure is None else _Form(structure)


def _free(text: str, start: int) -> bool:
    """Whether a number may begin here: words and BICs are often glued to it, other digits are not."""
    if start == 0 or not text[start - 1].isdigit():
        return True
    word = re.split(r"[^A-Z0-9]", text[max(start - _WORD, 0) : start])[-1]
    return _BIC.fullmatch(word) is not None
