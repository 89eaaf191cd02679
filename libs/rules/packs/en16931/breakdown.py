"""The VAT breakdown done again: what the lines, charges and allowances of a category make.

Sums are exact. Where the official rules compare a rate, they leave a slack of 1 and reckon that slack in binary
floating point (``TaxableAmount - 1`` on an untyped value); that is copied, so that a difference of exactly 1.00
falls on the same side.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from libs.einvoice.facts import Facts
from libs.einvoice.money import EXACT, cents, total
from libs.einvoice.text import normal
from libs.einvoice.totals import Difference
from libs.einvoice.tree import Group

_HUNDRED = Decimal(100)
_ONE = Decimal(1)


def tax(base: Decimal, rate: Decimal) -> Decimal:
    """``rate`` percent of ``base``."""
    return cents(EXACT.multiply(base, EXACT.divide(rate, _HUNDRED)))


def near(amount: Decimal, base: Decimal, rate: Decimal) -> bool:
    """Whether ``amount`` is less than 1 away from ``rate`` percent of ``base``, signs left aside."""
    expected = tax(abs(base), rate)
    return abs(amount) - _ONE < expected < abs(amount) + _ONE


def _has(categories: Iterable[Group], code: str) -> bool:
    return any(normal(leaf.text) == code for category in categories for leaf in category.leaves.get("ID", ()))


def _at(facts: Facts, categories: Iterable[Group], rate: Decimal) -> bool:
    return any(facts.number(category, "Percent") == rate for category in categories)


def _lines(facts: Facts, code: str, rate: Decimal | None) -> list[Group]:
    found: list[Group] = []
    for line in facts.lines:
        categories = line.within("Item", "ClassifiedTaxCategory")
        if _has(categories, code) and (rate is None or _at(facts, categories, rate)):
            found.append(line)
    return found


def _adjustments(facts: Facts, groups: Iterable[Group], code: str, rate: Decimal | None) -> list[Group]:
    found: list[Group] = []
    for group in groups:
        categories = group.groups.get("TaxCategory", ())
        if _has(categories, code) and (rate is None or _at(facts, categories, rate)):
            found.append(group)
    return found


def _adjusted(facts: Facts, code: str, rate: Decimal | None) -> Decimal:
    allowances, charges = facts.adjustments
    return EXACT.subtract(
        total(facts.numbers(_adjustments(facts, charges, code, rate), "Amount")),
        total(facts.numbers(_adjustments(facts, allowances, code, rate), "Amount")),
    )


def _difference(subtotal: Group, seen: Decimal | None, expected: Decimal | None) -> Difference:
    leaf = subtotal.leaf("TaxableAmount")
    return Difference(subtotal.element if leaf is None else leaf, seen, expected)


def base(facts: Facts, code: str, _: Group, subtotal: Group) -> Difference | None:
    """BT-116 for the categories without a rate of their own: exactly the sum."""
    seen = facts.number(subtotal, "TaxableAmount")
    expected = EXACT.add(facts.net(_lines(facts, code, None)), _adjusted(facts, code, None))
    if facts.lines and seen == expected:
        return None
    return _difference(subtotal, seen, expected)


def base_by_rate(facts: Facts, code: str, category: Group, subtotal: Group) -> Difference | None:
    """BT-116 per rate, less than 1 away from the sum."""
    rate = facts.number(category, "Percent")
    if rate is None:
        return None
    seen = facts.number(subtotal, "TaxableAmount")
    lines = _lines(facts, code, rate)
    adjusted = _adjusted(facts, code, rate)
    expected = EXACT.add(facts.net(lines), adjusted)
    if seen is None:
        return _difference(subtotal, None, expected)
    if code != "S":
        return None if facts.lines and _within(seen, expected) else _difference(subtotal, seen, expected)
    # Of S something at this rate must be there. An adjustment will do for either kind of document, so the lines
    # of an invoice may be left out of the sum: the official rule sums credit note lines then, and finds none.
    some = bool(_adjustments(facts, facts.groups_everywhere("cac:AllowanceCharge"), code, rate))
    if (lines or some) and _within(seen, expected):
        return None
    if some and _within(seen, adjusted):
        return None
    return _difference(subtotal, seen, expected)


def _within(seen: Decimal, expected: Decimal) -> bool:
    number = float(seen)
    return Decimal(number - 1) < expected < Decimal(number + 1)
