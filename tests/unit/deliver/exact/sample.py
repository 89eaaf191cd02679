"""Invoices and books as the tests of Exact Online need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from libs.einvoice.model import (
    AllowanceCharge,
    Amount,
    Attribute,
    Buyer,
    DocumentTotals,
    Identifier,
    Invoice,
    Item,
    Line,
    Seller,
    VatBreakdown,
)
from libs.einvoice.money import total
from services.deliver.exact import amounts, coding, fields
from services.deliver.exact import made as making
from services.deliver.exact.chart import Account, Chart, VatCode
from services.deliver.exact.coding import Coded
from services.deliver.exact.kinds import PURCHASE, Kind
from services.deliver.exact.rules import Rule, Rules
from services.deliver.parcel import Parked

SUPPLIER = "11111111-1111-1111-1111-111111111111"
COSTS, STOCK, OTHER = "c0575", "570c4", "07e44"
CHART = Chart(
    {
        "4500": Account(COSTS, "4500", "2"),
        "7000": Account(STOCK, "7000", "2"),
        "4910": Account(OTHER, "4910"),
        "4999": Account("b10c", "4999", blocked=True),
    },
    {
        "0": VatCode("0", Decimal(0)),
        "1": VatCode("1", Decimal(9)),
        "2": VatCode("2", Decimal(21)),
        "3": VatCode("3", Decimal(21), inclusive=True, direction="P"),
        "4": VatCode("4", Decimal(21), direction="S"),
        "9": VatCode("9", Decimal(21), blocked=True),
    },
)
RULES = Rules(
    rules=(
        Rule(journal="60"),
        Rule(category="S", rate=Decimal(9), vat_code="1"),
        Rule(category="S", rate=Decimal(21), vat_code="2"),
        Rule(rate=Decimal(0), vat_code="0"),
        Rule(of="rounding", account="4910"),
        Rule(of="prepaid", account="4910"),
        Rule(account="4500"),
    )
)


def euro(value: str | Decimal) -> Amount:
    return Amount(Decimal(value), "EUR")


def line(net: str, rate: str = "21", name: str = "Zand", category: str = "S", **more: Any) -> Line:
    attributes = tuple(Attribute(*each) for each in more.pop("properties", {}).items())
    return Line(
        net_amount=euro(net),
        vat_category_code=category,
        vat_rate=Decimal(rate),
        item=Item(name=name, attributes=attributes, description=more.pop("description", None)),
        **more,
    )


def adjustment(amount: str, rate: str = "21", reason: str | None = None) -> AllowanceCharge:
    return AllowanceCharge(amount=euro(amount), vat_category_code="S", vat_rate=Decimal(rate), reason=reason)


def invoice(
    *lines: Line, sums: Sequence[tuple[str, str, str]] = (), rounding: str = "0", paid: str = "0", **more: Any
) -> Invoice:
    """``sums``: rate, BT-116 and BT-117; the totals follow from them."""
    breakdown = tuple(
        VatBreakdown(euro(net), euro(tax), "S" if Decimal(rate) else "Z", Decimal(rate))
        for rate, net, tax in sums or [("21", "100.00", "21.00")]
    )
    gross = total(
        b.taxable_amount.value + b.tax_amount.value for b in breakdown if b.taxable_amount and b.tax_amount
    )
    totals = DocumentTotals(
        total_with_vat=euro(gross), rounding_amount=euro(rounding), paid_amount=euro(paid)
    )
    fields = {
        "number": "F2025-0117",
        "issue_date": date(2025, 1, 10),
        "payment_due_date": date(2025, 2, 9),
        "type_code": "380",
        "currency_code": "EUR",
        "seller": Seller(
            name="Bakker Bouwmaterialen BV",
            legal_registration_identifier=Identifier("58070036", "0106"),
            vat_identifier="NL810433941B01",
        ),
        "buyer": Buyer(name="Aannemer De Jong BV", vat_identifier="NL 0012.34.567B01"),
        "lines": lines or (line("100.00"),),
        "vat_breakdown": breakdown,
        "totals": totals,
    }
    return Invoice(**{**fields, **more})


def coded(of: Invoice, rules: Rules = RULES, kind: Kind = PURCHASE) -> Coded | Parked:
    return coding.code(kind, of, amounts.of(of).parts, rules, CHART)


def made(
    of: Invoice,
    rules: Rules = RULES,
    matching: fields.Matching | None = None,
    kind: Kind = PURCHASE,
    chart: Chart = CHART,
    given: Mapping[str, str] | None = None,
) -> dict[str, Any] | Parked:
    """The body of the entry, or why there is none."""
    found = making.make(kind, of, rules, matching or {}, chart, given=given or {}, party=SUPPLIER)
    return found if isinstance(found, Parked) else found.body


def body(*given: Any, **more: Any) -> dict[str, Any]:
    found = made(*given, **more)
    assert not isinstance(found, Parked), found.reason.en
    return found


def parked(found: object) -> Parked:
    assert isinstance(found, Parked)
    return found
