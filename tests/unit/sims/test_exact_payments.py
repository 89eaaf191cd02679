"""Whether something was paid, as the sync endpoint and the lists of open items tell it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.unit.sims.office import Office

TERMS = "sync/Cashflow/PaymentTerms"
PAYABLES = "read/financial/PayablesList"


async def _terms(office: Office, after: int = 0) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if name != "__metadata"}
        for row in await office.rows(
            TERMS,
            select="TransactionEntryID,LineType,Status,IsFullyPaid,LastPaymentDate,AmountFC",
            filter=f"Timestamp gt {after}L",
        )
    ]


async def _open(office: Office, path: str = PAYABLES) -> list[tuple[int, float]]:
    return [
        (row["EntryNumber"], row["Amount"]) for row in await office.rows(path, select="EntryNumber,Amount")
    ]


async def test_an_entry_opens_a_term_that_is_paid_and_reversed_and_paid_again(office: Office) -> None:
    entry = (await office.book())["EntryID"]
    unpaid = {
        "TransactionEntryID": entry,
        "LineType": 22,
        "Status": 20,
        "IsFullyPaid": False,
        "LastPaymentDate": None,
        "AmountFC": 121.0,
    }
    paid = unpaid | {"Status": 50, "IsFullyPaid": True, "LastPaymentDate": "/Date(1736899200000)/"}
    assert await _terms(office) == [unpaid]
    seen = office.books.stamp
    office.screens.select(office.books, entry)
    assert await _terms(office, seen) == [unpaid | {"Status": 30}]
    seen = office.books.stamp
    assert await _terms(office, seen) == []
    office.screens.pay(office.books, entry)
    assert await _terms(office, seen) == [paid]
    office.screens.reverse(office.books, entry)
    assert await _terms(office, seen) == [unpaid]
    office.screens.pay(office.books, entry, status=40)
    assert await _terms(office, seen) == [paid | {"Status": 40}]


async def test_a_part_splits_the_term(office: Office) -> None:
    entry = (await office.book())["EntryID"]
    office.screens.pay(office.books, entry, Decimal("21.00"))
    terms = sorted((term["AmountFC"], term["IsFullyPaid"]) for term in await _terms(office))
    assert terms == [(21.0, True), (100.0, False)]
    office.screens.pay(office.books, entry, Decimal("100.00"))
    assert all(term["IsFullyPaid"] for term in await _terms(office))


async def test_by_a_switch_a_part_shows_in_the_date_and_in_what_is_open_alone(office: Office) -> None:
    office.exact.settings.partial_splits = False
    entry = await office.book()
    office.screens.process(office.books, entry["EntryID"])
    for paid, left in (("21.00", 100.0), ("40.00", 60.0)):
        office.screens.pay(office.books, entry["EntryID"], Decimal(paid))
        (term,) = await _terms(office)
        assert (term["IsFullyPaid"], term["LastPaymentDate"] is None) == (False, False)
        assert await _open(office) == [(entry["EntryNumber"], left)]
    office.screens.pay(office.books, entry["EntryID"], Decimal("60.00"))
    assert (await _terms(office))[0]["IsFullyPaid"] is True


async def test_the_list_of_open_items_knows_processed_entries_alone(office: Office) -> None:
    entry = await office.book()
    assert await _open(office) == []  # absent, and not paid
    office.screens.process(office.books, entry["EntryID"])
    assert await _open(office) == [(entry["EntryNumber"], 121.0)]
    office.screens.pay(office.books, entry["EntryID"])
    assert await _open(office) == []


async def test_sales_are_receivables(office: Office) -> None:
    sold = await office.made("salesentry/SalesEntries", office.sale())
    bought = await office.book()
    office.screens.process(office.books, sold["EntryID"], bought["EntryID"])
    assert await _open(office, "read/financial/ReceivablesList") == [(sold["EntryNumber"], 121.0)]
    assert [term["LineType"] for term in await _terms(office)] == [20, 22]
    for path, entry in (("cashflow/Receivables", sold), ("cashflow/Payments", bought)):
        rows = await office.rows(path, select="TransactionEntryID", filter="IsFullyPaid eq false")
        assert [row["TransactionEntryID"] for row in rows] == [entry["EntryID"]]
        assert (
            len(await office.rows(f"bulk/Cashflow/{path.split('/')[1]}", select="ID", filter="Status eq 20"))
            == 1
        )


async def test_what_people_booked_by_hand_is_there_too(office: Office) -> None:
    row = office.screens.book(office.books, "purchase", office.purchase())
    office.screens.pay(office.books, row["EntryID"])
    assert [term["TransactionEntryID"] for term in await _terms(office)] == [row["EntryID"]]


async def test_a_deleted_entry_takes_its_term_along(office: Office) -> None:
    entry = await office.book()
    (term,) = office.books.table("terms").all()
    await office.call("DELETE", f"purchaseentry/PurchaseEntries(guid'{entry['EntryID']}')")
    assert await _terms(office) == []
    gone = await office.rows("sync/Deleted", select="EntityType,EntityKey", filter="Timestamp gt 0L")
    assert [(row["EntityType"], row["EntityKey"]) for row in gone] == [(10, term["ID"])]
