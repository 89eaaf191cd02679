"""Whom an invoice may be for: places of a document that name the buyer, put in the order of trust (exact.md §2.2).

KvK number as legal entity, as endpoint, as party identification; OIN; VAT number; other numbers; "Adres 2". Each
is read by what it *is*, whatever the field is called: twenty digits in a KvK field are an OIN, twelve are a branch
number (R34).

Exact Globe writes no KvK number and a wrong VAT number (R31, C18). What Globe made is read as KvK fields →
"Adres 2" → OIN → GLN, and the VAT number is no candidate. A document of a syntax that others write too counts as
Globe's where "Adres 2" is a whole KvK number and no field gives one. (Inference: nobody else has a reason to write
a bare KvK number on an address line.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from libs.contracts.parts import Identifier
from libs.identifiers import be, branch, canonical_scheme, kvk, oin, read, vat
from libs.identifiers.reader import read_vat

TEXT = "text"
"""Scheme of a candidate that is no identifier: ordinary address text where one was looked for (R36)."""

UNREAD = "unread"
"""Scheme of a candidate that is no identifier: what stands in a field for the KvK number and is none."""

MOST = 20
_TEXT_LONGEST = 100

_REGISTER, _GOVERNMENT, _TAX, _OTHER = range(4)
_TRUST = {
    kvk.SCHEME: _REGISTER,
    branch.SCHEME: _REGISTER,
    be.ENTERPRISE: _REGISTER,
    oin.SCHEME: _GOVERNMENT,
}


class Place(NamedTuple):
    """A text of the document, the scheme it names, and where it stands."""

    text: str | None
    scheme: str | None
    path: str


class Found(NamedTuple):
    identifier: Identifier
    path: str


def ranked(
    named: Iterable[Place], taxed: Iterable[Place], adres_2: Iterable[Place], *, globe: bool = False
) -> list[Found]:
    """Whom the invoice may be for, most trusted first; each identifier once, at its first place.

    ``named``: the buyer's numbers in the order of trust of their fields; ``taxed``: its VAT numbers; ``adres_2``:
    its address lines behind the street. ``globe``: Exact Globe is known to have made the document.
    """
    named = list(named)
    numbers = [Found(identifier, each.path) for each in named if (identifier := read(each.text, each.scheme))]
    # Stable: within one tier the order of the fields stays.
    trusted = sorted(numbers, key=lambda found: _trust(found.identifier))
    lines, texts = _lines(adres_2)
    registered = [found for found in trusted if found.identifier.scheme == kvk.SCHEME]
    if globe or (not registered and any(found.identifier.scheme == kvk.SCHEME for found in lines)):
        ordered = registered + lines + [each for each in trusted if _trust(each.identifier) != _TAX]
    else:
        tax = [Found(identifier, each.path) for each in taxed if (identifier := read_vat(each.text or ""))]
        ordered = sorted(trusted + tax, key=lambda found: _trust(found.identifier)) + lines
    unique: dict[Identifier, Found] = {}
    for found in ordered:
        unique.setdefault(found.identifier, found)
    return list(unique.values())[:MOST] or _unread(named) or texts


def _trust(identifier: Identifier) -> int:
    if identifier.scheme in _TRUST:
        return _TRUST[identifier.scheme]
    return _TAX if vat.is_scheme(identifier.scheme) else _OTHER


def _lines(places: Iterable[Place]) -> tuple[list[Found], list[Found]]:
    """Globe's second address line: a whole KvK, branch or valid VAT number (R31, R32), and else the text there.

    Never digits out of a street: "2e verdieping 58070036" is text.
    """
    numbers: list[Found] = []
    texts: list[Found] = []
    for place in places:
        found = read(place.text)
        if found is not None and _usable(found):
            numbers.append(Found(found, place.path))
        elif text := " ".join((place.text or "").split()):
            texts.append(Found(Identifier(scheme=TEXT, value=text[:_TEXT_LONGEST]), place.path))
    return numbers, texts[:1]


def _unread(named: Iterable[Place]) -> list[Found]:
    """What stands where a KvK number belongs and is none: said only where nothing else names the buyer."""
    texts = [
        Found(Identifier(scheme=UNREAD, value=text[:_TEXT_LONGEST]), each.path)
        for each in named
        if canonical_scheme(each.scheme) == kvk.SCHEME and (text := " ".join((each.text or "").split()))
    ]
    return texts[:1]


def _usable(identifier: Identifier) -> bool:
    if identifier.scheme in (kvk.SCHEME, branch.SCHEME):
        return True
    return vat.is_scheme(identifier.scheme) and vat.valid(identifier.value)
