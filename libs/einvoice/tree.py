"""A UBL tree as groups: read once from the parsed tree, asked many times by the rules.

lxml makes a Python object each time an element is touched; rules touch the same ones again and again. So one
walk sorts every element under its parent by name, and keeps the objects. ``cac:`` elements become groups, all
others stay leaves. Names are local ones; an element of a foreign namespace keeps its namespace in its name,
so it is never taken for one of UBL.
"""

from __future__ import annotations

from decimal import Decimal

from lxml import etree

from libs.einvoice import money

CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
EXT = "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2"

Element = etree._Element

_PREFIXES = {CBC: "cbc:", CAC: "cac:", EXT: "ext:"}

# Qualified tag → (name, whether it is a group). Bounded: hostile documents invent names without end.
_KNOWN: dict[str, tuple[str, bool]] = {}
_KNOWN_MOST = 4_000

_NO_LEAVES: tuple[Element, ...] = ()


class Group:
    """One ``cac:`` element (or the root) with its children by name, in document order."""

    __slots__ = ("element", "groups", "leaves")

    def __init__(
        self, element: Element, leaves: dict[str, list[Element]], groups: dict[str, list[Group]]
    ) -> None:
        self.element = element
        self.leaves = leaves
        self.groups = groups

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
        return (found[0].text or "").strip() if found else ""

    def texts(self, name: str) -> list[str]:
        """The text of every leaf of that name, blanks around it removed."""
        return [(leaf.text or "").strip() for leaf in self.leaves.get(name, _NO_LEAVES)]

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


def grow(element: Element) -> Group:
    """Sort everything below ``element``. The gate has bounded depth and number of elements."""
    leaves: dict[str, list[Element]] = {}
    groups: dict[str, list[Group]] = {}
    for child in element:
        tag = child.tag
        name, is_group = _KNOWN.get(tag) or _learn(tag)
        if is_group:
            if name in groups:
                groups[name].append(grow(child))
            else:
                groups[name] = [grow(child)]
        elif name in leaves:
            leaves[name].append(child)
        else:
            leaves[name] = [child]
    return Group(element, leaves, groups)


def _learn(tag: str) -> tuple[str, bool]:
    namespace, _, local = tag[1:].rpartition("}")
    found = (local if namespace in _PREFIXES else tag, namespace == CAC)
    if len(_KNOWN) < _KNOWN_MOST:
        _KNOWN[tag] = found
    return found


def line_of(element: Element) -> int | None:
    """The line of the start tag in the file, from 1."""
    line = element.sourceline
    return line if isinstance(line, int) else None


def short(tag: str) -> str:
    """A qualified tag with the usual prefix, such as ``cbc:ID``; without any for every other namespace."""
    namespace, _, local = tag.rpartition("}")
    return f"{_PREFIXES.get(namespace[1:], '')}{local}"


class Places:
    """XPaths of the elements of one document, counted where a parent has several children of a name.

    Every parent is counted once, so findings on each of ten thousand lines stay linear.
    """

    def __init__(self) -> None:
        self._steps: dict[Element, dict[Element, str]] = {}

    def of(self, element: Element) -> str:
        """Such as ``/Invoice/cac:InvoiceLine[3]/cbc:ID``."""
        steps: list[str] = []
        parent = element.getparent()
        while parent is not None:
            counted = self._steps.get(parent)
            if counted is None:
                counted = self._steps[parent] = _count(parent)
            steps.append(counted[element])
            element, parent = parent, parent.getparent()
        steps.append(short(element.tag))
        return "/" + "/".join(reversed(steps))


def _count(parent: Element) -> dict[Element, str]:
    by_tag: dict[str, list[Element]] = {}
    for child in parent:
        by_tag.setdefault(child.tag, []).append(child)
    steps: dict[Element, str] = {}
    for tag, children in by_tag.items():
        name = short(tag)
        if len(children) == 1:
            steps[children[0]] = name
        else:
            steps.update((child, f"{name}[{place}]") for place, child in enumerate(children, 1))
    return steps
