"""Amounts of SI-UBL 1.x, reckoned as its rules do: some in binary floating point (1.0, 1.1), some in decimals (1.2).

An absent amount is not-a-number, and no comparison with it holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

from libs.einvoice.facts import Facts
from libs.einvoice.money import cents
from libs.einvoice.text import after_point
from libs.einvoice.tree import Element, Group
from libs.rules.checks import shown
from libs.rules.packs.peppol.numbers import number
from libs.rules.rule import Breach, Check


def double(group: Group | None, *path: str) -> float:
    """XPath ``number`` of the first leaf at a path."""
    found = group.at(*path) if group is not None else ()
    return number(found[0].text or "") if found else math.nan


def decimal(group: Group, *path: str) -> Decimal | None:
    """``xs:decimal`` of it."""
    value = double(group, *path)
    if math.isnan(value) or math.isinf(value):
        return None
    return Decimal((group.at(*path)[0].text or "").strip(" \t\r\n"))


def summed(leaves: Iterable[Element]) -> float:
    """XPath ``sum`` of untyped values, one after another."""
    total = 0.0
    for leaf in leaves:
        total += number(leaf.text or "")
    return total


def exactly(value: float) -> Decimal | None:
    """``xs:decimal`` of a double: all its digits."""
    return None if math.isnan(value) or math.isinf(value) else Decimal(value)


def rounded(value: float) -> float:
    """``round(value * 10 * 10) div 100``."""
    hundred = value * 10 * 10
    return math.nan if math.isnan(hundred) or math.isinf(hundred) else math.floor(hundred + 0.5) / 100


def to_cents(value: Decimal | None) -> Decimal | None:
    """The same of a decimal."""
    return None if value is None else cents(value)


def cents_only(name: str) -> Check:
    """No more than two characters behind the point."""

    def check(_: Facts, group: Group) -> Breach | None:
        leaf = group.leaf(name)
        return _too_fine(leaf) if leaf is not None else None

    return check


def cents_below(_: Facts, group: Group) -> Breach | None:
    """That of every amount in the group."""
    for leaves in group.leaves.values():
        for leaf in leaves:
            found = _too_fine(leaf)
            if found is not None:
                return found
    return None


def _too_fine(leaf: Element) -> Breach | None:
    return None if after_point(leaf.text) <= 2 else Breach(leaf, seen=shown(leaf.text), expected="0.00")


def unless(holds: bool, group: Group, name: str, expected: Decimal | float | None = None) -> Breach | None:
    """A breach at the leaf of that name, where the rule does not hold."""
    if holds:
        return None
    leaf = group.leaf(name)
    wanted = None
    if expected is not None and not math.isnan(expected):
        wanted = f"{cents(Decimal(expected)):.2f}"
    if leaf is None:
        return Breach(group.element, expected=wanted or name)
    return Breach(leaf, seen=shown(leaf.text), expected=wanted)
