"""What Purchase to Pay holds a record against before it keeps it. Each rule names where it is from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tests.sims.p2p.entities import Entity, company_of
from tests.sims.p2p.errors import Finding, Refused
from tests.sims.p2p.settings import Settings
from tests.sims.p2p.storage import Storage

SAME_COSTTYPES = "EXACTGLOBE_ADMINS_SAME_COSTTYPES"
SEPARATE_SUPPLIERS = "DIFFERENT_SUPPLIERS_BY_COMPANY"
ADDRESS_TYPES = ("VIS", "DEL", "POS", "INV")

_COMBINED = ("CostCentre", "CostUnit", "Project", "VatRate")


def check(entity: Entity, record: dict[str, Any], storage: Storage, settings: Settings) -> list[str]:
    """The companies the record belongs to. Raises ``Refused`` with 409 or 422."""
    known = storage.keys("Company")
    findings = [*_findings(entity, record, storage, known)]
    if findings:
        raise Refused(422, "invalid", "The record was not kept: see details.", findings)
    if entity.name == "Payment":
        return _of_its_invoice(record, storage, settings)
    companies = entity.companies(record, known)
    _number_is_free(entity, record, companies, storage, settings)
    return companies


def _findings(entity: Entity, record: dict[str, Any], storage: Storage, known: set[str]) -> Iterator[Finding]:
    if not known:
        # R215: before any other data can be synced the administration must be there as a company.
        yield Finding("externalId", "no_company", "No company has been made yet.")
        return
    if entity.name in _COMBINED and company_of(record["externalId"], known) is None:
        yield _no_company("externalId", record["externalId"])
    if entity.name == "Organisation" and record["externalId"] not in known:
        yield _no_company("externalId", record["externalId"])
    if entity.name == "Organisation" and (record["address"] or {}).get("country") not in (None, "NL", "BE"):
        # R201.9.
        yield Finding("address.country", "country_not_supported", "Dutch and Belgian legislation only.")
    if entity.name == "CostType":
        yield from _cost_type(record, storage, known)
    if entity.name == "CostCentre":
        for place, company in enumerate(record["companies"]):
            if company not in known:
                yield _no_company(f"companies.{place}", company)
    if entity.name == "Currency" and record["externalId"] != record["code"]:
        # M-XR1: one field of Globe fills both.
        yield Finding("code", "differs_from_id", "The code of a currency is its identification number.")
    if entity.name == "Supplier":
        yield from _supplier(record, storage, known)


def _cost_type(record: dict[str, Any], storage: Storage, known: set[str]) -> Iterator[Finding]:
    """R218."""
    if _is(storage, SAME_COSTTYPES, "True"):
        if record["externalId"] != record["number"]:
            yield Finding(
                "externalId", "not_the_number", f"{SAME_COSTTYPES} is True: it must be the account number."
            )
    elif company_of(record["externalId"], known) is None:
        yield _no_company("externalId", record["externalId"])


def _supplier(record: dict[str, Any], storage: Storage, known: set[str]) -> Iterator[Finding]:
    if not _is(storage, SEPARATE_SUPPLIERS, "Yes"):
        # R216.
        yield Finding("companyLinks", "suppliers_are_shared", "Suppliers are not kept by company here.")
    if not record["companyLinks"]:
        # M-S14.
        yield Finding("companyLinks", "required", "A supplier is linked to a company.")
    for place, company in enumerate(record["companyLinks"]):
        if company not in known:
            yield _no_company(f"companyLinks.{place}", company)
    # M-S21: each of the four, once (several of one id are advised against: here they are refused).
    ids = Counter(address["externalId"] for address in record["addresses"])
    for kind in ADDRESS_TYPES:
        if ids[kind] != 1:
            yield Finding(
                "addresses", "address_missing" if not ids[kind] else "address_twice", f"One address {kind}."
            )
    types = storage.keys("AddressType")
    for place, address in enumerate(record["addresses"]):
        if address["externalId"] not in ADDRESS_TYPES:
            yield Finding(
                f"addresses.{place}.externalId", "address_id", f"One of {', '.join(ADDRESS_TYPES)}."
            )
        if address["type"] != address["externalId"]:
            # M-S22, R220.
            yield Finding(
                f"addresses.{place}.type", "differs_from_id", "The type is the identification number."
            )
        elif address["type"] not in types:
            # R219.
            yield Finding(
                f"addresses.{place}.type", "address_type_unknown", f"No address type {address['type']}."
            )
    yield from _twice("bankAccounts", record["bankAccounts"])  # M-S16
    yield from _twice("contacts", record["contacts"])
    if record["contacts"] and all(
        contact["externalId"] != record["externalId"] for contact in record["contacts"]
    ):
        # M-S30.
        yield Finding(
            "contacts", "main_contact_missing", "One contact carries the supplier's identification number."
        )
    accounts = {account["accountNumber"] for account in record["bankAccounts"]}
    if record["defaultBankAccount"] is not None and record["defaultBankAccount"] not in accounts:
        yield Finding("defaultBankAccount", "bank_account_unknown", "It is none of bankAccounts.")
    if record["defaultCurrency"] is not None and storage.get("Currency", record["defaultCurrency"]) is None:
        yield Finding("defaultCurrency", "currency_unknown", f"No currency {record['defaultCurrency']}.")
    condition = record["paymentCondition"]
    if condition is not None and storage.get("PaymentCondition", condition) is None:
        yield Finding("paymentCondition", "payment_condition_unknown", f"No payment condition {condition}.")


def _twice(name: str, parts: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    for key, times in Counter(part["externalId"] for part in parts).items():
        if times > 1:
            yield Finding(name, "id_twice", f"{key} stands there {times} times.")


def _of_its_invoice(record: dict[str, Any], storage: Storage, settings: Settings) -> list[str]:
    invoice = storage.get("Invoice", record["invoiceExternalId"])
    if invoice is None:
        finding = Finding(
            "invoiceExternalId", "invoice_unknown", f"No invoice {record['invoiceExternalId']}."
        )
        raise Refused(422, "invalid", "The record was not kept: see details.", [finding])
    company = invoice["companyNumber"]
    may_invoice(company, settings)
    return [company]


def may_invoice(company: str, settings: Settings) -> None:
    """R217: the administrations concerned are selected for the API user."""
    if settings.invoicing_companies is not None and company not in settings.invoicing_companies:
        raise Refused(
            403, "company_not_selected", f"Invoicing: company {company} is not selected for this user."
        )


def _number_is_free(
    entity: Entity, record: dict[str, Any], companies: list[str], storage: Storage, settings: Settings
) -> None:
    if (
        entity.number is None
        or not settings.unique_numbers
        or not record.get("active", True)
        or not companies
    ):
        return
    number = record[entity.number]
    holder = storage.holder(entity.name, number, companies, entity.key(record))
    if holder is not None:
        finding = Finding(entity.number, "number_in_use", f"{number} is {holder}.")
        raise Refused(409, "number_in_use", f"{entity.name} {holder} has this number.", [finding])


def _is(storage: Storage, setting: str, value: str) -> bool:
    found = storage.get("SystemSetting", setting)
    return found is not None and found["value"] == value


def _no_company(field: str, value: str) -> Finding:
    return Finding(field, "company_unknown", f"No company for {value}: make it in Bedrijven first.")
