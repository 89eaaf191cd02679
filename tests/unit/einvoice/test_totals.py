"""The arithmetic, done again: every term moves the outcome, absent ones count as the standard says."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.einvoice import totals, xml
from libs.einvoice.facts import Facts, NotANumberError, collect
from libs.einvoice.tree import Group

CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"


def facts(
    *,
    lines: tuple[str, ...] = ("100.00",),
    allowances: tuple[str, ...] = (),
    charges: tuple[str, ...] = (),
    taxes: tuple[str, ...] = ("21.00",),
    tax: str = "21.00",
    currency: str = "EUR",
    **amounts: str | None,
) -> Facts:
    """A document of amounts only; those not named are as they should be for one line of 100.00."""
    named = {
        "LineExtensionAmount": "100.00", "TaxExclusiveAmount": "100.00", "TaxInclusiveAmount": "121.00",
        "PayableAmount": "121.00", **amounts,
    }  # fmt: skip

    def amount(name: str, value: str) -> str:
        return f'<b:{name} currencyID="EUR">{value}</b:{name}>'

    def adjustment(value: str, indicator: str) -> str:
        return (
            f"<a:AllowanceCharge><b:ChargeIndicator>{indicator}</b:ChargeIndicator>{amount('Amount', value)}"
            "</a:AllowanceCharge>"
        )

    parts = [
        f"<b:DocumentCurrencyCode>{currency}</b:DocumentCurrencyCode>",
        *(adjustment(value, "false") for value in allowances),
        *(adjustment(value, "true") for value in charges),
        f"<a:TaxTotal>{amount('TaxAmount', tax)}",
        *(f"<a:TaxSubtotal>{amount('TaxAmount', value)}</a:TaxSubtotal>" for value in taxes),
        "</a:TaxTotal><a:LegalMonetaryTotal>",
        *(amount(name, value) for name, value in named.items() if value is not None),
        "</a:LegalMonetaryTotal>",
        *(f"<a:InvoiceLine>{amount('LineExtensionAmount', value)}</a:InvoiceLine>" for value in lines),
    ]
    root = xml.parse(f'<Invoice xmlns:a="{CAC}" xmlns:b="{CBC}">{"".join(parts)}</Invoice>'.encode())
    return collect(root, "ubl-invoice")


Compare = Callable[[Facts], totals.Difference | None]


def of_total(function: Callable[[Facts, Group], totals.Difference | None]) -> Compare:
    return lambda found: function(found, found.totals[0])


LINES = of_total(totals.lines)
ALLOWANCES = of_total(lambda f, g: totals.adjustments(f, g, "AllowanceTotalAmount", charges=False))
CHARGES = of_total(lambda f, g: totals.adjustments(f, g, "ChargeTotalAmount", charges=True))
NET = of_total(totals.without_vat)
DUE = of_total(totals.due)


def VAT(found: Facts) -> totals.Difference | None:
    return totals.vat(found, found.tax_totals[0])


def GROSS(found: Facts) -> totals.Difference | None:
    return next(totals.with_vat(found), None)


ALL = (LINES, ALLOWANCES, CHARGES, NET, VAT, GROSS, DUE)


@pytest.mark.parametrize("compare", ALL)
def test_a_sound_document_has_no_difference(compare: Compare) -> None:
    assert compare(facts()) is None


@pytest.mark.parametrize(
    ("compare", "changes", "seen", "expected"),
    [
        (LINES, {"lines": ("60.00", "40.01")}, "100.00", "100.01"),
        (LINES, {"LineExtensionAmount": None}, None, "100.00"),
        (ALLOWANCES, {"allowances": ("5.00",)}, None, "5.00"),
        (ALLOWANCES, {"allowances": ("5.00", "1.00"), "AllowanceTotalAmount": "5.00"}, "5.00", "6.00"),
        (ALLOWANCES, {"AllowanceTotalAmount": "5.00"}, "5.00", "0.00"),
        (ALLOWANCES, {"charges": ("5.00",), "AllowanceTotalAmount": "5.00"}, "5.00", "0.00"),
        (CHARGES, {"charges": ("5.00",), "ChargeTotalAmount": "4.00"}, "4.00", "5.00"),
        (NET, {"AllowanceTotalAmount": "5.00"}, "100.00", "95.00"),
        (NET, {"ChargeTotalAmount": "5.00"}, "100.00", "105.00"),
        (NET, {"TaxExclusiveAmount": None}, None, "100.00"),
        (NET, {"LineExtensionAmount": None}, "100.00", None),
        (NET, {"LineExtensionAmount": "100.004"}, "100.00", "100.004"),
        (VAT, {"taxes": ("20.00", "1.50")}, "21.00", "21.50"),
        (GROSS, {"tax": "20.00"}, "121.00", "120.00"),
        (GROSS, {"currency": "USD"}, "121.00", None),
        (GROSS, {"TaxInclusiveAmount": None}, None, "121.00"),
        (DUE, {"PrepaidAmount": "21.00"}, "121.00", "100.00"),
        (DUE, {"PayableRoundingAmount": "0.05"}, "121.00", "121.05"),
        (DUE, {"PrepaidAmount": "1.00", "PayableRoundingAmount": "0.05"}, "121.00", "120.05"),
        (DUE, {"PayableAmount": None}, None, None),
        (DUE, {"TaxInclusiveAmount": None}, "121.00", None),
    ],
)
def test_differences(
    compare: Compare, changes: dict[str, object], seen: str | None, expected: str | None
) -> None:
    found = compare(facts(**changes))  # type: ignore[arg-type]
    assert found is not None
    assert found.seen == (None if seen is None else Decimal(seen))
    assert found.expected == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("compare", "changes"),
    [
        (LINES, {"lines": ("60.00", "40.00")}),
        (LINES, {"lines": ("99.996",)}),
        (ALLOWANCES, {"allowances": ("5.00",), "AllowanceTotalAmount": "5"}),
        (NET, {"AllowanceTotalAmount": "5.00", "TaxExclusiveAmount": "95.00"}),
        (NET, {"LineExtensionAmount": "100.004", "ChargeTotalAmount": "0"}),
        (VAT, {"taxes": ()}),
        (DUE, {"PrepaidAmount": "21.00", "PayableAmount": "100.00"}),
        (DUE, {"PayableRoundingAmount": "-0.02", "PayableAmount": "120.98"}),
    ],
)
def test_what_adds_up(compare: Compare, changes: dict[str, object]) -> None:
    assert compare(facts(**changes)) is None  # type: ignore[arg-type]


def test_two_vat_totals_in_the_currency_of_the_invoice_are_one_too_many() -> None:
    root = xml.parse(
        f'<Invoice xmlns:a="{CAC}" xmlns:b="{CBC}"><b:DocumentCurrencyCode>EUR</b:DocumentCurrencyCode>'
        '<a:TaxTotal><b:TaxAmount currencyID="EUR">21</b:TaxAmount></a:TaxTotal>'
        '<a:TaxTotal><b:TaxAmount currencyID="EUR">21</b:TaxAmount></a:TaxTotal>'
        "<a:LegalMonetaryTotal><b:TaxExclusiveAmount>100</b:TaxExclusiveAmount>"
        "<b:TaxInclusiveAmount>121</b:TaxInclusiveAmount></a:LegalMonetaryTotal></Invoice>".encode()
    )
    found = GROSS(collect(root, "ubl-invoice"))
    assert found is not None
    assert found.seen == Decimal(121)
    assert found.expected is None


def test_indicators_may_be_digits_and_other_words_count_for_neither() -> None:
    found = facts(allowances=("5.00",), charges=("7.00",))
    assert [len(side) for side in found.adjustments] == [1, 1]
    for word, sides in (("0", [1, 0]), ("1", [0, 1]), (" false ", [1, 0]), ("nee", [0, 0])):
        root = xml.parse(
            f'<Invoice xmlns:a="{CAC}" xmlns:b="{CBC}"><a:AllowanceCharge><b:ChargeIndicator>{word}'
            "</b:ChargeIndicator></a:AllowanceCharge></Invoice>".encode()
        )
        assert [len(side) for side in collect(root, "ubl-invoice").adjustments] == sides


@pytest.mark.parametrize("value", ["", "1e309", "9" * 400, "12,50", "NaN"])
def test_no_sum_guesses_at_what_is_not_a_number(value: str) -> None:
    found = facts(lines=("100.00", value))
    with pytest.raises(NotANumberError):
        LINES(found)
    assert [re.sub(r"\{.*\}", "", element.tag) for element in found.unreadable] == ["LineExtensionAmount"]


_cents = st.integers(min_value=-(10**9), max_value=10**9).map(lambda n: f"{Decimal(n) / 100:f}")


@given(
    st.lists(_cents, min_size=1, max_size=8),
    st.lists(_cents, max_size=4),
    st.lists(_cents, max_size=4),
    _cents,
)
def test_whatever_is_added_up_right_has_no_difference(
    lines: list[str], allowances: list[str], charges: list[str], paid: str
) -> None:
    net = sum(map(Decimal, lines), Decimal(0))
    off, on = sum(map(Decimal, allowances), Decimal(0)), sum(map(Decimal, charges), Decimal(0))
    gross = net - off + on + 21
    document = {
        "lines": tuple(lines), "allowances": tuple(allowances), "charges": tuple(charges),
        "LineExtensionAmount": f"{net:f}", "TaxExclusiveAmount": f"{net - off + on:f}",
        "TaxInclusiveAmount": f"{gross:f}", "PrepaidAmount": paid, "PayableAmount": f"{gross - Decimal(paid):f}",
        "AllowanceTotalAmount": f"{off:f}" if allowances else None,
        "ChargeTotalAmount": f"{on:f}" if charges else None,
    }  # fmt: skip
    assert [compare(facts(**document)) for compare in ALL] == [None] * len(ALL)  # type: ignore[arg-type]
