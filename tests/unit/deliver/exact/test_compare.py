"""What was booked against what was sent: equal however Exact writes it, and each difference by name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.deliver.exact import compare
from services.deliver.exact.kinds import PURCHASE
from tests.unit.deliver.exact.sample import body, invoice, line

SENT = body(
    invoice(
        line("60.00"),
        line("40.00", "9", name="Boek"),
        sums=[("21", "60.00", "12.60"), ("9", "40.00", "3.60")],
    ),
    matching={"StatisticalNetWeight": ("value:1.50",), "YourRef": ("value:PO-1",)},
)


def booked(**changed: Any) -> dict[str, Any]:
    """As Exact shows it: days in milliseconds, numbers, padded codes, ids in capitals, and more than was sent."""
    lines = [
        {
            "LineNumber": 2,
            "AmountFC": 40.0,
            "GLAccount": "C0575",
            "VATCode": "1  ",
            "VATAmountFC": 3.6,
            "Description": "Boek",
            "StatisticalNetWeight": 1.5,
            "Notes": None,
        },
        {
            "LineNumber": 1,
            "AmountFC": 60.0,
            "GLAccount": "c0575",
            "VATCode": "2  ",
            "VATAmountFC": 12.6,
            "Description": "Zand",
            "StatisticalNetWeight": 1.5,
        },
    ]
    head = {
        **SENT,
        "EntryID": "e",
        "Status": 20,
        "AmountFC": 116.2,
        "EntryDate": "/Date(1736467200000)/",
        "DueDate": "/Date(1739059200000)/",
        "PurchaseEntryLines": {"results": lines},
    }
    return {**head, **changed}


def found(**changed: Any) -> list[tuple[str, int | None]]:
    return [
        (each.field, each.line)
        for each in compare.differences(PURCHASE, SENT, booked(**changed), Decimal("116.20"))
    ]


def test_the_same_written_otherwise_is_the_same() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AmountFC", 116.19),
        ("EntryDate", "/Date(1736380800000)/"),
        ("YourRef", None),
        ("Supplier", "22222222-1111-1111-1111-111111111111"),
        ("Journal", "61"),
        ("Type", 31),
        ("Currency", "USD"),
        ("DueDate", ""),
    ],
)
def test_a_difference_in_the_head_is_told(name: str, value: Any) -> None:
    assert found(**{name: value}) == [(name, None)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AmountFC", 59.99),
        ("GLAccount", "0"),
        ("VATCode", "1  "),
        ("StatisticalNetWeight", None),
        ("Description", "x"),
    ],
)
def test_a_difference_in_a_line_is_told_with_its_line(name: str, value: Any) -> None:
    whole = booked()
    whole["PurchaseEntryLines"]["results"][1][name] = value
    assert found(PurchaseEntryLines=whole["PurchaseEntryLines"]) == [(name, 1)]


def test_lines_too_few_and_too_many() -> None:
    lines = booked()["PurchaseEntryLines"]["results"]
    names = {name for name, at in found(PurchaseEntryLines={"results": lines[1:]}) if at == 2}
    assert {"AmountFC", "GLAccount", "VATCode"} <= names
    extra = {"LineNumber": 3, "AmountFC": 1.0}
    assert found(PurchaseEntryLines=[*lines, extra]) == [("AmountFC", 3)]


def test_people_read_it_in_their_own_language() -> None:
    told = compare.told(compare.differences(PURCHASE, SENT, booked(YourRef="X", DueDate=None)))
    assert (
        told.nl
        == "Uw ref. (YourRef): gestuurd “PO-1”, geboekt “X”; vervaldatum (DueDate): gestuurd “2025-02-09”, "
        "geboekt niets"
    )
    assert told.en.startswith("Your reference (YourRef): sent “PO-1”, booked “X”")
    many = [compare.Difference("Notes", n, "a", None) for n in range(1, 8)]
    assert compare.told(many).nl.endswith("; en nog 2")


def test_all_that_is_sent_is_asked_back() -> None:
    query = compare.asked(PURCHASE, SENT)
    names = set(query["$select"].split(","))
    assert query["$expand"] == "PurchaseEntryLines"
    assert set(SENT) - {"PurchaseEntryLines"} <= names
    assert {f"PurchaseEntryLines/{name}" for each in SENT["PurchaseEntryLines"] for name in each} <= names
