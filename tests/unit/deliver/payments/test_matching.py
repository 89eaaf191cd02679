"""Which invoice a payment is for: never a guess."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deliver.payments.lines import Line
from services.deliver.payments.matching import Bill, Left, Matched, match
from services.deliver.payments.reasons import REASONS
from tests.unit.deliver.payments.statements import CUSTOMER, OWN, SUPPLIER, counted

GOT = Bill(
    delivery_id=UUID(int=1),
    invoice_id=UUID(int=2),
    side="receiver",
    number="2026-0042",
    reference="RF18 5390 0754 7034",
    accounts=frozenset({SUPPLIER}),
    payable=Decimal("121.00"),
    currency="EUR",
    type_code="380",
)
SENT = replace(GOT, side="sender", accounts=frozenset({OWN}), invoice_id=UUID(int=3), delivery_id=UUID(int=4))


def paid(text: str = "", amount: str = "121.00", **more: Any) -> Line:
    fields: dict[str, Any] = {
        "number": 1, "own": OWN, "other": SUPPLIER, "sums": ((Decimal(amount), "EUR"),), "incoming": False, "text": text,
        "key": f"{text} {amount} {more}",
    }  # fmt: skip
    return Line(**{**fields, **more})


def one(line: Line, *bills: Bill) -> tuple[UUID, str] | str:
    """The invoice it pays and how much, or why none."""
    (found,) = match([line], bills or (GOT,))
    if isinstance(found, Left):
        assert found.reason in REASONS
        return found.reason
    return found.bill.invoice_id, str(found.amount)


FULL = (GOT.invoice_id, "121.00")


def test_one_payment_in_two_exports_is_not_two_parts_of_the_whole() -> None:
    day = date(2026, 11, 3)
    half = paid("2026-0042", "60.50", day=day, bank="NtryRef=17")
    bill = replace(GOT, paid=Decimal("60.50"))
    told = {(GOT.invoice_id, GOT.side, Decimal("60.50"), day)}
    assert [each.reason for each in match([half], [bill], told=told) if isinstance(each, Left)] == [
        "maybe-taken"
    ]
    (later,) = match([replace(half, day=date(2026, 11, 4))], [bill], told=told)
    assert isinstance(later, Matched)


@pytest.mark.parametrize("days", [(date(2026, 11, 3), date(2026, 11, 2)), (date(2026, 11, 3),) * 2])
def test_what_came_back_is_undone_where_a_bank_puts_the_newest_first(days: tuple[date, date]) -> None:
    back = paid("Factuur 2026-0042", incoming=True, undone=True, day=days[0])
    found = match([back, paid("Factuur 2026-0042", day=days[1])], [GOT])
    assert [str(each.amount) for each in found if isinstance(each, Matched)] == ["121.00", "-121.00"]
    assert found[-1].line == back


@pytest.mark.proves("R55", "R111")
@pytest.mark.parametrize(
    "line",
    [
        paid("Factuur 2026-0042 klant 17"),
        paid("fact.nr.20260042"),
        paid("2026 0042"),
        paid("2026/0042, dank u"),
        paid(named=("2026-0042",)),
        paid(named=("RF18539007547034",)),
        paid("x", named=("rf18 5390 0754 7034",)),
    ],
)
def test_an_invoice_is_named_by_its_number_or_its_reference(line: Line) -> None:
    assert one(line) == FULL


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (paid("Factuur 2026-0043"), "names-nothing"),
        (paid("12026-0042"), "names-nothing"),
        (paid("2026-00421"), "names-nothing"),
        (paid(""), "names-nothing"),
        (paid("2026-0042", other=CUSTOMER), "other-account"),
        (paid("2026-0042", other=None), "no-account"),
        (paid("2026-0042", sums=((Decimal("121.00"), "USD"),)), "other-currency"),
        (paid("2026-0042", "121.01"), "more-than-open"),
        (paid("2026-0042", incoming=True), "other-direction"),
        (paid("2026-0042", incoming=True, undone=True), "nothing-to-undo"),
        (paid("2026-0042", fault="not-booked"), "not-booked"),
    ],
)
def test_what_does_not_hold_is_said(line: Line, reason: str) -> None:
    assert one(line) == reason


def test_who_is_paid_looks_at_its_own_account_and_who_pays_at_the_other() -> None:
    assert one(paid("2026-0042", incoming=True, other=CUSTOMER), SENT) == (SENT.invoice_id, "121.00")
    assert one(paid("2026-0042", incoming=True, other=CUSTOMER, own=CUSTOMER), SENT) == "other-account"
    assert one(paid("2026-0042"), SENT) == "other-direction"
    # Money to itself: the same invoice on both sides, each with its own line.
    assert one(paid("2026-0042"), GOT, replace(GOT, side="sender")) == FULL


def test_a_part_then_the_rest_then_nothing_more() -> None:
    lines = [paid("2026-0042", "21.00"), paid("2026-0042", "100.00"), paid("2026-0042", "0.01")]
    found = match(lines, [GOT])
    assert [each.amount if isinstance(each, Matched) else each.reason for each in found] == [
        Decimal("21.00"), Decimal("100.00"), "paid-already",
    ]  # fmt: skip


def test_a_reversal_undoes_what_is_known_and_it_may_be_paid_again() -> None:
    back: dict[str, Any] = {"incoming": True, "undone": True}
    lines = [
        paid("2026-0042"),
        paid("2026-0042", **back),
        paid("2026-0042", **back),
        paid("2026-0042", key="again"),
    ]
    found = match([replace(line, key=str(n)) for n, line in enumerate(lines)], [GOT])
    assert [str(each.amount) if isinstance(each, Matched) else each.reason for each in found] == [
        "121.00", "-121.00", "nothing-to-undo", "121.00",
    ]  # fmt: skip


def test_several_are_paid_by_one_line_only_when_it_is_all_that_is_open_of_them() -> None:
    other = replace(GOT, invoice_id=UUID(int=9), number="2026-0043", reference=None, payable=Decimal("79.00"))
    found = match([paid("2026-0042 en 2026-0043", "200.00")], [GOT, other])
    assert [(each.bill.number, str(each.amount)) for each in found if isinstance(each, Matched)] == [
        ("2026-0042", "121.00"), ("2026-0043", "79.00"),
    ]  # fmt: skip
    for amount in ("121.00", "199.99", "200.01"):
        assert one(paid("2026-0042 en 2026-0043", amount), GOT, other) == "ambiguous"
    assert (
        one(paid("2026-0042 2026-0043", "200.00"), GOT, replace(other, paid=Decimal("79.00"))) == "ambiguous"
    )


def test_two_of_one_number_are_never_told_apart_by_guess() -> None:
    twin = replace(GOT, invoice_id=UUID(int=9), reference=None)
    assert one(paid("2026-0042"), GOT, twin) == "ambiguous"
    # What tells them apart: the account, or the reference.
    assert one(paid("2026-0042"), GOT, replace(twin, accounts=frozenset({CUSTOMER}))) == FULL
    assert one(paid(named=("RF18539007547034",)), GOT, twin) == FULL


@pytest.mark.parametrize("number", ["2026", "F1", "42", "1", "ABCD"])
def test_a_short_number_or_a_year_in_a_sentence_is_none(number: str) -> None:
    bill = replace(GOT, number=number, reference=None)
    assert one(paid(f"huur {number} voor oktober", "100.00"), bill) == "names-nothing"
    assert one(paid(number), bill) == FULL
    assert one(paid("anders", named=(number,)), bill) == FULL


def test_the_longer_of_two_numbers_that_overlap_is_meant() -> None:
    short = replace(GOT, invoice_id=UUID(int=9), number="0042", reference=None)
    assert one(paid("factuur 2026-0042 aub"), GOT, short) == FULL
    assert one(paid("factuur 0042 aub"), GOT, short) == (short.invoice_id, "121.00")


def test_an_rf_number_around_the_invoice_number_names_it() -> None:
    bill = replace(GOT, number="539007547034", reference=None)
    assert one(paid(named=("RF18539007547034",)), bill) == FULL
    assert one(paid(named=("RF19539007547034",)), bill) == "names-nothing"


def test_what_a_payment_was_ordered_in_counts_where_the_account_has_another_currency() -> None:
    line = paid("2026-0042", sums=((Decimal("130.10"), "USD"), (Decimal("121.00"), "EUR")))
    assert one(line) == FULL


@pytest.mark.parametrize("bill", [replace(GOT, type_code="381"), replace(GOT, payable=Decimal("-121.00"))])
def test_a_credit_note_is_left_to_people(bill: Bill) -> None:
    assert one(paid("2026-0042", incoming=True), bill) == "credit-note"
    other = replace(GOT, invoice_id=UUID(int=9), number="2026-0043", reference=None)
    assert one(paid("2026-0042 2026-0043", "100.00"), bill, other) == "credit-note"


def test_what_was_taken_before_or_stands_there_twice_counts_once() -> None:
    line = paid("2026-0042", "21.00")
    first, second = match([line, line], [GOT])
    assert isinstance(first, Matched)
    assert isinstance(second, Left)
    assert second.reason == "repeated"
    (known,) = match([line], [GOT], {line.key})
    assert isinstance(known, Left)


_AMOUNTS = st.decimals(min_value="0.01", max_value="200", places=2)


@given(
    st.lists(
        st.tuples(_AMOUNTS, st.booleans(), st.sampled_from(["2026-0042", "2026-0043", "niets"])), max_size=20
    )
)
@pytest.mark.proves("R55")
def test_never_more_than_is_due_and_never_less_than_nothing(
    payments: list[tuple[Decimal, bool, str]],
) -> None:
    other = replace(GOT, invoice_id=UUID(int=9), number="2026-0043", reference=None, payable=Decimal("79.00"))
    lines = [
        paid(text, str(amount), incoming=undone, undone=undone, key=str(n))
        for n, (amount, undone, text) in enumerate(payments)
    ]
    stand = {GOT.invoice_id: Decimal(0), other.invoice_id: Decimal(0)}
    found = match(lines, [GOT, other])
    assert len(found) == len(lines)
    for each in found:
        if isinstance(each, Matched):
            stand[each.bill.invoice_id] += each.amount
            assert 0 <= stand[each.bill.invoice_id] <= each.bill.payable


def test_ten_times_as_much_takes_ten_times_as_many_steps() -> None:
    def steps(count: int) -> int:
        bills = [
            replace(GOT, invoice_id=UUID(int=n), number=f"2026-{n:05}", reference=None) for n in range(count)
        ]
        lines = [paid(f"Factuur 2026-{n:05} van november", key=str(n)) for n in range(count)]
        with counted() as taken:
            assert all(isinstance(each, Matched) for each in match(lines, bills))
        return taken[0]

    assert steps(300) < 11 * steps(30)
