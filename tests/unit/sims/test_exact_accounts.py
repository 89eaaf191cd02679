"""Suppliers, customers, bank accounts, documents and attachments; master data."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.unit.sims.office import Office, said

ACCOUNTS = "crm/Accounts"
PDF = b"%PDF-1.7 invoice"


async def test_a_code_has_18_characters_with_blanks_before_it(office: Office) -> None:
    (row,) = await office.rows(ACCOUNTS, select="Code", filter=f"ID eq guid'{office.supplier}'")
    assert row["Code"] == " " * 16 + "10"
    assert await office.rows(ACCOUNTS, select="ID", filter="Code eq '10'") == []
    assert len(await office.rows(ACCOUNTS, select="ID", filter=f"Code eq '{'10':>18}'")) == 1


@pytest.mark.parametrize(
    "text", ["ChamberOfCommerce eq '68750110'", "VATNumber eq 'NL002455799B11'", "Name eq 'Leverancier BV'"]
)
async def test_a_supplier_is_found_by_what_it_is_known_by(office: Office, text: str) -> None:
    (row,) = await office.rows(ACCOUNTS, select="ID,IsSupplier,Blocked", filter=text)
    assert (row["ID"], row["IsSupplier"], row["Blocked"]) == (office.supplier, True, False)


async def test_a_new_supplier_gets_a_free_code_and_defaults(office: Office) -> None:
    for _ in range(10):
        made = await office.made(ACCOUNTS, {"Name": "Nieuw BV", "IsSupplier": True})
        assert len(made["Code"]) == 18
    codes = [row["Code"] for row in office.books.table("accounts").all()]
    assert len(codes) == len(set(codes))
    assert (made["Status"], made["Blocked"], made["Country"]) == ("A", False, "NL")
    own = await office.made(ACCOUNTS, {"Name": "Eigen BV", "Code": "ABC"})
    assert own["Code"] == "ABC".rjust(18)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"IsSupplier": True}, "Mandatory: Name."),
        ({"Name": ""}, "Mandatory: Name."),
        ({"Name": "A", "Code": "10"}, "Code: another account has it already."),
        ({"Name": "A", "Code": "1" * 19}, "Code: expected a code of at most 18 characters."),
        ({"Name": "A" * 51}, "Name: expected text of at most 50 characters."),
        ({"Name": "A\x00"}, "Name: expected text of at most 50 characters."),
        ({"Name": "A", "Status": "X"}, "Status is A, S, P or C."),
        ({"Name": "A", "Nothing": 1}, "crm/Accounts has no property Nothing."),
        ({"Name": "A", "ID": "x"}, "ID is read only."),
        ({"Name": "A", "IsSupplier": 1}, "IsSupplier: expected true or false."),
        ({"Name": "A", "PaymentConditionPurchase": "99"}, "PaymentConditionPurchase: there is no 99"),
        ({"Name": "A", "PurchaseVATCode": "77"}, "PurchaseVATCode: there is no 77"),
        (["A"], "The body is not a JSON object."),
    ],
    ids=lambda each: str(each)[:40],
)
async def test_an_account_that_is_not_right_is_refused(office: Office, body: Any, why: str) -> None:
    reply = await office.post(ACCOUNTS, body)
    assert (reply.status_code, said(reply)[: len(why)]) == (400, why)
    assert len(office.books.table("accounts")) == 2


async def test_a_body_is_json_and_says_so(office: Office) -> None:
    assert (
        await office.post(ACCOUNTS, {"Name": "A"}, headers={"Content-Type": "text/plain"})
    ).status_code == 415
    reply = await office.http.post(
        f"/api/v1/100/{ACCOUNTS}",
        content=b'{"Name": NaN}',
        headers={
            "Authorization": f"Bearer {office.token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        },
    )
    assert (reply.status_code, said(reply)) == (400, "The body is not JSON.")


async def test_what_was_made_is_shown_to_who_prefers_it(office: Office) -> None:
    reply = await office.post(ACCOUNTS, {"Name": "A"}, headers={"Prefer": ""})
    assert (reply.status_code, reply.content) == (201, b"")
    assert len(office.books.table("accounts")) == 3


async def test_changing_and_deleting_answer_204_and_sync_hears_of_both(office: Office) -> None:
    one = f"{ACCOUNTS}(guid'{office.supplier}')"
    before = office.books.stamp
    reply = await office.call("PUT", one, {"Email": "a@example.org"})
    assert (reply.status_code, reply.content) == (204, b"")
    since = f"Timestamp gt {before}L"
    (row,) = await office.rows("sync/CRM/Accounts", select="ID,Email,Timestamp", filter=since)
    assert (row["ID"], row["Email"]) == (office.supplier, "a@example.org")
    assert (await office.call("DELETE", one)).status_code == 204
    assert (await office.get(one, select="ID")).status_code == 404
    (gone,) = await office.rows("sync/Deleted", select="EntityType,EntityKey", filter=since)
    assert (gone["EntityType"], gone["EntityKey"]) == (2, office.supplier)
    assert (await office.call("PUT", one, {"Email": "b@example.org"})).status_code == 404


async def test_a_bank_account_leads_to_its_supplier(office: Office) -> None:
    body = {"Account": office.supplier, "BankAccount": "NL91 ABNA 0417 1643 00"}
    assert (await office.made("crm/BankAccounts", body))["IBAN"] == "NL91ABNA0417164300"
    (row,) = await office.rows("crm/BankAccounts", select="Account", filter="IBAN eq 'NL91ABNA0417164300'")
    assert row["Account"] == office.supplier
    unknown = {**body, "Account": "00000000-0000-0000-0000-000000000000"}
    assert (await office.post("crm/BankAccounts", unknown)).status_code == 400


async def test_vat_codes_have_three_characters_with_blanks_behind(office: Office) -> None:
    (row,) = await office.rows("vat/VATCodes", select="Code,Percentage,Type", filter="Code eq '2  '")
    assert (row["Code"], row["Percentage"], row["Type"]) == ("2  ", 0.21, "E")
    assert await office.rows("vat/VATCodes", select="Code", filter="Code eq '2'") == []


async def test_journals_conditions_and_costs_can_be_read(office: Office) -> None:
    (journal,) = await office.rows("financial/Journals", select="Code", filter="Type eq 22")
    assert journal["Code"] == "60"
    (condition,) = await office.rows(
        "cashflow/PaymentConditions", select="PaymentDays", filter="Code eq '30'"
    )
    assert condition["PaymentDays"] == 30
    for path in ("hrm/Costcenters", "hrm/Costunits"):
        assert [row["Code"] for row in await office.rows(path, select="Code")] == ["NOORD"]
    for path, code in (
        ("project/Projects", "P1"),
        ("inventory/SerialNumbers", "SN-1"),
        ("inventory/TrackingNumbers", "TN-1"),
    ):
        assert len(await office.rows(path, select="ID", filter=f"Code eq '{code}'")) == 1


async def _document(office: Office, **changed: Any) -> dict[str, Any]:
    return await office.made("documents/Documents", {"Subject": "F-1", "Type": 20, **changed})


async def test_a_document_takes_files_and_gives_them_back(office: Office) -> None:
    document = await _document(office, Account=office.supplier)
    assert document["DocumentDate"] == "/Date(1736899200000)/"
    made = await office.made(
        "documents/DocumentAttachments",
        {"Document": document["ID"], "FileName": "F-1.pdf", "Attachment": base64.b64encode(PDF).decode()},
    )
    assert (made["FileSize"], made["Attachment"]) == (len(PDF), None)
    found = await office.http.get(made["Url"], headers={"Authorization": f"Bearer {office.token}"})
    assert found.content == PDF
    assert (await office.http.get(made["Url"])).status_code == 401
    rows = await office.rows(
        "documents/DocumentAttachments", select="FileName", filter=f"Document eq guid'{document['ID']}'"
    )
    assert [row["FileName"] for row in rows] == ["F-1.pdf"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"Type": 20}, "Mandatory: Subject."),
        ({"Subject": "F-1"}, "Mandatory: Type."),
        ({"Subject": "F-1", "Type": 21}, "Type: there is no document type 21."),
        ({"Subject": "F-1", "Type": 20, "Account": "7"}, "Account: expected a GUID."),
    ],
)
async def test_a_document_that_is_not_right_is_refused(
    office: Office, body: dict[str, Any], why: str
) -> None:
    reply = await office.post("documents/Documents", body)
    assert (reply.status_code, said(reply)) == (400, why)


async def test_an_attachment_is_base64_of_a_document_there_is_and_not_too_large(office: Office) -> None:
    document = await _document(office)
    office.exact.settings.attachment_bytes = 10
    good = {
        "Document": document["ID"],
        "FileName": "a.pdf",
        "Attachment": base64.b64encode(b"0123456789").decode(),
    }
    too_large = base64.b64encode(b"01234567890").decode()
    path = "documents/DocumentAttachments"
    for changed, why in (
        ({"Attachment": too_large}, "Attachment: the file is too large."),
        ({"Attachment": "%%%"}, "Attachment is not base64."),
        ({"Document": office.supplier}, "Document: there is none with this id in the division."),
        ({"FileName": None}, "Mandatory: FileName."),
    ):
        reply = await office.post(path, good | changed)
        assert (reply.status_code, said(reply)) == (400, why)
    assert (await office.post(path, good)).status_code == 201


async def test_a_code_that_was_given_up_is_free_again(office: Office) -> None:
    one = f"{ACCOUNTS}(guid'{office.supplier}')"
    assert (await office.call("PUT", one, {"Code": "10", "Email": "a@example.org"})).status_code == 204
    assert (await office.post(ACCOUNTS, {"Name": "A", "Code": "10"})).status_code == 400
    assert (await office.call("PUT", one, {"Code": "99"})).status_code == 204
    assert (await office.post(ACCOUNTS, {"Name": "A", "Code": "10"})).status_code == 201
    assert (await office.post(ACCOUNTS, {"Name": "A", "Code": "99"})).status_code == 400
