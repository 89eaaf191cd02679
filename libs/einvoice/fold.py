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
on a line, or the schema says anything at all, the whole document is judged line by line (``libs.rules.engine``), and
so it is where the elements folded turn out not to be the invoice's lines (``Folded.of``).

All this is read from the bytes: a long invoice is never made into a tree of which most is the same. Newlines of
lines left out stay, so line numbers are those of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from libs.einvoice.tree import Group

_OPEN = re.compile(rb"<((?:[A-Za-z_][\w.\-]*:)?(?:Invoice|CreditNote)Line)>")
_END, _LONGEST_NAME, _FALSE_ENDS = b"eLine>", 60, 100
TEXT = re.compile(rb">([^<\x00-\x20][^<]*+)<")
"""A text that does not begin with a blank. Whatever stands between such texts is markup."""
# Possessive, so a name of a megabyte is read once and not once for each of its letters.
_NAME = re.compile(rb"<(?:[^<>:]*+:)?(\w++)[^<>:]*+\Z")
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
_PRICE, _BASE = b"PriceAmount", b"BaseQuantity"
_QUANTITIES = frozenset((b"InvoicedQuantity", b"CreditedQuantity"))
_ADJUSTMENT = (b"ChargeIndicator", b"Amount")
_RECKONED_ELSEWHERE = frozenset((b"MultiplierFactorNumeric", b"BaseAmount"))
_SIGNS = {b"true": 1, b"false": -1}
_NEAR, _MUCH = 0.015, 10.0**9
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

Markup = tuple[bytes, ...]
_Pick = Callable[[Sequence[bytes]], tuple[bytes, ...]]


def apart(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """Markup and texts in turn: a text stands between each two pieces, behind ``>`` and before ``<``."""
    pieces = TEXT.split(data)
    return pieces[::2], pieces[1::2]


class Folded:
    """A document without the lines left out; ``amounts`` has for each kept line the BT-131 of those it stands for.

    ``markup`` and ``texts`` are those of ``apart``, without what stood for the lines left out: the same markup of
    many lines as of few. ``tag`` is the name of all lines as it is written, with its prefix. In the whole document
    nothing else has it; whether those that have it are the invoice's lines, only who knows the namespaces can say
    (``of``).
    """

    __slots__ = ("_parts", "_sums", "amounts", "markup", "tag", "texts")

    def __init__(
        self,
        markup: Markup,
        texts: list[bytes],
        amounts: tuple[tuple[str, ...], ...],
        parts: list[bytes | list[bytes]],
        tag: str,
        sums: Sequence[tuple[_Kinds, list[tuple[bytes, ...]]]],
    ) -> None:
        self.tag = tag
        self._sums = sums
        self.markup = markup
        self.texts = texts
        self.amounts = amounts
        self._parts = parts

    @property
    def data(self) -> bytes:
        """Bytes to parse; the newlines of lines left out are there, so line numbers are those of the file."""
        return b"".join(
            part if isinstance(part, bytes) else b"\n" * sum(line.count(b"\n") for line in part)
            for part in self._parts
        )

    def of(self, lines: Sequence[Group]) -> bool:
        """Whether the lines of a document (``Facts.lines``) are the elements that were folded.

        An extension may hold elements of the same name, whose prefix means something else there: their amounts are
        nobody's.
        """
        prefix, _, name = self.tag.rpartition(":")
        return len(lines) == len(self.amounts) and all(
            (line.element.prefix or "") == prefix and line.element.tag.endswith(f"}}{name}") for line in lines
        )

    def reckoned(self, *, within: bool) -> bool:
        """Whether each line left out plainly is quantity times price, with charges and without allowances, to 0.015.

        Binary fractions: whatever is near the slack that a rule leaves (0.02), or so large that they matter, is not
        plain; nor are percentages, gross prices, and with ``within`` (the invoice has a period) the periods of lines.
        """
        for kinds, lines in self._sums:
            if lines and (kinds.sums is None or (within and kinds.days is not None)):
                return False
            for net, quantity, price, base, *adjustments in lines:
                divisor = float(base)
                if divisor <= 0:
                    return False
                made = float(quantity) * float(price) / divisor
                for indicator, amount in zip(adjustments[::2], adjustments[1::2], strict=True):
                    sign = _SIGNS.get(indicator)
                    if sign is None:
                        return False
                    made += sign * float(amount)
                if not (abs(made - float(net)) < _NEAR and abs(made) < _MUCH):
                    return False
        return True


class _Kinds(NamedTuple):
    """Which texts of a line are what; ``net`` is the place of BT-131, None for a line that is no ordinary one."""

    codes: _Pick
    words: _Pick
    cents: _Pick
    prices: _Pick
    days: _Pick | None
    net: int | None
    sums: _Pick | None
    """Net, quantity, price and what it is for, then indicator and amount of each allowance or charge; None for a line
    with more in it to reckon, or less."""


_KNOWN: dict[Markup, _Kinds] = {}
"""By markup, over all documents: one maker's lines look the same for years. Bounded in number and size."""
_KNOWN_MOST, _KNOWN_SIZE = 500, 8_000


def _kinds(markup: Markup) -> _Kinds:
    known = _KNOWN.get(markup)
    if known is not None:
        return known
    found: dict[str, list[int]] = {"codes": [], "words": [], "cents": [], "prices": []}
    nets: list[int] = []
    days: dict[bytes, list[int]] = {name: [] for name in _DAYS}
    names: list[bytes] = []
    for place, (before, after) in enumerate(pairwise(markup)):
        tag = _NAME.search(before)
        name = tag[1] if tag else b""
        names.append(name)
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
    kinds = _Kinds(
        codes,
        words,
        cents,
        prices,
        _picker(period) if period else None,
        nets[0] if ordinary else None,
        _sums(names),
    )
    if sum(map(len, markup)) < _KNOWN_SIZE:
        if len(_KNOWN) >= _KNOWN_MOST:
            _KNOWN.clear()
        _KNOWN[markup] = kinds
    return kinds


def _sums(names: list[bytes]) -> _Pick | None:
    quantities = [place for place, name in enumerate(names) if name in _QUANTITIES]
    if len(quantities) != 1 or names.count(_NET) != 1 or names.count(_PRICE) != 1 or names.count(_BASE) > 1:
        return None
    price = names.index(_PRICE)
    adjusted = [place for place, name in enumerate(names) if name in _ADJUSTMENT]
    # Of a price itself (which comes last in a line) there is a discount that the price is without.
    if _RECKONED_ELSEWHERE.intersection(names) or any(place > price for place in adjusted):
        return None
    if [names[place] for place in adjusted] != [*_ADJUSTMENT] * (len(adjusted) // 2):
        return None
    places = [names.index(_NET), quantities[0], price]
    if _BASE in names:
        return _picker([*places, names.index(_BASE), *adjusted])
    first, rest = _picker(places), _picker(adjusted)
    return lambda texts: (*first(texts), b"1", *rest(texts))


def _kind(name: bytes, after: bytes) -> str:
    if name in _WORDS or (name == b"ID" and _NUMBERED.match(after)):
        return "words"
    return "cents" if name in _CENTS else "prices" if name in _PRICES else "codes"


def _picker(places: list[int]) -> _Pick:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda texts: tuple(texts[place] for place in places)


def _plain(words: list[bytes], cents: list[bytes], prices: list[bytes]) -> bool:
    joined = b" ".join(words)
    if b"&" in joined:
        joined = ENTITY.sub(b"", joined)
    return (
        len(joined.translate(None, ODD)) == len(joined)
        and _NUMBERS.fullmatch(b" ".join((*cents, b"/", *prices, b""))) is not None
    )


def _in_order(days: Sequence[bytes]) -> bool:
    return all(map(_DAY.fullmatch, days)) and days[0] <= days[-1]


def has_asides(data: bytes) -> bool:
    """Whether there may be comments, CDATA sections, a DOCTYPE or processing instructions; the declaration is none."""
    # A single character that is rare is found twenty times as fast as two of which the first is not.
    if b"!" in data and b"<!" in data:
        return True
    begin = data.find(b"?>", 0, 200) + 2 if data.startswith(b"<?") else 0
    return data.find(b"?", begin) != -1 and data.find(b"<?", begin) != -1


def _first(data: bytes) -> re.Match[bytes] | None:
    """The start tag of the first line."""
    at = -1
    for _ in range(_FALSE_ENDS):
        at = data.find(_END, at + 1)
        if at == -1:
            break
        begin = data.rfind(b"<", max(0, at - _LONGEST_NAME), at)
        found = _OPEN.match(data, begin) if begin != -1 else None
        if found is not None:
            return found
    return None


def fold(data: bytes) -> Folded | None:
    """Fold a document that is strict UTF-8 without zeros (``gate``); None where nothing would be gained.

    Whether ``data`` is XML at all is for the parser to say: a document that is none is none without its lines too.
    """
    first = _first(data)
    if first is None or has_asides(data):
        return None
    opening, closing = first[0], b"</" + first[1] + b">"
    begin, end = first.start(), data.rfind(closing) + len(closing)
    lines = data[begin:end].split(closing)
    lines.pop()
    around = data[:begin], opening, closing, data[end:]
    if len(lines) < 2 or first[1] in around[0] or first[1] in around[3]:
        return None
    try:
        # Nearly always all lines are plain: looked at together it is soon said.
        return _fold(lines, around, together=True)
    except _NotPlainError:
        return _fold(lines, around, together=False)


class _NotPlainError(Exception):
    """Some line is not plain."""


def _fold(lines: list[bytes], around: tuple[bytes, bytes, bytes, bytes], *, together: bool) -> Folded | None:
    head, opening, closing, tail = around
    shapes: dict[Markup, tuple[_Kinds, dict[tuple[bytes, ...], int], list[tuple[bytes, ...]]]] = {}
    amounts: list[list[bytes]] = []
    words: list[bytes] = []
    cents: list[bytes] = []
    prices: list[bytes] = []
    markup, texts = apart(head)
    parts: list[bytes | list[bytes]] = [head]
    left_out: list[bytes] = []
    for number, line in enumerate(lines, 1):
        body = line if line.startswith(opening) else line.lstrip(b" \t\r\n")
        if not body.startswith(opening):
            return None
        pieces = TEXT.split(body)
        shape, said = tuple(pieces[::2]), pieces[1::2]
        known = shapes.get(shape)
        if known is None:
            # Each line begins once, as it ends once, and between two lines stands nothing.
            if sum(piece.count(opening[1:-1]) for piece in shape) != 1:
                return None
            known = shapes[shape] = (_kinds(shape), {}, [])
        kinds, kept, sums = known
        if kinds.net is not None:
            plain = kinds.days is None or _in_order(kinds.days(said))
            if together:
                if not plain:
                    raise _NotPlainError
                words += kinds.words(said)
                cents += kinds.cents(said)
                prices += kinds.prices(said)
            else:
                plain = plain and _plain([*kinds.words(said)], [*kinds.cents(said)], [*kinds.prices(said)])
            if plain:
                place = kept.setdefault(kinds.codes(said), len(amounts))
                if place < len(amounts):
                    amounts[place].append(said[kinds.net])
                    left_out.append(line)
                    sums.append(kinds.sums(said) if kinds.sums is not None else ())
                    continue
        amounts.append([])
        parts += left_out, line, closing
        left_out = []
        # What stands before the line is markup of its own: only lines left out have no say in it.
        markup[-1] += line[: len(line) - len(body)] + shape[0]
        markup += shape[1:]
        markup[-1] += closing
        texts += said
        if number >= _TRIED and 2 * len(amounts) > number:
            return None
    if len(amounts) == len(lines):
        return None
    if not _plain(words, cents, prices):
        raise _NotPlainError
    parts += left_out, tail
    following, last = apart(tail)
    markup[-1] += following[0]
    markup += following[1:]
    texts += last
    return Folded(
        tuple(markup),
        texts,
        tuple(tuple(map(bytes.decode, each)) for each in amounts),
        parts,
        opening[1:-1].decode(),
        [(kinds, sums) for kinds, _, sums in shapes.values()],
    )
