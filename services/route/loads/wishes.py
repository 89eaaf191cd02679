"""What the rows of a load ask for, each judged alone and then beside the others. Pure; nothing is guessed.

::

    Row ─ numbers in their canonical form, texts as they may be kept ─▶ Wish, or why not
    Wishes ─ rows that share a number ─▶ alike: the first counts │ unlike: none counts
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import starmap
from typing import Literal, TypeAlias, cast
from uuid import UUID

from stdnum.eu import vat as eu_vat

from libs import identifiers
from libs.contracts.parts import Identifier, Words
from libs.errors import Unprocessable
from libs.identifiers import gln, kvk, vat
from libs.identifiers.reader import canonical_scheme, read_vat
from libs.identifiers.text import digits
from libs.text import EMAIL, PLAIN
from services.route.companies import addresses
from services.route.companies.addresses import Address
from services.route.companies.entries import contradictions, read_key
from services.route.deciding.corroboration import root
from services.route.deciding.decision import Key, key_of
from services.route.loads import load_words as words
from services.route.loads.load_words import Trouble
from services.route.loads.tables import Row
from services.route.words import kind_of

Language: TypeAlias = Literal["nl", "en"]

MOST = {
    "name": 200,
    "email": 200,
    "names": 20,
    "post_codes": 20,
    "addresses": addresses.MOST,
    "identifiers": 50,
}
"""Of a party, as the API takes it: characters, or how many."""
_FORMULA = re.compile(r"^[=+@\t\r-]")
_AS_TEXT = re.compile(r'^="([^"]*)"$')
_PLAIN, _EMAIL = re.compile(PLAIN), re.compile(EMAIL)
_NUMBER_LIKE = re.compile(r"^[\d\s./-]{6,}$")


@dataclass(frozen=True, slots=True)
class Wish:
    """One row that can be used. None: nothing was said, so nothing changes."""

    line: int
    identifiers: tuple[Identifier, ...]
    name: str | None = None
    email: str | None = None
    language: Language | None = None
    country: str | None = None
    names: tuple[str, ...] | None = None
    post_codes: tuple[str, ...] | None = None
    addresses: tuple[Address, ...] | None = None
    """An empty country is the party's."""
    head: UUID | Key | None = None
    """The party this is a place of business of."""
    remarks: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """One row that cannot be used, and all that is wrong with it."""

    line: int
    troubles: tuple[Trouble, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """One row that says what another has said."""

    line: int
    trouble: Trouble


Judged: TypeAlias = Wish | Refused | Duplicate


def judge(rows: Sequence[Row]) -> list[Judged]:
    """Every row, in the order of the file."""
    return _beside_others([_alone(row) for row in rows])


def _alone(row: Row) -> Wish | Refused:
    if row.trouble is not None:
        return Refused(row.line, (row.trouble,), row.name)
    troubles = list(_texts(row))
    if troubles:
        return Refused(row.line, tuple(troubles), row.name)
    remarks: list[Trouble] = []
    found: dict[Identifier, None] = {}
    for field, scheme, text in row.numbers:
        identifier, said = _number(field, scheme, text)
        if identifier is None:
            troubles += said
        else:
            found[identifier] = None
            remarks += said
    head = _head(row.branch_of) if row.branch_of else None
    if row.branch_of and head is None:
        troubles.append(words.bad_value("branch_of", row.branch_of))
    if not row.numbers:
        troubles.append(words.NO_NUMBER)
    troubles += starmap(words.within, contradictions([key_of(each) for each in found]))
    if troubles:
        return Refused(row.line, tuple(troubles), row.name)
    return Wish(
        line=row.line,
        identifiers=tuple(found),
        name=row.name,
        email=row.email,
        language=cast("Language", row.language.lower()) if row.language else None,
        country=row.country.upper() if row.country else None,
        names=row.names,
        post_codes=row.post_codes,
        addresses=_addresses(row.addresses) if row.addresses else None,
        head=head,
        remarks=tuple(remarks),
    )


def _addresses(said: Sequence[Mapping[str, str]]) -> tuple[Address, ...]:
    countries = ((each, each.get("country_code", "").upper()) for each in said)
    return addresses.each_once(
        Address.from_json({**each, "country_code": country}) for each, country in countries
    )


def _texts(row: Row) -> Iterator[Trouble]:
    """What is wrong with what is no number; formulas and controls wherever they stand."""
    cells = [(field, text) for field, _, text in row.numbers]
    cells += [(name, text) for name, text in _said(row) if text]
    for field, text in cells:
        if not _PLAIN.match(text):
            yield words.cell("control-characters", field, text)
        elif _FORMULA.match(text):
            inside = _AS_TEXT.match(text)
            yield words.cell("formula", field, text, inside[1] if inside else None)
    for field, most in (("name", MOST["name"]), ("email", MOST["email"])):
        if len(getattr(row, field) or "") > most:
            yield words.too_long(field, most)
    if len(row.numbers) > MOST["identifiers"]:
        yield words.too_long("numbers", MOST["identifiers"])
    for field, longest in (("names", 200), ("post_codes", 20)):
        several = getattr(row, field) or ()
        if len(several) > MOST[field] or any(len(each) > longest for each in several):
            yield words.too_long(field, MOST[field] if len(several) > MOST[field] else longest)
    yield from _places(row.addresses or ())
    if row.name is not None:
        yield from _name(row.name)
    if row.email is not None and not _EMAIL.match(row.email):
        yield words.bad_value("email", row.email)
    if row.language is not None and row.language.lower() not in ("nl", "en"):
        yield words.bad_value("language", row.language)
    if row.country is not None and not re.fullmatch(r"[A-Za-z]{2}", row.country):
        yield words.bad_value("country", row.country)


def _places(said: Sequence[Mapping[str, str]]) -> Iterator[Trouble]:
    if len(said) > MOST["addresses"]:
        yield words.too_long("addresses", MOST["addresses"])
    for each in said:
        for name, text in each.items():
            if name == "country_code" and not re.fullmatch(r"[A-Za-z]{2}", text):
                yield words.bad_value("country", text)
            elif len(text) > addresses.LONGEST.get(name, 2):
                yield words.too_long(name, addresses.LONGEST[name])
        if not each.keys() & addresses.LONGEST.keys():
            yield words.NOWHERE


def _said(row: Row) -> Iterator[tuple[str, str | None]]:
    for field in ("name", "email", "language", "country", "branch_of"):
        yield field, getattr(row, field)
    for field in ("names", "post_codes"):
        for each in getattr(row, field) or ():
            yield field, each
    for address in row.addresses or ():
        yield from address.items()


def _name(name: str) -> Iterator[Trouble]:
    """A number or an address where the name belongs: columns were swapped."""
    digits_in_it = len(name) <= 100 and any(map(str.isdigit, name))
    found = identifiers.read(name) if digits_in_it else None
    if found is not None and (not vat.is_scheme(found.scheme) or vat.valid(found.value)):
        yield words.swapped(name, kind_of(found.scheme))
    elif _NUMBER_LIKE.match(name):
        yield words.swapped(name, words.NUMBER)
    elif _EMAIL.match(name):
        yield words.swapped(name, words.ADDRESS)


def _number(field: str, scheme: str, text: str) -> tuple[Identifier | None, list[Trouble]]:
    """The number, with remarks; or nothing, with why."""
    code = canonical_scheme(scheme) or ""
    if vat.is_scheme(code):
        return _vat(field, text)
    try:
        key = read_key(scheme, text)
    except Unprocessable as bad:
        return None, [_why(field, text, code, bad)]
    value = key[1]
    if key[0] == gln.SCHEME and not gln.valid(value):
        return None, [words.cell("check-digits", field, text)]
    remarks = (
        [words.cell("unlikely", field, text)] if key[0] == kvk.SCHEME and kvk.looks_mistyped(value) else []
    )
    return Identifier(scheme=key[0], value=value), remarks


def _vat(field: str, text: str) -> tuple[Identifier | None, list[Trouble]]:
    """Of any country, under the scheme of its country."""
    found = read_vat(text)
    if found is None:
        try:
            read_key(vat.NL, text)
        except Unprocessable as bad:
            return None, [_why(field, text, vat.NL, bad)]
        return None, [words.cell("check-digits", field, text)]
    if vat.valid(found.value):
        return found, []
    country = found.value[:2].lower()
    if country in ("nl", "be") or country in eu_vat.MEMBER_STATES or country == "el":
        return None, [words.cell("check-digits", field, text)]
    return found, [words.cell("unchecked", field, text)]


def _why(field: str, text: str, code: str, bad: Unprocessable) -> Trouble:
    stripped = kvk.strip(text)
    if code == kvk.SCHEME and digits(stripped, 7):
        return words.lost_zero(field, text, f"0{stripped}")
    other = identifiers.read(text) if len(text) <= 100 else None
    if other is not None and other.scheme != code:
        return words.other_kind(field, text, key_of(other))
    return words.bad_number(field, text, bad.code, Words.model_validate(bad.words))


def _head(text: str) -> UUID | Key | None:
    number = kvk.read(text)
    if number is not None:
        return kvk.SCHEME, number
    try:
        return UUID(text)
    except ValueError:
        return None


def _beside_others(judged: Sequence[Wish | Refused]) -> list[Judged]:
    """Rows that share a number: all alike, or none of them counts."""
    groups = _groups([one for one in judged if isinstance(one, Wish)])
    return [_counted(one, groups.get(one.line, (one,))) if isinstance(one, Wish) else one for one in judged]


def _groups(wishes: Sequence[Wish]) -> Mapping[int, Sequence[Wish]]:
    """By line, the rows that hang together by their numbers; only where there is more than one."""
    leaders: dict[int, int] = {}

    def leader(line: int) -> int:
        while leaders[line] != line:
            leaders[line] = leaders[leaders[line]]
            line = leaders[line]
        return line

    first: dict[Key, int] = {}
    for wish in wishes:
        leaders[wish.line] = wish.line
        for key in _roots(wish):
            before = first.setdefault(key, wish.line)
            if before != wish.line:
                leaders[leader(wish.line)] = leader(before)
    groups: dict[int, list[Wish]] = {}
    for wish in wishes:
        groups.setdefault(leader(wish.line), []).append(wish)
    return {wish.line: group for group in groups.values() if len(group) > 1 for wish in group}


def _roots(wish: Wish) -> set[Key]:
    return {root(*key_of(each)) for each in wish.identifiers}


def _counted(wish: Wish, group: Sequence[Wish]) -> Judged:
    if len(group) == 1:
        return wish
    if len({_content(each) for each in group}) == 1:
        return wish if wish is group[0] else Duplicate(wish.line, words.duplicate(group[0].line))
    # The nearest with a number in common is the one to name.
    mine = _roots(wish)
    others = [each for each in group if each is not wish and _roots(each) & mine]
    other = min(others, key=lambda each: (_content(each) == _content(wish), each.line))
    key = min(mine & _roots(other))
    return Refused(wish.line, (words.conflicting(key, other.line),), wish.name)


def _content(wish: Wish) -> Wish:
    return replace(wish, line=0, identifiers=tuple(sorted(wish.identifiers, key=key_of)), remarks=())
