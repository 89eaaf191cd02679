"""Markup that was seen before is not parsed again.

::

    <cbc:ID>F1</cbc:ID><cbc:IssueDate>2026-01-31</cbc:IssueDate> …
    └─ ─ ─ ┘  └─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ┘          └─ ─ ─ ─ ─ ─ ─ ─    markup: a *mould* is what is known of it
            F1                         2026-01-31                   texts: in a mould they make a *cast*

Markup is tags, attributes and the blanks between them. One maker's invoices have the same, once lines that are alike
are left out (``fold``). The second document with a markup (``shelf``) is parsed and held to the schema as ever, and what
stands where is kept, without its texts. From the third on, a document is cast: the same groups as a tree gives
(``tree.grow``), with stand-ins for the elements.

It is sound because (1) the same markup around plain texts is parsed the same way, texts being plain without ``<``,
``>``, carriage returns, what is no character, and ``&`` but for the five entities; (2) the schema asks nothing of a text
but a form that the last word of the element's name tells (``FORMS``; a test reads the schema for that). Whatever is
not plainly so, and whoever asks a stand-in for more than it knows, is sent the ordinary way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, cast

from libs.einvoice import detect, xml
from libs.einvoice.facts import OFFSET, Facts, collect
from libs.einvoice.fold import DAY, ENTITY, ODD, Markup
from libs.einvoice.standins import Leaf, Spot, UnreadAmounts, UnreadLeaf
from libs.einvoice.text import BLANKS, blank
from libs.einvoice.tree import CAC, CBC, Element, Found, Group, Item, element_of
from libs.einvoice.trie import Trie

# What the schema asks of a text, by the end of its element's name; of any other name it takes any text. What a
# form here does not take is not wrong: it is for the schema to say.
FORMS: tuple[tuple[tuple[str, ...], re.Pattern[str] | None], ...] = (
    (
        ("PriceAmount", "Quantity", "Percent", "Rate", "Numeric", "Measure"),
        re.compile(r"(?:-?[0-9]{1,14}(?:\.[0-9]{1,10})?\n)*+"),
    ),
    (("Amount",), re.compile(r"(?:-?[0-9]{1,14}(?:\.[0-9]{1,2})?\n)*+")),
    (("Date",), re.compile(rf"(?:(?:{DAY})\n)*+")),
    (("Indicator",), re.compile(r"(?:(?:true|false)\n)*+")),
    (("Time", "Object"), None),  # no mould is made of a markup with such a text
)
"""The first that fits holds."""

# Texts of which one maker's invoices of one markup show few: what rules make of them is worth finding out once.
_CODES = ("Code", "Percent", "Indicator", "CustomizationID", "ProfileID")
_CATEGORIES = ("TaxScheme", "TaxCategory")

_ODD = bytes(sorted({*ODD, *b"\r"} - {*b"&\x00"}))
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}
_REFERENCE = re.compile("&(?:lt|gt|quot|apos|amp);")


class Cast(NamedTuple):
    """A document in its mould. ``items`` is all that stands in it, in its order: groups, and stand-ins for leaves.
    ``codes`` are texts that take few values in one markup."""

    facts: Facts
    items: list[Item]
    codes: tuple[str, ...]


_Singles = tuple[tuple[str, int], ...]
"""Names with the number of the one item of that name."""
_Crowds = tuple[tuple[str, tuple[int, ...]], ...]
"""The same where some name has several; one of the two is empty."""


class _Plan(NamedTuple):
    """How a group is put together from items that are there already, by their numbers."""

    number: int
    spot: Element
    leaves: _Singles
    more_leaves: _Crowds
    groups: _Singles
    more_groups: _Crowds


class Mould:
    """What is known of a markup. ``memo`` is for what others find out about it, by their own keys."""

    def __init__(self, markup: Markup, texts: Sequence[str], root: Element, syntax: detect.Syntax) -> None:
        """``ValueError`` for a document that makes none."""
        self.syntax = syntax
        self.memo: dict[object, object] = {}
        self._markup = markup
        self.size = sum(map(len, markup))
        """Bytes of markup."""
        elements = list(root.iter())
        spots = list(_spots(elements, root))
        slots = _slots(elements, texts)
        self._slots = slots
        self._slot_spots = [spots[number] for number in slots]
        self._codes = tuple(place for place, spot in enumerate(self._slot_spots) if _is_code(spot))
        self._forms = tuple(_forms([spot.tag for spot in self._slot_spots]))
        facts = collect(root, syntax)
        numbers = {element: number for number, element in enumerate(elements)}
        groups = {numbers[group.element]: group for group in _everything(facts.root)}
        # Children before their parents: a parent's number is lower.
        self._plans = tuple(_plan(n, groups[n], spots, numbers) for n in sorted(groups, reverse=True))
        filled = set(slots)
        self._blank: list[Any] = [
            None if n in filled or n in groups else Leaf(element.text, spots[n])
            for n, element in enumerate(elements)
        ]
        self._at = tuple(
            (mark, tuple(numbers[element_of(item)] for item in items))
            for mark, items in facts.found.at.items()
            if mark < OFFSET
        )
        self._empty = tuple((node, numbers[element]) for node, element in facts.found.empty)

    def cast(self, texts: Sequence[bytes], folded: Sequence[Sequence[str]] = ()) -> Cast | None:
        """A document with these texts and this markup; None where they are not plainly of their forms."""
        words = read(texts)
        if words is None:
            return None
        for pick, form in self._forms:
            if form.fullmatch("\n".join((*pick(words), ""))) is None:
                return None
        codes = tuple([words[place] for place in self._codes])
        return self._fill(map(Leaf, words, self._slot_spots), folded, codes)

    def unread(self, codes: Sequence[str] | None = None) -> Cast:
        """A document of which nobody has seen the texts (but these codes), nor the amounts of lines left out: who asks
        for one is told by ``UnreadError``."""
        leaves: list[object] = [
            UnreadLeaf(spot, cents=spot.tag.endswith("Amount") and not spot.tag.endswith("PriceAmount"))
            for spot in self._slot_spots
        ]
        if codes is not None:
            for place, text in zip(self._codes, codes, strict=True):
                leaves[place] = Leaf(text, self._slot_spots[place])
        return self._fill(leaves, UnreadAmounts())

    def marked(self, trie: Trie) -> Iterator[tuple[int, tuple[int, ...]]]:
        """For each mark of ``trie`` that something in this markup has: the numbers (in ``Cast.items``) of what has it."""
        root = xml.parse(b">x<".join(self._markup))
        elements = list(root.iter())
        numbers = {element: number for number, element in enumerate(elements)}
        for mark, items in collect(root, self.syntax, trie).found.at.items():
            yield mark, tuple(numbers[element_of(item)] for item in items)

    def _fill(
        self, leaves: Iterable[object], folded: Sequence[Sequence[str]], codes: tuple[str, ...] = ()
    ) -> Cast:
        items = self._blank.copy()
        for number, leaf in zip(self._slots, leaves, strict=True):
            items[number] = leaf
        new = Group.__new__
        for number, spot, leaf, more_leaves, below, more_groups in self._plans:
            items[number] = group = new(Group)
            group.element = spot
            if more_leaves:
                group.leaves = {name: [items[n] for n in many] for name, many in more_leaves}
            else:
                group.leaves = {name: [items[n]] for name, n in leaf} if leaf else {}
            if more_groups:
                group.groups = {name: [items[n] for n in many] for name, many in more_groups}
            else:
                group.groups = {name: [items[n]] for name, n in below} if below else {}
        found = Found()
        for mark, many in self._at:
            found.at[mark] = [items[n] for n in many]
        if self._empty:
            found.empty = [(node, element_of(items[n])) for node, n in self._empty]
        return Cast(Facts(items[0], self.syntax, found, folded), items, codes)


def _spots(elements: list[Element], root: Element) -> Iterator[Spot]:
    made: dict[Element, Spot] = {}
    known = (CBC, CAC, root.tag[1:].partition("}")[0])
    for element in elements:
        if element.tag[1:].partition("}")[0] not in known:
            raise ValueError(element.tag)
        parent = element.getparent()
        attributes = {str(name): str(value) for name, value in element.attrib.items()}
        above = None if parent is None else made[parent]
        made[element] = spot = Spot(element.tag, attributes, above, element.prefix)
        yield spot


def _slots(elements: list[Element], texts: Sequence[str]) -> tuple[int, ...]:
    """Which elements the texts are of: the next one in the document that begins with no blank."""
    found: list[int] = []
    for number, element in enumerate(elements):
        text = element.text or ""
        if not blank(element.tail) or (len(element) and not blank(text)):
            raise ValueError("text that is no element's alone")
        if text and text[0] not in BLANKS:
            if len(found) == len(texts) or text != texts[len(found)]:
                raise ValueError("a text of the tree that is none of the document")
            found.append(number)
    if len(found) != len(texts):
        raise ValueError("a text of the document that is none of the tree")
    return tuple(found)


def _is_code(spot: Spot) -> bool:
    if spot.tag.endswith(_CODES):
        return True
    above = spot.getparent()
    return spot.tag.endswith("}ID") and above is not None and above.tag.endswith(_CATEGORIES)


def _forms(tags: Sequence[str]) -> Iterator[tuple[itemgetter[Any], re.Pattern[str]]]:
    places: dict[re.Pattern[str], list[int]] = {}
    for place, tag in enumerate(tags):
        for ends, form in FORMS:
            if tag.endswith(ends):
                if form is None:
                    raise ValueError(tag)
                places.setdefault(form, []).append(place)
                break
    for form, found in places.items():
        # A slice where there is one: what is picked must be a sequence in any case.
        one = slice(found[0], found[0] + 1)
        yield itemgetter(*found) if len(found) > 1 else itemgetter(one), form


def _everything(group: Group) -> Iterator[Group]:
    yield group
    for below in group.groups.values():
        for each in below:
            yield from _everything(each)


def _plan(number: int, group: Group, spots: list[Spot], numbers: Mapping[Element, int]) -> _Plan:
    leaves = tuple((name, tuple(numbers[each] for each in many)) for name, many in group.leaves.items())
    groups = tuple(
        (name, tuple(numbers[each.element] for each in many)) for name, many in group.groups.items()
    )
    # The spot has all that is asked of an element, or says that it has not.
    return _Plan(number, cast("Element", spots[number]), *_sorted(leaves), *_sorted(groups))


def _sorted(below: _Crowds) -> tuple[_Singles, _Crowds]:
    if any(len(many) > 1 for _, many in below):
        return (), below
    return tuple((name, many[0]) for name, many in below), ()


def read(texts: Sequence[bytes]) -> list[str] | None:
    """The texts as a parser gives them; None where one is not plain."""
    joined = b"\x00".join(texts)
    if len(joined.translate(None, _ODD)) != len(joined):
        return None
    text = joined.decode()
    if "&" in text:
        if b"&" in ENTITY.sub(b"", joined):
            return None
        text = _REFERENCE.sub(lambda found: _ENTITIES[found[0]], text)
    return text.split("\x00")
