"""What Purchase to Pay keeps and what it refuses, rule by rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.sims.p2p_samples import (
    Caller,
    account,
    addresses,
    contact,
    cost_centre,
    cost_type,
    invoice,
    project,
    supplier,
    vat_rate,
    wrong,
)
from tests.sims.p2p import Control

RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("Company", {"externalId": "001", "name": "Een BV"}),
    (
        "Organisation",
        {"externalId": "001", "name": "Een BV", "address": {"reference": "Weg 1", "street": "Weg 1"}},
    ),
    ("CostCentre", cost_centre(translations={"fr": "Achats"})),
    ("CostUnit", {"externalId": "001-1", "number": "D1", "description": "Product"}),
    ("CostType", cost_type("001-1", "4000")),
    ("Project", project()),
    ("VatRate", vat_rate()),
    ("PaymentCondition", {"externalId": "30", "description": "30 dagen", "days": 15}),
    ("Currency", {"externalId": "USD", "code": "USD", "description": "Dollar", "rateToEuro": 0.91}),
    ("Supplier", supplier()),
]

WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("Organisation", {"externalId": "003", "name": "Drie BV"}, "externalId", "company_unknown"),
    (
        "Organisation",
        {"externalId": "001", "name": "Een BV", "address": {"country": "DE"}},
        "address.country",
        "country_not_supported",
    ),
    ("CostCentre", cost_centre(companies=["001", "003"]), "companies.1", "company_unknown"),
    ("CostCentre", cost_centre(externalId="001123"), "externalId", "company_unknown"),
    ("CostCentre", cost_centre(name="K1      "), "name", "string_pattern_mismatch"),
    ("CostCentre", cost_centre(translations={"French": "x"}), "translations.French.[key]", "string_pattern_mismatch"),
    ("Project", project(externalId="003-1"), "externalId", "company_unknown"),
    ("Project", project(active="true"), "active", "bool_type"),
    ("Project", project(colour="red"), "colour", "extra_forbidden"),
    ("Project", {"externalId": "001-1", "number": "1", "active": True}, "description", "missing"),
    ("VatRate", vat_rate(percentage="21"), "percentage", "float_type"),
    ("VatRate", vat_rate(percentage=101), "percentage", "less_than_equal"),
    ("Currency", {"externalId": "1", "code": "USD", "description": "x", "rateToEuro": 1}, "code", "differs_from_id"),
    ("Currency", {"externalId": "USD", "code": "USD", "description": "x", "rateToEuro": 0}, "rateToEuro", "greater_than"),
    ("Supplier", supplier(companyLinks=[]), "companyLinks", "required"),
    ("Supplier", supplier(companyLinks=["003"]), "companyLinks.0", "company_unknown"),
    ("Supplier", supplier(addresses=addresses("VIS", "DEL", "INV")), "addresses", "address_missing"),
    ("Supplier", supplier(addresses=addresses("VIS", "DEL", "POS", "INV", "INV")), "addresses", "address_twice"),
    (
        "Supplier",
        supplier(addresses=[{**each, "type": "VIS"} for each in addresses("VIS", "DEL", "POS", "INV")]),
        "addresses.1.type",
        "differs_from_id",
    ),
    ("Supplier", supplier(website="bouw.example"), "website", "string_pattern_mismatch"),
    ("Supplier", supplier(contacts=[contact("9")]), "contacts", "main_contact_missing"),
    ("Supplier", supplier(contacts=[contact(salutation="Dr")]), "contacts.0.salutation", "literal_error"),
    ("Supplier", supplier(bankAccounts=[account("417164300")]), "bankAccounts.0.accountNumber", "string_pattern_mismatch"),
    ("Supplier", supplier(bankAccounts=[account("NL92ABNA0417164300")]), "bankAccounts.0.accountNumber", "value_error"),
    ("Supplier", supplier(bankAccounts=[account(bankCountry="GB")]), "bankAccounts.0.bankCountry", "value_error"),
    ("Supplier", supplier(bankAccounts=supplier()["bankAccounts"] * 2), "bankAccounts", "id_twice"),
    ("Supplier", supplier(bankAccounts=[]), "defaultBankAccount", "bank_account_unknown"),
    ("Supplier", supplier(defaultCurrency="SEK"), "defaultCurrency", "currency_unknown"),
    ("Supplier", supplier(paymentCondition="99"), "paymentCondition", "payment_condition_unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("entity", "record"), RIGHT, ids=[entity for entity, _ in RIGHT])
async def test_a_right_record_is_kept_and_given_back(
    caller: Caller, entity: str, record: dict[str, Any]
) -> None:
    reply = await caller.update(entity, record)
    assert (reply.status_code, reply.json()) == (200, {"externalId": record["externalId"]})
    items = (await caller.read(entity)).json()["items"]
    (kept,) = [item for item in items if item["externalId"] == record["externalId"]]
    assert {name: kept[name] for name in record if name not in ("address", "bankAccounts", "contacts")} == {
        name: value for name, value in record.items() if name not in ("address", "bankAccounts", "contacts")
    }


async def test_a_wrong_record_is_refused_with_the_field_and_nothing_is_kept(
    caller: Caller, control: Control
) -> None:
    missed = []
    for entity, record, field, code in WRONG:
        reply = await caller.update(entity, record)
        if reply.status_code != 422 or (field, code) not in wrong(reply):
            missed.append((entity, field, code, reply.status_code, reply.text))
    assert missed == []
    assert [entry.effect for entry in await control.journal() if entry.entity != "token"] == ["none"] * len(
        WRONG
    )


async def test_people_make_companies_and_settings(caller: Caller, control: Control) -> None:
    new = {"externalId": "003", "name": "Drie BV"}
    assert (await caller.update("Company", new)).json()["error"]["code"] == "company_unknown"
    for entity in ("AddressType", "SystemSetting", "Invoice", "BookingPeriod"):
        assert (await caller.update(entity, new)).status_code == 403
    await control.keep("Company", new)
    assert (await caller.update("Company", new | {"name": "Drie NV"})).status_code == 200


async def test_nothing_is_kept_before_there_is_a_company(caller: Caller, control: Control) -> None:
    await control.remove("Company", "001")
    await control.remove("Company", "002")
    condition = {"externalId": "30", "description": "30 dagen", "days": 15}
    assert wrong(await caller.update("PaymentCondition", condition)) == {("externalId", "no_company")}


async def test_cost_types_by_account_number_or_by_administration_and_id(
    caller: Caller, control: Control
) -> None:
    combined, plain = cost_type("001-7", "4000"), cost_type("4000", "4000")
    assert wrong(await caller.update("CostType", plain)) == {("externalId", "company_unknown")}
    assert (await caller.update("CostType", combined)).status_code == 200
    await control.setting("EXACTGLOBE_ADMINS_SAME_COSTTYPES", "True")
    assert wrong(await caller.update("CostType", combined)) == {("externalId", "not_the_number")}
    assert (await caller.update("CostType", plain)).status_code == 200


async def test_suppliers_must_be_kept_by_company(caller: Caller, control: Control) -> None:
    await control.setting("DIFFERENT_SUPPLIERS_BY_COMPANY", "No")
    assert ("companyLinks", "suppliers_are_shared") in wrong(await caller.update("Supplier", supplier()))


async def test_an_address_type_must_be_there(caller: Caller, control: Control) -> None:
    await control.remove("AddressType", "POS")
    assert wrong(await caller.update("Supplier", supplier())) == {
        ("addresses.2.type", "address_type_unknown")
    }


async def test_two_active_records_of_a_company_do_not_share_a_number(
    caller: Caller, control: Control
) -> None:
    await caller.update("Project", project())
    other = project(externalId="001-P2")
    refused = await caller.update("Project", other)
    assert (refused.status_code, wrong(refused)) == (409, {("number", "number_in_use")})
    assert (await caller.update("Project", other | {"active": False})).status_code == 200
    assert (await caller.update("Project", project(externalId="002-P1"))).status_code == 200
    assert (await caller.update("Project", project(description="Goot"))).status_code == 200
    await control.set(unique_numbers=False)
    assert (await caller.update("Project", other)).status_code == 200


async def test_an_update_empties_what_it_does_not_name(caller: Caller, control: Control) -> None:
    await caller.update("CostCentre", cost_centre(translations={"fr": "Achats"}))
    record = cost_centre()
    del record["companies"]
    await caller.update("CostCentre", record)
    kept = await control.find("CostCentre", "001-1")
    assert kept is not None
    assert (kept["companies"], kept["translations"]) == ([], {})


async def test_payments_go_with_an_invoice_of_a_company_that_is_selected(
    caller: Caller, control: Control
) -> None:
    payment = {"externalId": "B1", "invoiceExternalId": "I1", "dueDate": "2026-02-01", "amount": 121}
    assert wrong(await caller.update("Payment", payment)) == {("invoiceExternalId", "invoice_unknown")}
    await control.keep("Invoice", invoice(), invoice(externalId="I2", companyNumber="002"))
    assert (await caller.update("Payment", payment)).status_code == 200
    await control.set(invoicing_companies=["002"])
    refused = await caller.update("Payment", payment)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "company_not_selected")
    assert [item["externalId"] for item in (await caller.read("Invoice")).json()["items"]] == ["I2"]
    assert (await caller.read("Invoice", companyExternalId="001")).status_code == 403
    await control.set(invoicing=False)
    assert (await caller.read("Invoice")).json()["error"]["code"] == "module_missing"


async def test_closing_a_period_blocks_its_invoices_and_sends_them_again(
    caller: Caller, control: Control
) -> None:
    final = invoice(externalId="I3", status="final")
    await control.set(clock_skew=-3600)
    await control.keep("Invoice", invoice(), invoice(externalId="I2", reportingDate="2026-02-01"), final)
    await control.set(clock_skew=0)
    since = (datetime.now(UTC) - timedelta(minutes=30)).isoformat()

    async def modified() -> list[tuple[str, str]]:
        items = (await caller.read("Invoice", modifiedSince=since)).json()["items"]
        return [(item["externalId"], item["status"]) for item in items]

    period = {"company": "001", "year": 2026, "period": 1, "closed": True}
    assert await modified() == []
    await control.keep("BookingPeriod", period)
    assert await modified() == [("I1", "matchingBlocked")]
    await control.keep("BookingPeriod", period | {"closed": False})
    assert await modified() == [("I1", "matching")]


async def test_a_user_is_written_as_the_public_trace_does(caller: Caller, control: Control) -> None:
    user = {
        "externalID": "7", "firstName": "Anna", "surName": "Smit", "loginName": "anna", "password": "geheim",
        "passwordMustChange": True, "status": "active", "profileUserExternalId": "1",
    }  # fmt: skip
    reply = await caller.update("User", user)
    assert (reply.status_code, reply.json()) == (200, {"externalId": "7"})
    assert (await caller.read("User")).status_code == 404
    assert "geheim" not in str(await control.all("User")) + str(await control.journal())
