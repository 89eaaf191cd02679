"""The arithmetic of an invoice, done again and compared: exact decimals, XPath's rounding.

Each function says where the document's own figure differs from what its parts make, or None. Sources: BR-CO-10
to BR-CO-16 of EN 16931 as UBL 1.3.16 asks them, including what an absent amount means in a comparison: an
equation with a missing side does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from libs.einvoice.facts import Facts
from libs.einvoice.money import EXACT, cents, total
from libs.einvoice.tree import Element, Group


class Difference(NamedTuple):
    """``seen`` is None when the amount is absent, ``expected`` when a part it is made of is."""

    element: Element
    seen: Decimal | None
    expected: Decimal | None


def _compare(group: Group, name: str, seen: Decimal | None, expected: Decimal | None) -> Difference | None:
    if seen is not None and seen == expected:
        return None
    leaf = group.leaf(name)
    return Difference(group.element if leaf is None else leaf, seen, expected)


def lines(facts: Facts, totals: Group) -> Difference | None:
    """BT-106 is the sum of BT-131 (BR-CO-10)."""
    expected = cents(facts.net_of_all)
    return _compare(totals, "LineExtensionAmount", facts.number(totals, "LineExtensionAmount"), expected)


def adjustments(facts: Facts, totals: Group, name: str, *, charges: bool) -> Difference | None:
    """BT-107 is the sum of BT-92 (BR-CO-11), BT-108 of BT-99 (BR-CO-12); both may be absent together."""
    parts = facts.adjustments[charges]
    seen = facts.number(totals, name)
    if seen is None and not parts:
        return None
    return _compare(totals, name, seen, cents(facts.once(_charged if charges else _allowed)))


def _allowed(facts: Facts) -> Decimal:
    return total(facts.numbers(facts.adjustments[0], "Amount"))


def _charged(facts: Facts) -> Decimal:
    return total(facts.numbers(facts.adjustments[1], "Amount"))


def without_vat(facts: Facts, totals: Group) -> Difference | None:
    """BT-109 = BT-106 - BT-107 + BT-108 (BR-CO-13)."""
    net = facts.number(totals, "LineExtensionAmount")
    off, on = facts.number(totals, "AllowanceTotalAmount"), facts.number(totals, "ChargeTotalAmount")
    expected = net
    if net is not None and (off is not None or on is not None):
        expected = cents(EXACT.subtract(EXACT.add(net, on or 0), off or 0))
    return _compare(totals, "TaxExclusiveAmount", facts.number(totals, "TaxExclusiveAmount"), expected)


def vat(facts: Facts, tax_total: Group) -> Difference | None:
    """BT-110 is the sum of BT-117 (BR-CO-14)."""
    parts = tax_total.groups.get("TaxSubtotal")
    if not parts:
        return None
    expected = cents(total(facts.numbers(parts, "TaxAmount")))
    return _compare(tax_total, "TaxAmount", facts.number(tax_total, "TaxAmount"), expected)


def with_vat(facts: Facts) -> Iterator[Difference]:
    """BT-112 = BT-109 + BT-110, with exactly one BT-110 in the currency of the invoice (BR-CO-15)."""
    currency = facts.root.leaf("DocumentCurrencyCode")
    if currency is None:
        return
    code = currency.text
    own = [
        group
        for group in facts.tax_totals
        if (leaf := group.leaf("TaxAmount")) is not None and leaf.get("currencyID") == code
    ]
    for totals in facts.totals:
        seen, net = facts.number(totals, "TaxInclusiveAmount"), facts.number(totals, "TaxExclusiveAmount")
        tax = facts.number(own[0], "TaxAmount") if len(own) == 1 else None
        expected = None if net is None or tax is None else cents(EXACT.add(net, tax))
        found = _compare(totals, "TaxInclusiveAmount", seen, expected)
        if found is not None:
            yield found


def due(facts: Facts, totals: Group) -> Difference | None:
    """BT-115 = BT-112 - BT-113 + BT-114 (BR-CO-16)."""
    gross, seen = facts.number(totals, "TaxInclusiveAmount"), facts.number(totals, "PayableAmount")
    paid, rounding = facts.number(totals, "PrepaidAmount"), facts.number(totals, "PayableRoundingAmount")
    if gross is None or seen is None:
        return _compare(totals, "PayableAmount", seen, None)
    left = gross if paid is None else cents(EXACT.subtract(gross, paid))
    # The official rule moves the rounding to the other side and rounds there.
    right = seen if rounding is None else cents(EXACT.subtract(seen, rounding))
    if left == right:
        return None
    leaf = totals.leaf("PayableAmount")
    expected = left if rounding is None else EXACT.add(left, rounding)
    return Difference(totals.element if leaf is None else leaf, seen, expected)
