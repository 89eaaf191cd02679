"""Numbers: what is one, and XPath's rounding."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.einvoice import money


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        (" 1.50\n", "1.5"),
        ("-0.00", "0"),
        ("+12.345", "12.345"),
        (".5", "0.5"),
        ("5.", "5"),
        ("000000000000000000000000001.10", "1.1"),
        ("1.1" + "0" * 40, "1.1"),
        ("999999999999999999.9999999999", "999999999999999999.9999999999"),
    ],
)
def test_decimal_numbers(text: str, value: str) -> None:
    assert money.read(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        None, "", " ", ".", "-", "1,50", "1e309", "NaN", "INF", "Infinity", "0x10", "1 000", "1_000", "--1", "１",
        "\u00a01", "1000000000000000000", "1.00000000001", "9" * 1_000_000, "0" * 1_000_000, "1.50 EUR",
    ],
)  # fmt: skip
def test_everything_else_is_none(text: str | None) -> None:
    assert money.read(text) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.005", "0.01"),
        ("-0.005", "0.00"),
        ("0.015", "0.02"),
        ("-0.015", "-0.01"),
        ("2.675", "2.68"),
        ("-7", "-7"),
    ],
)
def test_halves_go_up(value: str, expected: str) -> None:
    assert money.cents(Decimal(value)) == Decimal(expected)


_numbers = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=10
)


@given(_numbers)
def test_rounding_is_floor_of_a_half_more(value: Decimal) -> None:
    exact = Fraction(value)
    assert Fraction(money.cents(value)) == Fraction(floor(exact * 100 + Fraction(1, 2)), 100)


@given(st.lists(_numbers, max_size=50))
def test_sums_are_exact(values: list[Decimal]) -> None:
    assert Fraction(money.total(values)) == sum(map(Fraction, values), Fraction(0))


@pytest.mark.parametrize(
    ("value", "shown"), [("1", "1.00"), ("1.5", "1.50"), ("1.2345", "1.2345"), ("1E+3", "1000.00")]
)
def test_amounts_are_shown_as_people_write_them(value: str, shown: str) -> None:
    assert money.plain(Decimal(value)) == shown
