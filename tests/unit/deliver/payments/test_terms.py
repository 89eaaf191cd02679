"""What the payment terms of an entry at Exact Online say is paid."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.deliver.payments.terms import Term, known, read, stand

DUE = Decimal("121.00")
ROW = {
    "ID": "t1", "TransactionEntryID": "e1", "IsFullyPaid": True, "LastPaymentDate": "/Date(1736899200000)/",
    "AmountFC": 121.0, "Timestamp": "42",
}  # fmt: skip


def term(amount: str, paid: bool, day: int | None = None) -> dict[str, Any]:
    return {"amount": Decimal(amount), "paid": paid, "paid_on": date(2025, 1, day) if day else None}


@pytest.mark.proves("R55", "R110")
@pytest.mark.parametrize(
    ("terms", "payable", "paid"),
    [
        ([term("121.00", False)], DUE, "0"),
        ([term("121.00", True, 15)], DUE, "121"),
        ([term("21.00", True, 15), term("100.00", False)], DUE, "21"),
        ([term("21.00", True, 15), term("100.00", True, 20)], DUE, "121"),
        # 21 was paid before the invoice was made: 100 is due, and 121 was booked.
        ([term("121.00", False)], Decimal("100.00"), "0"),
        ([term("121.00", True, 15)], Decimal("100.00"), "100"),
        # A credit note, whichever sign Exact has for it.
        ([term("-121.00", True, 15)], DUE, "121"),
        ([term("-21.00", True, 15), term("-100.00", False)], -DUE, "-21"),
    ],
)
def test_what_is_not_open_is_paid(terms: list[dict[str, Any]], payable: Decimal, paid: str) -> None:
    found = stand(terms, payable, None)
    assert found is not None
    assert found.paid == Decimal(paid)
    days = [each["paid_on"] for each in terms if each["paid_on"]]
    assert found.paid_on == (max(days) if days else None)


def test_nothing_is_said_of_an_entry_of_which_not_all_is_known() -> None:
    assert stand([], DUE, DUE) is None
    assert stand([term("21.00", True, 15)], DUE, DUE) is None
    assert stand([term("21.00", True, 15), term("100.00", False)], DUE, DUE) is not None


def test_a_row_is_read_as_exact_writes_it() -> None:
    assert read(ROW) == Term("t1", "e1", Decimal("121.0"), True, date(2025, 1, 15), 42)
    assert read({**ROW, "LastPaymentDate": None, "IsFullyPaid": False}).paid_on is None
    for name in ("ID", "AmountFC", "Timestamp"):
        with pytest.raises(ValueError, match=r"no payment term|int"):
            read({each: value for each, value in ROW.items() if each != name})


@pytest.mark.parametrize("odd", [{"AmountFC": None}, {"Timestamp": "?"}, {"ID": "t2", "Timestamp": None}])
def test_a_row_that_is_no_term_keeps_none_behind_it(odd: dict[str, Any]) -> None:
    assert known([{**ROW, **odd}, ROW]) == [read(ROW)]
