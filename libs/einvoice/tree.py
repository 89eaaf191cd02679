"""A UBL tree as groups: read once from the parsed tree, asked many times by the rules.

lxml makes a Python object each time an element is touched; rules touch the same ones again and again. So one
walk sorts every element under its parent by name, and keeps the objects. ``cac:`` elements become groups, ``cbc:``
elements stay leaves. On its way the walk notes every place where a pattern of the trie matches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import TypeAlias

from lxml import etree

from libs.einvoice import money
from libs.einvoice.standins import UnreadLeaf
from libs.einvoice.text import BLANKS, after_point, blank
from libs.einvoice.trie import CAC, CBC, EXT, Node, Trie, short

__all__ = [
    "CAC",
    "CBC",
    "EXT",
    "Element",
    "Found",
    "Group",
    "Item",
    "Places",
    "cents",
    "element_of",
    "grow",
    "line_of",
    "short",
    "written",
]

Element = etree._Element

_NO_LEAVES: tuple[Element, ...] = ()


def written(leaf: Element) -> bool:
    """Whether some text stands in a leaf; asks for no text where that is known without."""
    return isinstance(leaf, UnreadLeaf) or not blank(leaf.text)


def cents(leaf: Element) -> bool:
    """Whether a leaf has no more than two characters behind the point; likewise."""
    return (isinstance(leaf, UnreadLeaf) and leaf.cents) or after_point(leaf.text) <= 2


class Group:
    """One ``cac:`` element (or the root) with its children by name, in document order."""

    # It knows nothing of its parent: a tree without cycles is gone as soon as nobody needs it, and the garbage
    # collector, which costs a fifth of everything on small invoices, has nothing to look for.
    __slots__ = ("element", "groups", "leaves")

    def __init__(self, element: Element) -> None:
        self.element = element
        self.leaves: dict[str, list[Element]] = {}
        self.groups: dict[str, list[Group]] = {}

    def leaf(self, name: str) -> Element | None:
        """The first leaf of that name."""
        found = self.leaves.get(name)
        return found[0] if found else None

    def has(self, name: str) -> bool:
        """Whether there is a child of that name, leaf or group, empty or not (XPath ``exists``)."""
        return name in self.leaves or name in self.groups

    def text(self, name: str) -> str:
        """The first leaf's text with the blanks around it removed; empty when there is none."""
        found = self.leaves.get(name)
        return (found[0].text or "").strip(BLANKS) if found else ""

    def texts(self, name: str) -> list[str]:
        """The text of every leaf of that name, blanks around it removed."""
        return [(leaf.text or "").strip(BLANKS) for leaf in self.leaves.get(name, _NO_LEAVES)]

    def texts_as_written(self, *names: str) -> list[str]:
        """The text of every leaf at a path, blanks and all."""
        return [leaf.text or "" for leaf in self.at(*names)]

    def number(self, name: str) -> Decimal | None:
        """The first leaf as a number; None when there is none, or when it is not a number."""
        found = self.leaves.get(name)
        return money.read(found[0].text) if found else None

    def group(self, name: str) -> Group | None:
        """The first group of that name."""
        found = self.groups.get(name)
        return found[0] if found else None

    def within(self, *names: str) -> list[Group]:
        """Every group at a path of names below this one."""
        found = [self]
        for name in names:
            below: list[Group] = []
            for group in found:
                below += group.groups.get(name, ())
            found = below
        return found

    def at(self, *names: str) -> list[Element]:
        """Every leaf at a path: groups first, the leaf's name last."""
        leaves: list[Element] = []
        for group in self.within(*names[:-1]):
            leaves += group.leaves.get(names[-1], ())
        return leaves


Item: TypeAlias = "Group | Element"


class Found:
    """What the walk came by: per mark of the trie the places, in document order; and what is empty."""

    __slots__ = ("at", "empty")

    def __init__(self) -> None:
        self.at: defaultdict[int, list[Item]] = defaultdict(list)
        self.empty: list[tuple[Node, Element]] = []


_PLAIN = Trie(())


def grow(
    element: Element, trie: Trie = _PLAIN, found: Found | None = None, *, skip: Sequence[Element] = ()
) -> Group:
    """Sort everything below the root ``element``. The gate has bounded depth and number of elements.

    ``found`` is filled for the patterns of ``trie``. Children of the root in ``skip`` are left out. Raises
    ``Unprocessable`` (``too-many-names``) for what has paths by the thousand.
    """
    trie.begin()
    found = Found() if found is None else found
    root = Group(element)
    for mark in trie.root.marks:
        found.at[mark].append(root)
    if skip:
        left_out = set(skip)
        _sort([child for child in element if child not in left_out], trie.root, root, found)
    else:
        _sort(element, trie.root, root, found)
    return root


def _sort(children: Element | list[Element], node: Node, group: Group, found: Found) -> None:
    # The innermost loop of all: every look-up here is done for each element of each invoice.
    kids, leaves, groups, at = node.kids, group.leaves, group.groups, found.at
    for child in children:
        tag = child.tag
        kid = kids.get(tag) or node.learn(tag)
        name = kid.name
        if kid.is_group:
            below = Group(child)
            if name in groups:
                groups[name].append(below)
            else:
                groups[name] = [below]
            for mark in kid.marks:
                at[mark].append(below)
            if len(child):
                _sort(child, kid, below, found)
            elif blank(child.text):
                found.empty.append((kid, child))
            if not kid.attributed:
                continue
        else:
            if name in leaves:
                leaves[name].append(child)
            else:
                leaves[name] = [child]
            for mark in kid.marks:
                at[mark].append(child)
            text = child.text
            if (text is None or text.isspace() or not text) and blank(text) and len(child) == 0:
                found.empty.append((kid, child))
        names = child.keys()
        if names:
            for mark in kid.attributes(tuple(names)):
                at[mark].append(child)


def element_of(item: Item) -> Element:
    """What a group or a leaf is in the document."""
    return item.element if isinstance(item, Group) else item


def line_of(element: Element) -> int | None:
    """The line in the file, from 1, on which the start tag ends: libxml2 knows no other."""
    line = element.sourceline
    return line if isinstance(line, int) else None


class Places:
    """XPaths of the elements of one document, counted where a parent has several children of a name.

    Every parent is counted once, so findings on each of ten thousand lines stay linear.
    """

    def __init__(self) -> None:
        self._counted: dict[Element, tuple[dict[str, int], dict[Element, int]]] = {}

    def of(self, element: Element) -> str:
        """Such as ``/Invoice/cac:InvoiceLine[3]/cbc:ID``; of a path too long to keep, that of the nearest parent."""
        steps: list[str] = []
        parent = element.getparent()
        while parent is not None:
            counted = self._counted.get(parent)
            if counted is None:
                counted = self._counted[parent] = _count(parent)
            many, places = counted
            tag = element.tag
            steps.append(short(tag) if many[tag] == 1 else f"{short(tag)}[{places[element]}]")
            element, parent = parent, parent.getparent()
        steps.append(short(element.tag))
        path = ""
        for step in reversed(steps):
            # A name may have 50,000 characters, and every finding below it would carry it.
            if len(path) + len(step) > _LONGEST:
                break
            path += f"/{step}"
        return path


_LONGEST = 2_000
"""Characters of a path. The names of UBL are shorter, at any depth the gate allows."""


def _count(parent: Element) -> tuple[dict[str, int], dict[Element, int]]:
    """How many children have a tag, and the how manyth of its tag each child is."""
    many: dict[str, int] = {}
    places: dict[Element, int] = {}
    for child in parent:
        tag = child.tag
        places[child] = many[tag] = many.get(tag, 0) + 1
    return many, places
