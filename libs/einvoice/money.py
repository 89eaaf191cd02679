"""Decimal numbers as invoices write them: read carefully, added exactly, rounded as XPath does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_FLOOR, Context, Decimal
from functools import reduce

# Bounded before Decimal sees it: 1e309 or a million digits is an attack, not an amount (field.md §C.3 row 30).
# Zeros in front and at the end weigh nothing, so they are not counted.
_NUMBER = re.compile(r"[+-]?0{0,100}(?:[0-9]{1,18}(?:\.[0-9]{0,10}0{0,100})?|\.[0-9]{1,10}0{0,100})")
_LONGEST = 250
_SHORT = 11

# 18 + 10 digits summed over a quarter of a million lines stay exact; the default context has 28 in all.
EXACT = Context(prec=60, rounding=ROUND_FLOOR)

ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_HALF = Decimal("0.5")


def read(text: str | None) -> Decimal | None:
    """The number in ``text``; None for anything that is not a decimal of at most 18 + 10 digits."""
    if not text or len(text) > _LONGEST:
        return None
    # Nearly every amount: so short that no bound can be broken, digits with one point between them.
    if len(text) <= _SHORT and text.isascii() and text.replace(".", "", 1).isdigit():
        return Decimal(text)
    # The four blanks of XML; a bare strip would take off more than XML does.
    bare = text.strip(" \t\r\n")
    return Decimal(bare) if _NUMBER.fullmatch(bare) else None


def at_least_zero(value: Decimal, written: str | None) -> bool:
    """``value >= 0`` as the official rules have it: a zero written with a minus sign and a point is less."""
    return value > 0 or (value == 0 and not below_zero(written))


def below_zero(written: str | None) -> bool:
    """Whether a zero is written so that the official rules take it for less, and not for equal, to nothing."""
    return written is not None and "-" in written and "." in written


def total(values: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    return reduce(EXACT.add, values, ZERO)


def cents(value: Decimal) -> Decimal:
    """Rounded to two decimals, halves towards positive infinity (XPath ``round``, not banker's)."""
    return EXACT.divide(EXACT.to_integral_value(EXACT.fma(value, _HUNDRED, _HALF)), _HUNDRED)


def plain(value: Decimal) -> str:
    """As people write it: no exponent, at least two decimals."""
    shown = f"{value:f}"
    whole, _, decimals = shown.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
