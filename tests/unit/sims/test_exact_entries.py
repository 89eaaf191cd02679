"""What booking demands and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sims.exact_online import Settings, fill
from tests.unit.sims.office import Office

PURCHASE = "purchaseentry/PurchaseEntries"
SALES = "salesentry/SalesEntries"
NOBODY = "00000000-0000-0000-0000-000000000000"
HEADER_FIELDS = {
    "YourRef": "PO-1",
    "PaymentReference": "RF18539007547034",
    "ExternalLinkReference": "https://hub.example/i/1",
    "ExternalLinkDescription": "Factuur",
}
LINE_FIELDS = {
    "From": "2025-01-01",
    "To": "2025-03-31",
    "SerialNumber": "SN-1",
    "TrackingNumber": "",
    "Notes": "Met dank",
    "IntraStatCountry": "DE",
    "StatisticalValue": 12.5,
    "StatisticalQuantity": 3.0,
    "StatisticalNumber": "84713000",
    "StatisticalNetWeight": 1.25,
    "IntraStatTransactionA": "1",
    "IntraStatTransactionB": "1",
    "IntraStatTransportMethod": "3",
    "IntraStatDeliveryTerm": "DAP",
}
SHOWN = {"From": "/Date(1735689600000)/", "To": "/Date(1743379200000)/"}


async def test_a_booked_entry_has_an_id_a_number_and_totals(office: Office) -> None:
    entry = await office.book(office.line(AmountFC="100.00"), office.line(AmountFC="50.00", VATCode="1"))
    assert (entry["AmountFC"], entry["VATAmountFC"]) == (175.5, 25.5)
    assert (entry["AmountDC"], entry["VATAmountDC"]) == (175.5, 25.5)
    assert (entry["Type"], entry["Status"], entry["Currency"]) == (30, 20, "EUR")
    assert (entry["ReportingYear"], entry["ReportingPeriod"]) == (2025, 1)
    assert entry["EntryNumber"] == 25_000_001
    second = await office.book()
    assert (second["EntryNumber"], second["EntryID"] == entry["EntryID"]) == (25_000_002, False)
    rows = await office.rows(
        PURCHASE, select="EntryID", filter=f"YourRef eq 'F-1' and Supplier eq guid'{office.supplier}'"
    )
    assert [row["EntryID"] for row in rows] == [
        entry["EntryID"],
        second["EntryID"],
    ]  # nothing stops a second one


async def test_due_date_comes_of_the_condition_unless_given(office: Office) -> None:
    entry = await office.book(PaymentCondition="30", EntryDate="2025-01-10")
    assert entry["DueDate"] == "/Date(1739059200000)/"
    entry = await office.book(PaymentCondition="30", DueDate="2025-01-31")
    assert entry["DueDate"] == "/Date(1738281600000)/"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"Journal": None}, "Mandatory: Journal."),
        ({"Supplier": None}, "Mandatory: Supplier."),
        ({"PurchaseEntryLines": None}, "Mandatory: PurchaseEntryLines."),
        ({"PurchaseEntryLines": []}, "Mandatory: PurchaseEntryLines."),
        ({"PurchaseEntryLines": ["x"]}, "PurchaseEntryLines: a line is an object."),
        ({"Journal": "61"}, "Journal: there is no 61 in the division."),
        ({"Journal": "70"}, "Journal: 70 is no journal for these entries."),
        ({"Supplier": NOBODY}, "Supplier: there is none with this id in the division."),
        ({"Supplier": "customer"}, "Supplier: this account is none."),
        ({"Type": 20}, "Type is 30 or 31."),
        ({"Document": NOBODY}, "Document: there is none with this id in the division."),
        ({"PaymentCondition": "99"}, "PaymentCondition: there is no 99 in the division."),
        ({"Currency": "GBP"}, "Currency: the division does not use GBP."),
        ({"Rate": 2}, "Rate: 1 for the division's own currency."),
        ({"EntryDate": "10-01-2025"}, "EntryDate: expected a date, ISO 8601."),
        ({"EntryDate": "2019-12-31"}, "Period 2019/12 is closed."),
        ({"ReportingYear": 2019, "ReportingPeriod": 12}, "Period 2019/12 is closed."),
        ({"ReportingPeriod": 13}, "ReportingPeriod is 1 to 12."),
        ({"YourRef": "F" * 31}, "YourRef: expected text of at most 30 characters."),
        ({"EntryNumber": 1}, "EntryNumber is read only."),
        ({"Status": 50}, "Status is read only."),
        ({"Notes": "x"}, "purchaseentry/PurchaseEntries has no property Notes."),
        ({"ExternalLinkReference": "F-1"}, "ExternalLinkReference is an address."),
    ],
    ids=lambda each: str(each)[:40],
)
async def test_a_header_that_is_not_right_is_refused(
    office: Office, changed: dict[str, Any], why: str
) -> None:
    if changed.get("Supplier") == "customer":
        changed = {"Supplier": office.customer}
    assert await office.refused(office.purchase(**changed)) == why


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"AmountFC": None}, "Mandatory: AmountFC."),
        ({"GLAccount": None}, "Mandatory: GLAccount."),
        ({"AmountFC": 0.1 + 0.2}, "AmountFC: expected a number with at most 2 decimals."),
        ({"AmountFC": "1,00"}, "AmountFC: expected a number with at most 2 decimals."),
        ({"AmountFC": True}, "AmountFC: expected a number with at most 2 decimals."),
        ({"GLAccount": NOBODY}, "GLAccount: there is none with this id in the division."),
        ({"GLAccount": "blocked"}, "GLAccount: 4999 is blocked."),
        ({"VATCode": "77"}, "VATCode: there is no 77 in the division."),
        ({"VATCode": "9"}, "VATCode: 9 is blocked."),
        ({"VATCode": "4"}, "VATCode: 4 is not for these entries."),
        ({"VATPercentage": 0.09}, "VATPercentage is not that of the VAT code."),
        ({"VATAmountFC": 22.01}, "VATAmountFC: 22.01 is too far from 21.00."),
        ({"VATCode": "0", "VATAmountFC": 0.01}, "VATAmountFC: 0.01 is too far from 0.00."),
        ({"CostCenter": "ZUID"}, "CostCenter: there is no ZUID in the division."),
        ({"CostUnit": "ZUID"}, "CostUnit: there is no ZUID in the division."),
        ({"Project": NOBODY}, "Project: there is none with this id in the division."),
        ({"SerialNumber": "SN-9"}, "SerialNumber: there is no SN-9 in the division."),
        ({"TrackingNumber": NOBODY}, "TrackingNumber: there is none with this id in the division."),
        ({"TrackingNumber": "TN-1"}, "TrackingNumber: expected a GUID."),
        ({"From": "2025-01-01"}, "From and To: both, and in this order."),
        ({"From": "2025-02-01", "To": "2025-01-01"}, "From and To: both, and in this order."),
        ({"IntraStatTransactionB": "1"}, "IntraStatTransactionB does not exist in NL."),
        ({"YourRef": "x"}, "purchaseentry/PurchaseEntryLines has no property YourRef."),
    ],
    ids=lambda each: str(each)[:40],
)
async def test_a_line_that_is_not_right_is_refused(office: Office, changed: dict[str, Any], why: str) -> None:
    if changed.get("GLAccount") == "blocked":
        changed = {"GLAccount": fill.ledger(office.books, fill.BLOCKED)}
    good = office.line()
    assert await office.refused(office.purchase(good, office.line(**changed))) == why


async def test_amounts_may_be_text_or_numbers_and_lose_no_cent(office: Office) -> None:
    for amount in ("0.30", 0.3):
        entry = await office.book(office.line(AmountFC=amount, VATCode="0"))
        assert entry["AmountFC"] == 0.3


async def test_vat_comes_of_the_ledger_account_and_may_deviate_a_little(office: Office) -> None:
    assert (await office.book(office.line(VATCode=None)))["VATAmountFC"] == 21.0
    assert (await office.book(office.line(VATAmountFC="21.99")))["AmountFC"] == 121.99
    inclusive = await office.book(office.line(AmountFC="121.00", VATCode="3"))
    assert (inclusive["AmountFC"], inclusive["VATAmountFC"]) == (121.0, 21.0)
    padded = await office.book(office.line(VATCode="1  "))
    assert padded["VATAmountFC"] == 9.0


async def test_another_currency_has_a_rate(office: Office) -> None:
    entry = await office.book(Currency="USD")
    assert (entry["Rate"], entry["AmountFC"], entry["AmountDC"]) == (0.9, 121.0, 108.9)
    entry = await office.book(Currency="USD", Rate="0.5")
    assert entry["AmountDC"] == 60.5


async def test_a_credit_note_is_a_type_of_its_own(office: Office) -> None:
    entry = await office.book(office.line(AmountFC="-100.00"), Type=31)
    assert (entry["Type"], entry["AmountFC"]) == (31, -121.0)


async def test_a_document_must_be_of_the_right_type(office: Office) -> None:
    made = {
        kind: await office.made("documents/Documents", {"Subject": "x", "Type": kind}) for kind in (10, 20)
    }
    why = await office.refused(office.purchase(Document=made[10]["ID"]))
    assert why == "Document: of type 10, 20 is needed."
    assert (await office.book(Document=made[20]["ID"]))["Document"] == made[20]["ID"]
    why = await office.refused(office.sale(Document=made[20]["ID"]), SALES)
    assert why == "Document: of type 20, 10 is needed."


async def test_a_blocked_supplier_and_a_period_closed_since(office: Office) -> None:
    office.screens.block(office.books, office.supplier)
    assert await office.refused(office.purchase()) == "Supplier: this account is blocked."
    office.screens.block(office.books, office.supplier, blocked=False)
    office.screens.close_period(office.books, 2025, 1)
    assert await office.refused(office.purchase()) == "Period 2025/1 is closed."
    assert (await office.book(EntryDate="2025-02-01"))["ReportingPeriod"] == 2
    office.screens.open_period(office.books, 2025, 1)
    await office.book()


@pytest.mark.parametrize("path", [PURCHASE, SALES])
async def test_all_eighteen_fields_are_there_on_both_kinds(path: str) -> None:
    async with Office(country="BE") as office:
        tracking = office.books.by_code("tracking_numbers", "TN-1", "")["ID"]
        fields = LINE_FIELDS | {"TrackingNumber": tracking}
        body = (
            office.purchase(office.line(**fields), **HEADER_FIELDS)
            if path == PURCHASE
            else office.sale(office.line(**fields, GLAccount=office.revenue), **HEADER_FIELDS)
        )
        assert len(HEADER_FIELDS) + len(LINE_FIELDS) == 18
        made = await office.made(path, body)
        assert {name: made[name] for name in HEADER_FIELDS} == HEADER_FIELDS
        nested = "PurchaseEntryLines" if path == PURCHASE else "SalesEntryLines"
        reply = await office.get(f"{path}(guid'{made['EntryID']}')", expand=nested)
        (line,) = reply.json()["d"][nested]["results"]
        assert {name: line[name] for name in fields} == fields | SHOWN


async def test_a_sales_entry_wants_a_customer_a_sales_journal_and_sales_vat(office: Office) -> None:
    made = await office.made(SALES, office.sale())
    assert (made["Type"], made["AmountFC"]) == (20, 121.0)
    assert (
        await office.refused(office.sale(Customer=office.supplier), SALES)
        == "Customer: this account is none."
    )
    assert await office.refused(office.sale(Customer=None), SALES) == "Mandatory: Customer."
    assert (
        await office.refused(office.sale(Journal="60"), SALES)
        == "Journal: 60 is no journal for these entries."
    )
    assert await office.refused(office.sale(Type=30), SALES) == "Type is 20 or 21."
    line = office.line(GLAccount=office.revenue, VATCode="3")
    assert await office.refused(office.sale(line), SALES) == "VATCode: 3 is not for these entries."


async def test_somebody_processes_edits_and_deletes(office: Office) -> None:
    entry = (await office.book())["EntryID"]
    one = f"{PURCHASE}(guid'{entry}')"
    office.screens.change_entry(office.books, entry, YourRef="F-2")
    assert (await office.get(one, select="YourRef")).json()["d"]["YourRef"] == "F-2"
    assert len(await office.rows(PURCHASE, select="EntryID", filter="YourRef eq 'F-2'")) == 1
    assert await office.rows(PURCHASE, select="EntryID", filter="YourRef eq 'F-1'") == []
    office.screens.process(office.books, entry)
    assert (await office.get(one, select="Status")).json()["d"]["Status"] == 50
    assert (await office.call("DELETE", one)).status_code == 400
    office.screens.process(office.books, entry, status=20)
    assert (await office.call("DELETE", one)).status_code == 204
    assert (await office.get(one, select="Status")).status_code == 404
    assert [len(office.books.table(name)) for name in ("terms", "purchase_lines")] == [0, 0]


async def test_by_a_switch_entries_are_processed_at_once() -> None:
    async with Office(Settings(processed_at_once=True)) as office:
        assert (await office.book())["Status"] == 50
