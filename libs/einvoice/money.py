"""Decimal numbers as invoices write them: read carefully, rounded as XPath does."""

from __future__ import annotations

import re
from decimal import ROUND_FLOOR, Decimal

# Bounded before Decimal sees it: 1e309 or a million digits is an attack, not an amount.
_NUMBER = re.compile(r"^\s*[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,10})?|\.[0-9]{1,10})\s*$")
_HUNDRED = Decimal(100)
_HALF = Decimal("0.5")


def read(text: str | None) -> Decimal | None:
    """The number in ``text``; None for anything that is not a decimal of at most 18 + 10 digits."""
    return Decimal(text.strip()) if text and _NUMBER.match(text) else None


def cents(value: Decimal) -> Decimal:
    """Rounded to two decimals, halves towards positive infinity (XPath ``round``, not banker's)."""
    return (value * _HUNDRED + _HALF).to_integral_value(rounding=ROUND_FLOOR) / _HUNDRED
