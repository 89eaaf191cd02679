"""The few shapes most rules have. A path is written with slashes between local names: ``Party/PostalAddress``."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from libs.einvoice import totals
from libs.einvoice.facts import Facts, NotANumberError
from libs.einvoice.money import plain
from libs.einvoice.text import normal
from libs.einvoice.totals import Difference
from libs.einvoice.tree import Element, Group, Item, cents, element_of, written
from libs.rules.rule import Breach, Check

SHOWN = 100
"""Characters of a value that a finding shows."""


def shown(text: str | None) -> str:
    return (text or "")[:SHOWN]


def items(group: Group, path: tuple[str, ...]) -> list[Item]:
    """Everything at a path, leaves and groups."""
    if len(path) > 1 and path[0] not in group.groups:
        return []
    last = path[-1]
    found: list[Item] = []
    for parent in group.within(*path[:-1]):
        found += parent.leaves.get(last, ())
        found += parent.groups.get(last, ())
    return found


def unused(_: Facts, item: Item) -> Breach:
    """It should not be there."""
    return Breach(element_of(item))


def deepest(group: Group, path: tuple[str, ...]) -> Element:
    """Where something that is missing belongs: the last group of the path that is there."""
    for name in path[:-1]:
        below = group.group(name)
        if below is None:
            break
        group = below
    return group.element


def exists(*paths: str) -> Check:
    """Something stands at one of the paths, empty or not."""
    split = tuple(tuple(path.split("/")) for path in paths)
    if all(len(path) == 1 for path in split):
        # Most rules ask for a child, and ask it of every line.
        def near(_: Facts, group: Group) -> Breach | None:
            for name in paths:
                if name in group.leaves or name in group.groups:
                    return None
            return Breach(group.element, expected=paths[0])

        return near

    def check(_: Facts, group: Group) -> Breach | None:
        for path in split:
            if items(group, path):
                return None
        return Breach(deepest(group, split[0]), expected=paths[0])

    return check


def filled(*paths: str) -> Check:
    """Some text stands at one of the paths."""
    split = tuple(tuple(path.split("/")) for path in paths)

    def check(_: Facts, group: Group) -> Breach | None:
        for path in split:
            for leaf in group.at(*path) if len(path) > 1 else group.leaves.get(path[0], ()):
                if written(leaf):
                    return None
        found = next((leaf for path in split for leaf in group.at(*path)), None)
        return Breach(deepest(group, split[0]) if found is None else found, expected=paths[0])

    return check


def at_most_one(path: str) -> Check:
    """No more than one of these; the second is where to look."""
    steps = tuple(path.split("/"))
    if len(steps) == 1:

        def near(_: Facts, group: Group) -> Breach | None:
            found: Sequence[Item] = group.leaves.get(path) or group.groups.get(path) or ()
            if len(found) <= 1:
                return None
            return Breach(element_of(found[1]), seen=str(len(found)), expected="0 – 1")

        return near

    def check(_: Facts, group: Group) -> Breach | None:
        found = items(group, steps)
        if len(found) <= 1:
            return None
        return Breach(element_of(found[1]), seen=str(len(found)), expected="0 – 1")

    return check


def cents_at_most(name: str) -> Check:
    """No more than two characters behind the point, in the first leaf of that name."""

    def check(_: Facts, group: Group) -> Breach | None:
        found = group.leaves.get(name)
        if found is None:
            return None
        return None if cents(found[0]) else Breach(found[0], seen=shown(found[0].text), expected="0.00")

    return check


def one_of(codes: Container[str]) -> Check:
    """The value, with single blanks at most, is in the list."""

    def check(_: Facts, leaf: Element) -> Breach | None:
        text = leaf.text
        if text in codes:
            return None
        code = normal(text)
        return None if code in codes else Breach(leaf, seen=shown(code))

    return check


def attribute_one_of(name: str, codes: Container[str]) -> Check:
    """The attribute, with single blanks at most, is in the list; an absent one is an empty one."""

    def check(_: Facts, leaf: Element) -> Breach | None:
        code = leaf.get(name)
        return None if code in codes or normal(code) in codes else Breach(leaf, seen=shown(code))

    return check


def attribute(name: str) -> Check:
    """The attribute is there, empty or not."""

    def check(_: Facts, leaf: Element) -> Breach | None:
        return None if leaf.get(name) is not None else Breach(leaf, expected=f"@{name}")

    return check


def difference(find: Callable[[Facts, Group], Difference | None]) -> Check:
    """A check out of a comparison of amounts; where a number cannot be read, ``NUMBERS`` speaks instead."""

    return lambda facts, group: compared(find(facts, group))


def compared(found: Difference | None) -> Breach | None:
    """The breach that a difference of amounts is."""
    if found is None:
        return None
    return Breach(
        found.element,
        None if found.seen is None else plain(found.seen),
        None if found.expected is None else plain(found.expected),
    )


def currencies(facts: Facts) -> frozenset[str]:
    """BT-5, as it is written; more than one where it stands several times."""
    return frozenset(facts.root.texts_as_written("DocumentCurrencyCode"))


def with_vat(facts: Facts, _: Group) -> Difference | None:
    """The first total of which BR-CO-15 does not hold."""
    return next(totals.with_vat(facts), None)


__all__ = [
    "NotANumberError",
    "at_most_one",
    "attribute",
    "attribute_one_of",
    "cents_at_most",
    "compared",
    "currencies",
    "deepest",
    "difference",
    "exists",
    "filled",
    "items",
    "one_of",
    "shown",
    "unused",
    "with_vat",
]  # fmt: skip
