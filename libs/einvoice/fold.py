"""Lines that no rule can tell apart are judged once.

::

    <InvoiceLine> … 2 … 23.72 … Item 1 …  ─┐  the same tags, attributes and codes;       ─▶ the first is kept,
    <InvoiceLine> … 5 … 41.00 … Item 2 …  ─┤  plain amounts and plain words differ           the amounts of the others
    <InvoiceLine> … 1 …  7.15 … Item 3 …  ─┘                                                 are remembered (BT-131)

What may differ are texts of which rules ask no more than that they are there (names, notes, descriptions, numbers of
a line, an article or a document), numbers of which they ask no more than that they are plain (digits, a point, at
most as many decimals as allowed), and a period that does not end before it begins. Everything else (tags, their
order, attributes, units, currencies, VAT categories, rates) is part of what makes lines alike. So a kept line that is
without findings vouches for those left out, and their amounts still count in every sum. As soon as anything is found
on a line, or the schema says anything at all, the whole document is judged line by line (``libs.rules.engine``).

All this is read from the bytes: a long invoice is never made into a tree of which most is the same. Newlines of
lines left out stay, so line numbers are those of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

_OPEN = re.compile(rb"<((?:[A-Za-z_][\w.\-]*:)?(?:Invoice|CreditNote)Line)>")
TEXT = re.compile(rb">([^<\x00-\x20][^<]*+)<")
"""A text that does not begin with a blank. Whatever stands between such texts is markup."""
_NAME = re.compile(rb"<(?:[^<>:]*:)?(\w+)[^<>:]*\Z")
_WORDS = frozenset((
    b"Note", b"Description", b"Name", b"Value", b"LineID", b"AccountingCost", b"ItemClassificationCode",
    b"AllowanceChargeReason",
))  # fmt: skip
# The number of an article, of a document, or of the line itself, which stands before its note or quantity.
_NUMBERED = re.compile(
    rb"/[^<>]*>\s*(?:</[^<>]*(?:(?:Sellers|Buyers|Standard)ItemIdentification|DocumentReference)>|"
    rb"<[^<>]*(?:Note|InvoicedQuantity|CreditedQuantity|DocumentTypeCode)\b)"
)
_NET = b"LineExtensionAmount"
_CENTS = frozenset((_NET, b"Amount", b"BaseAmount", b"InvoicedQuantity", b"CreditedQuantity"))
_PRICES = frozenset((b"PriceAmount", b"BaseQuantity"))
_NUMBERS = re.compile(rb"(?:[0-9]{1,15}(?:\.[0-9]{1,2})? )*+/ (?:[0-9]{1,15}(?:\.[0-9]{1,10})? )*+")
_DAYS = (b"StartDate", b"EndDate")
DAY = r"[12][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
_DAY = re.compile(DAY.encode())
ENTITY = re.compile(rb"&(?:amp|lt|gt|quot|apos);")
# What would have to be looked at closer: markup, control characters, and the block of UTF-8 in which two code points
# are no characters (U+FFFE, U+FFFF).
ODD = b"<>&\xef" + bytes(sorted(set(range(32)) - set(b"\t\n\r")))
_TRIED = 40
"""Lines after which it shows whether folding is worth the while."""

_Pick = Callable[[Sequence[bytes]], tuple[bytes, ...]]


class Folded(NamedTuple):
    """``data`` without the lines left out; ``amounts`` has for each kept line the BT-131 of those it stands for.

    ``bare`` is ``data`` without the newlines of the lines left out: the same of many lines as of few.
    """

    data: bytes
    amounts: tuple[tuple[str, ...], ...]
    bare: bytes


class _Kinds(NamedTuple):
    """Which texts of a line are what; ``net`` is the place of BT-131, None for a line that is no ordinary one."""

    codes: _Pick
    words: _Pick
    cents: _Pick
    prices: _Pick
    days: _Pick
    net: int | None


_KNOWN: dict[tuple[bytes, ...], _Kinds] = {}
"""By markup, over all documents: one maker's lines look the same for years. Bounded in number and size."""
_KNOWN_MOST, _KNOWN_SIZE = 500, 8_000


def _kinds(markup: tuple[bytes, ...]) -> _Kinds:
    known = _KNOWN.get(markup)
    if known is not None:
        return known
    found: dict[str, list[int]] = {"codes": [], "words": [], "cents": [], "prices": []}
    nets: list[int] = []
    days: dict[bytes, list[int]] = {name: [] for name in _DAYS}
    for place, (before, after) in enumerate(pairwise(markup)):
        tag = _NAME.search(before)
        name = tag[1] if tag else b""
        if name == _NET:
            nets.append(place)
        days.get(name, found[_kind(name, after)]).append(place)
    # Without exactly one amount of its own a line is no ordinary one; identifications of parties are counted by a
    # rule (a direct debit's may stand once).
    # A period from one day to another; dates of which there are more are for the rules themselves.
    period = [place for places in days.values() for place in places]
    if any(len(places) > 1 for places in days.values()):
        found["codes"] += period
        period = []
    ordinary = len(nets) == 1 and not any(b"PartyIdentification" in part for part in markup)
    codes, words, cents, prices = map(_picker, found.values())
    kinds = _Kinds(codes, words, cents, prices, _picker(period), nets[0] if ordinary else None)
    if sum(map(len, markup)) < _KNOWN_SIZE:
        if len(_KNOWN) >= _KNOWN_MOST:
            _KNOWN.clear()
        _KNOWN[markup] = kinds
    return kinds


def _kind(name: bytes, after: bytes) -> str:
    if name in _WORDS or (name == b"ID" and _NUMBERED.match(after)):
        return "words"
    return "cents" if name in _CENTS else "prices" if name in _PRICES else "codes"


def _picker(places: list[int]) -> _Pick:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda texts: tuple(texts[place] for place in places)


def _plain(kinds: _Kinds, texts: Sequence[bytes]) -> bool:
    words = b" ".join(kinds.words(texts))
    if b"&" in words:
        words = ENTITY.sub(b"", words)
    days = kinds.days(texts)
    return (
        len(words.translate(None, ODD)) == len(words)
        and _NUMBERS.fullmatch(b" ".join((*kinds.cents(texts), b"/", *kinds.prices(texts), b""))) is not None
        and (not days or (all(map(_DAY.fullmatch, days)) and days[0] <= days[-1]))
    )


def fold(data: bytes) -> Folded | None:
    """Fold a document that is within the limits of the gate (``gate.bounded``); None where nothing would be gained.

    Whether ``data`` is XML at all is for the parser to say: a document that is none is none without its lines too.
    """
    first = _OPEN.search(data)
    if first is None or b"<!" in data or data.find(b"<?", 2) != -1:
        return None
    opening, closing = first[0], b"</" + first[1] + b">"
    begin, end = first.start(), data.rfind(closing) + len(closing)
    lines = data[begin:end].split(closing)
    lines.pop()
    # Each line begins and ends once, and between two lines stands nothing.
    if len(lines) < 2 or any(data.count(part[:-1]) != len(lines) for part in (opening, closing)):
        return None
    shapes: dict[tuple[bytes, ...], tuple[_Kinds, dict[tuple[bytes, ...], int]]] = {}
    amounts: list[list[str]] = []
    parts = [data[:begin]]
    bare = parts.copy()
    for number, line in enumerate(lines, 1):
        body = line if line.startswith(opening) else line.lstrip(b" \t\r\n")
        if not body.startswith(opening):
            return None
        pieces = TEXT.split(body)
        markup, texts = tuple(pieces[::2]), pieces[1::2]
        known = shapes.get(markup)
        if known is None:
            known = shapes[markup] = (_kinds(markup), {})
        kinds, kept = known
        if kinds.net is not None and _plain(kinds, texts):
            place = kept.setdefault(kinds.codes(texts), len(amounts))
            if place < len(amounts):
                amounts[place].append(texts[kinds.net].decode())
                parts.append(b"\n" * line.count(b"\n"))
                continue
        amounts.append([])
        parts += line, closing
        bare += line, closing
        if number >= _TRIED and 2 * len(amounts) > number:
            return None
    if len(amounts) == len(lines):
        return None
    parts.append(data[end:])
    bare.append(data[end:])
    return Folded(b"".join(parts), tuple(map(tuple, amounts)), b"".join(bare))
