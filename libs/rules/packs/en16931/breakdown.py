"""The VAT breakdown done again: what the lines, charges and allowances of a category make.

Sums are exact. Where the official rules compare a rate, they leave a slack of 1 and reckon that slack in binary
floating point (``TaxableAmount - 1`` on an untyped value); that is copied, so that a difference of exactly 1.00
falls on the same side.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from libs.einvoice.facts import Facts, NotANumberError, TaxCategory
from libs.einvoice.money import EXACT, ZERO, cents, total
from libs.einvoice.totals import Difference
from libs.einvoice.tree import Group

_HUNDRED = Decimal(100)
_ONE = Decimal(1)
_BILLION = Decimal(10**9)
_NEAR = Decimal("0.9")  # so near that binary fractions cannot matter below a billion


def tax(base: Decimal, rate: Decimal) -> Decimal:
    """``rate`` percent of ``base``."""
    return cents(EXACT.multiply(base, EXACT.divide(rate, _HUNDRED)))


def near(amount: Decimal, base: Decimal, rate: Decimal) -> bool:
    """Whether ``amount`` is less than 1 away from ``rate`` percent of ``base``, signs left aside."""
    expected = tax(abs(base), rate)
    return abs(amount) - _ONE < expected < abs(amount) + _ONE


class _ByRate:
    """Groups by code, and by code and rate: those of which one category has the code, and one (perhaps another, as the
    official rules ask it) the rate.

    A hostile group has codes and rates by the thousand: their pairs are looked for when asked for, among the groups of
    that rate. Few codes have rates, so everything that can be asked stays linear.
    """

    def __init__(self, facts: Facts, groups: Iterable[tuple[Group, list[TaxCategory]]]) -> None:
        self._by_code: dict[str, list[Group]] = {}
        self._by_rate: dict[Decimal, list[tuple[Group, set[str]]]] = {}
        self._known: dict[tuple[str, Decimal], list[Group]] = {}
        for group, categories in groups:
            rates: set[Decimal] = set()
            for category in categories:
                try:
                    rate = facts.number(category.group, "Percent")
                except NotANumberError:
                    continue  # told of by a rule of its own
                if rate is not None:
                    rates.add(rate)
            codes = {category.code for category in categories if category.has_id}
            for code in codes:
                self._by_code.setdefault(code, []).append(group)
            for rate in rates if codes else ():
                self._by_rate.setdefault(rate, []).append((group, codes))

    def of(self, code: str, rate: Decimal | None) -> list[Group]:
        """Without a rate: of any."""
        if rate is None:
            return self._by_code.get(code, [])
        found = self._known.get((code, rate))
        if found is None:
            among = self._by_rate.get(rate, ())
            found = self._known[code, rate] = [group for group, codes in among if code in codes]
        return found


def _lines(facts: Facts) -> _ByRate:
    return _ByRate(facts, facts.categories_of_lines)


def _lines_elsewhere(facts: Facts) -> _ByRate:
    lines = facts.lines_elsewhere
    return _ByRate(
        facts,
        (
            (line, [facts.category(below) for below in line.within("Item", "ClassifiedTaxCategory")])
            for line in lines
        ),
    )


def _allowances(facts: Facts) -> _ByRate:
    return _ByRate(facts, ((group, facts.categories(group)) for group in facts.adjustments[0]))


def _charges(facts: Facts) -> _ByRate:
    return _ByRate(facts, ((group, facts.categories(group)) for group in facts.adjustments[1]))


def _everywhere(facts: Facts) -> _ByRate:
    groups = facts.groups_everywhere("cac:AllowanceCharge")
    return _ByRate(facts, ((group, facts.categories(group)) for group in groups))


def _net(facts: Facts, code: str, rate: Decimal | None) -> Decimal:
    return facts.net(facts.once(_lines).of(code, rate))


def _adjusted(facts: Facts, code: str, rate: Decimal | None) -> Decimal:
    if not any(facts.adjustments):
        return ZERO
    charges, allowances = facts.once(_charges).of(code, rate), facts.once(_allowances).of(code, rate)
    if not charges and not allowances:
        return ZERO
    return EXACT.subtract(total(facts.numbers(charges, "Amount")), total(facts.numbers(allowances, "Amount")))


def _difference(subtotal: Group, seen: Decimal | None, expected: Decimal | None) -> Difference:
    leaf = subtotal.leaf("TaxableAmount")
    return Difference(subtotal.element if leaf is None else leaf, seen, expected)


def base(facts: Facts, code: str, subtotal: Group) -> Difference | None:
    """BT-116 for the categories without a rate of their own: exactly the sum."""
    seen = facts.number(subtotal, "TaxableAmount")
    expected = EXACT.add(facts.once(_net, code, None), facts.once(_adjusted, code, None))
    if facts.lines and seen == expected:
        return None
    return _difference(subtotal, seen, expected)


def base_by_rate(facts: Facts, code: str, subtotal: Group, rate: Decimal) -> Difference | None:
    """BT-116 per rate, less than 1 away from the sum."""
    seen = facts.number(subtotal, "TaxableAmount")
    lines = facts.once(_lines).of(code, rate)
    adjusted = facts.once(_adjusted, code, rate)
    expected = EXACT.add(facts.once(_net, code, rate), adjusted)
    if seen is None:
        return _difference(subtotal, None, expected)
    if code != "S":
        return None if facts.lines and _within(seen, expected) else _difference(subtotal, seen, expected)
    # Of S something at this rate must be there. An adjustment will do for either kind of document, so the lines
    # of an invoice may be left out of the sum: the official rule sums credit note lines then, and finds none.
    if (lines or facts.once(_lines_elsewhere).of(code, rate)) and _within(seen, expected):
        return None
    some = bool(facts.once(_everywhere).of(code, rate))
    if some and (_within(seen, expected) or _within(seen, adjusted)):
        return None
    return _difference(subtotal, seen, expected)


def _within(seen: Decimal, expected: Decimal) -> bool:
    if abs(seen) < _BILLION and abs(seen - expected) < _NEAR:
        return True
    number = float(seen)
    return Decimal(number - 1) < expected < Decimal(number + 1)
