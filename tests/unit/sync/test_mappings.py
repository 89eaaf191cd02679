"""Every row of the mapping tables of requirements B6, from Globe+ to Purchase to Pay: a value in, a value out."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.sync import payloads
from services.sync.mappings import BY_NAME, KINDS
from services.sync.mappings.field import Name, Row, Scope, compose

TODAY = date(2026, 3, 2)
SCOPE = Scope("001", TODAY)
IBAN, OTHER = "NL91ABNA0417164300", "NL20INGB0001234567"

LANGUAGES = {"oms25_1": "Sales", "oms25_2": " ", "oms25_3": "Ventes", "oms25_4": None}
BANK: Row = {"ID": 7, "Code": "ABN", "accncd": "IBA", "BankName": "ABN", "BICCode": "ABNANL2A", "IBAN": IBAN}
GIRO: Row = {
    "ID": 11,
    "Code": "ING",
    "accncd": "IBA",
    "BankName": "ING",
    "BICCode": "INGBNL2A",
    "IBAN": OTHER,
}
CASH: Row = {"ID": 3, "accncd": "", "BankName": "Kas", "BICCode": "", "IBAN": ""}

SAMPLES: dict[Name, Row] = {
    "cost_centre": {"ID": 42, "kstplcode": "VERK ", "oms25": "Verkoop", "Enabled": 1, **LANGUAGES},
    "cost_unit": {"ID": 43, "kstdrcode": "AUTO", "oms25": "Auto's", **LANGUAGES},
    "gl_account": {"ID": 44, "reknr": "     4000", "oms25": "Huisvesting", "Blocked": 0, **LANGUAGES},
    "project": {"ID": 45, "ProjectNr": "P1", "Description": "Nieuwbouw", "Status": "A"},
    "vat_code": {
        "ID": 46,
        "btwtrans": "21 ",
        "Description": "Btw hoog",
        "Percentage": "21.00",
        "exclus": "E",
        "Description_3": "TVA",
    },
    "payment_condition": {
        "ID": 47,
        "betcond": "30",
        "oms30": "30 dagen",
        "kbdagen": 8,
        "termijn": 30,
        "oms30_1": "30 days",
    },
    "organisation": {
        "bedrnr": "001",
        "bedrnm": "Molen BV",
        "VATNumber": "NL001234567B01",
        "ChamberofCommerceNumber": "58070036",
        "BankAccount": "",
        "Phone": "010-1",
        "Fax": "010-2",
        "AddressLine1": "Dam 1",
        "Postcode": "1012 JS",
        "City": "Amsterdam",
        "StateCode": "NH",
        "Country": "NL",
        "instruments": [GIRO, BANK, CASH],
    },
    "company": {
        "bedrnr": "001",
        "bedrnm": "Molen BV",
        "BankAccount": None,
        "instruments": [GIRO, BANK, CASH],
    },
    "currency": {
        "valcode": "USD",
        "oms30": "Dollar",
        "rates": [
            {"date_l": TODAY + timedelta(days), "rate_exchange": rate}
            for days, rate in ((-1, "0.91"), (0, "0.92"), (1, "0.93"))
        ],
    },
    "supplier": {
        "crdcode": "    60010",
        "cmp_name": "Bakker BV",
        "cmp_status": "A",
        "cmp_web": "bakker.example",
        "DunsNumber": "123456789",
        "Phone": "020-1",
        "Fax": "020-2",
        "cmp_e_mail": "info@bakker.example",
        "Note": "Levert dagelijks",
        "Currency": "EUR",
        "ChamberofCommerceNumber": "33031431",
        "VATNumber": "NL002455799B11",
        "PaymentCondition": "30",
        "BankAccount": IBAN,
        "accounts": [
            {"IBAN": "NL91 ABNA 0417 1643 00", "accncd": "BE", "naam": "ABN AMRO", "swiftadres": "ABNANL2A"},
            {"IBAN": OTHER, "accncd": "IBA", "naam": "ING", "swiftadres": ""},
        ],
        "addresses": [
            {
                "Type": "VIS",
                "AddressLine1": "Markt 2",
                "Postcode": "3011",
                "City": "Rotterdam",
                "Country": "NL",
            },
            {"Type": "VIS", "AddressLine1": "elsewhere"},
            {"Type": "ABC", "AddressLine1": "own type"},
            *(
                {
                    "Type": kind,
                    "AddressLine1": "Dam 1",
                    "Postcode": "1012",
                    "City": "Amsterdam",
                    "Country": "NL",
                }
                for kind in ("DEL", "POS", "INV")
            ),
        ],
        "contacts": [
            {
                "cnt_id": "c-1",
                "MainContact": 1,
                "predcode": "MEVR",
                "FirstName": "Anna",
                "MiddleName": "de",
                "LastName": "Bakker",
                "FullName": "Anna de Bakker",
                "cnt_job_desc": "Directeur",
                "cnt_f_tel": "020-3",
                "FaxNumber": "020-4",
                "MobileNumber": "06-1",
                "cnt_email": "anna@bakker.example",
            },
            {"cnt_id": "c-2", "MainContact": 0, "predcode": "ING.", "LastName": "Smit"},
        ],
    },
}

ROWS: list[tuple[str, Name, str, Any]] = [
    ("M-CC1", "cost_centre", "externalId", "001-42"),
    ("M-CC2", "cost_centre", "groupName", "Verkoop"),
    ("M-CC3", "cost_centre", "description", "Verkoop"),
    ("M-CC4", "cost_centre", "name", "VERK"),
    ("M-CC5", "cost_centre", "active", True),
    ("M-CC6", "cost_centre", "translations", {"en": "Sales", "fr": "Ventes"}),
    ("M-CU1", "cost_unit", "externalId", "001-43"),
    ("M-CU2", "cost_unit", "number", "AUTO"),
    ("M-CU3", "cost_unit", "description", "Auto's"),
    ("M-CU4", "cost_unit", "translations", {"en": "Sales", "fr": "Ventes"}),
    ("M-GL1", "gl_account", "externalId", "001-44"),
    ("M-GL2", "gl_account", "number", "4000"),
    ("M-GL3", "gl_account", "description", "Huisvesting"),
    ("M-GL4", "gl_account", "translations", {"en": "Sales", "fr": "Ventes"}),
    ("M-GL5", "gl_account", "active", True),
    ("M-PR1", "project", "externalId", "001-45"),
    ("M-PR2", "project", "number", "P1"),
    ("M-PR3", "project", "description", "Nieuwbouw"),
    ("M-PR4", "project", "active", True),
    ("M-VT1", "vat_code", "externalId", "001-21"),
    ("M-VT2", "vat_code", "description", "Btw hoog"),
    ("M-VT3", "vat_code", "percentage", 21),
    ("M-VT4", "vat_code", "translations", {"fr": "TVA"}),
    ("M-PC1", "payment_condition", "externalId", "30"),
    ("M-PC2", "payment_condition", "description", "30 dagen"),
    ("M-PC3", "payment_condition", "days", 8),
    ("M-PC4", "payment_condition", "translations", {"en": "30 days"}),
    ("M-OR1", "organisation", "externalId", "001"),
    ("M-OR2", "organisation", "name", "Molen BV"),
    ("M-OR3", "organisation", "vatNumber", "NL001234567B01"),
    ("M-OR4", "organisation", "kvkNumber", "58070036"),
    ("M-OR5", "organisation", "defaultBankAccount", ""),
    ("M-OR6", "organisation", "phone", "010-1"),
    ("M-OR7", "organisation", "fax", "010-2"),
    ("M-OR8", "organisation", "address.reference", "Dam 1"),
    ("M-OR8", "organisation", "address.street", "Dam 1"),
    ("M-OR9", "organisation", "address.postcode", "1012 JS"),
    ("M-OR10", "organisation", "address.city", "Amsterdam"),
    ("M-OR11", "organisation", "address.state", "NH"),
    ("M-OR12", "organisation", "address.country", "NL"),
    ("M-CO1", "company", "externalId", "001"),
    ("M-CO2", "company", "name", "Molen BV"),
    ("M-CO3", "company", "defaultBankAccount", ""),
    ("M-CI1", "organisation", "bankAccounts.0.bankName", "ABN"),
    ("M-CI2", "organisation", "bankAccounts.0.swift", "ABNANL2A"),
    ("M-CI3", "organisation", "bankAccounts.0.accountNumber", IBAN),
    ("M-CI1", "company", "bankAccounts.1.bankName", "ING"),
    ("M-CI2", "company", "bankAccounts.1.swift", "INGBNL2A"),
    ("M-CI3", "company", "bankAccounts.1.accountNumber", OTHER),
    ("M-XR1", "currency", "externalId", "USD"),
    ("M-XR1", "currency", "code", "USD"),
    ("M-XR2", "currency", "description", "Dollar"),
    ("M-XR3", "currency", "rateToEuro", 0.92),
    ("M-S1", "supplier", "name", "Bakker BV"),
    ("M-S2", "supplier", "active", True),
    ("M-S3", "supplier", "externalId", "60010"),
    ("M-S4", "supplier", "website", "http://bakker.example"),
    ("M-S5", "supplier", "duns", "123456789"),
    ("M-S6", "supplier", "phone", "020-1"),
    ("M-S7", "supplier", "fax", "020-2"),
    ("M-S8", "supplier", "email", "info@bakker.example"),
    ("M-S9", "supplier", "remarks", "Levert dagelijks"),
    ("M-S10", "supplier", "defaultCurrency", "EUR"),
    ("M-S11", "supplier", "kvkNumber", "33031431"),
    ("M-S12", "supplier", "vatNumber", "NL002455799B11"),
    ("M-S13", "supplier", "paymentCondition", "30"),
    ("M-S14", "supplier", "companyLinks", ["001"]),
    ("M-S15", "supplier", "defaultBankAccount", IBAN),
    ("M-S16", "supplier", "bankAccounts.0.externalId", IBAN),
    ("M-S17", "supplier", "bankAccounts.0.bankCountry", "BE"),
    ("M-S17", "supplier", "bankAccounts.1.bankCountry", ""),
    ("M-S18", "supplier", "bankAccounts.0.bankName", "ABN AMRO"),
    ("M-S19", "supplier", "bankAccounts.0.accountNumber", IBAN),
    ("M-S20", "supplier", "bankAccounts.0.swift", "ABNANL2A"),
    ("M-S21", "supplier", "addresses.0.externalId", "VIS"),
    ("M-S22", "supplier", "addresses.0.type", "VIS"),
    ("M-S23", "supplier", "addresses.0.street", "Markt 2"),
    ("M-S24", "supplier", "addresses.0.postcode", "3011"),
    ("M-S25", "supplier", "addresses.0.city", "Rotterdam"),
    ("M-S26", "supplier", "addresses.0.country", "NL"),
    ("M-S30", "supplier", "contacts.0.externalId", "60010"),
    ("M-S30", "supplier", "contacts.1.externalId", "60010-c-2"),
    ("M-S31", "supplier", "contacts.0.salutation", "Mrs"),
    ("M-S31", "supplier", "contacts.1.salutation", "NA"),
    ("M-S32", "supplier", "contacts.0.firstName", "Anna"),
    ("M-S33", "supplier", "contacts.0.middleName", "de"),
    ("M-S34", "supplier", "contacts.0.lastName", "Bakker"),
    ("M-S35", "supplier", "contacts.0.fullName", None),
    ("M-S36", "supplier", "contacts.0.function", "Directeur"),
    ("M-S37", "supplier", "contacts.0.phone", "020-3"),
    ("M-S38", "supplier", "contacts.0.fax", "020-4"),
    ("M-S39", "supplier", "contacts.0.mobile", "06-1"),
    ("M-S40", "supplier", "contacts.0.email", "anna@bakker.example"),
]


def at(payload: Any, path: str) -> Any:
    for part in path.split("."):
        payload = payload[int(part)] if part.isdigit() else payload.get(part)
    return payload


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        pytest.param(kind, path, expected, marks=pytest.mark.proves(row), id=f"{row} {path}")
        for row, kind, path, expected in ROWS
    ],
)
def test_a_row_of_the_table(kind: Name, path: str, expected: Any) -> None:
    assert at(compose(BY_NAME[kind], SAMPLES[kind], SCOPE), path) == expected


def test_every_row_of_the_tables_has_a_field_and_a_value() -> None:
    fields = {each.row for kind in KINDS for each in kind.fields}
    fields |= {each.row for kind in KINDS for group in kind.children for each in group.fields}
    wanted = {row for row, *_ in ROWS}
    assert {row for row in fields if row.startswith("M-")} == wanted


@pytest.mark.proves("R239")
def test_projects_have_no_translations() -> None:
    with_translations = {k.name for k in KINDS if any("translations" in f.p2p for f in k.fields)}
    assert with_translations == {"cost_centre", "cost_unit", "gl_account", "vat_code", "payment_condition"}


@pytest.mark.proves("R218", "SB9")
def test_a_cost_type_is_known_by_record_or_by_number() -> None:
    row = SAMPLES["gl_account"]
    assert compose(BY_NAME["gl_account"], row, SCOPE)["externalId"] == "001-44"
    same = Scope("001", TODAY, same_cost_types=True)
    assert compose(BY_NAME["gl_account"], row, same)["externalId"] == "4000"


@pytest.mark.parametrize(("column", "value"), [("Blocked", 1), ("Blocked", True), ("Blocked", "J")])
@pytest.mark.proves("M-GL5")
def test_a_blocked_account_is_not_active(column: str, value: Any) -> None:
    assert not compose(BY_NAME["gl_account"], {**SAMPLES["gl_account"], column: value}, SCOPE)["active"]


@pytest.mark.parametrize(("status", "active"), [("A", True), ("P", True), ("B", False), ("C", False)])
@pytest.mark.proves("M-PR4", "SB5")
def test_a_project_is_active_by_its_status(status: str, active: bool) -> None:
    assert compose(BY_NAME["project"], {**SAMPLES["project"], "Status": status}, SCOPE)["active"] is active


@pytest.mark.parametrize(
    ("end", "open_projects", "rule"),
    [
        (TODAY + timedelta(1), True, None),
        (TODAY, True, "R243"),
        (TODAY - timedelta(1), True, "R243"),
        (None, True, None),
        (None, False, "C6"),
    ],
)
@pytest.mark.proves("R243", "SB5")
def test_only_projects_that_end_in_the_future_go_over(
    end: date | None, open_projects: bool, rule: str | None
) -> None:
    scope = Scope("001", TODAY, open_projects=open_projects)
    skipped = BY_NAME["project"].skip({**SAMPLES["project"], "InitialEndDate": end}, scope)
    assert (skipped.rule if skipped else None) == rule


@pytest.mark.proves("R244", "SB6")
def test_a_vat_code_including_stays_out() -> None:
    skipped = BY_NAME["vat_code"].skip({**SAMPLES["vat_code"], "exclus": "I"}, SCOPE)
    assert skipped is not None
    assert skipped.rule == "R244"
    for kind in "ENT":
        assert BY_NAME["vat_code"].skip({**SAMPLES["vat_code"], "exclus": kind}, SCOPE) is None


def test_days_of_a_condition_may_be_those_of_the_term() -> None:
    scope = Scope("001", TODAY, condition_days="term_days")
    assert compose(BY_NAME["payment_condition"], SAMPLES["payment_condition"], scope)["days"] == 30


@pytest.mark.parametrize(("days", "expected"), [((-1, 0, 1), 0), ((-3, -5, 2), -3), ((1,), None), ((), None)])
@pytest.mark.proves("R246", "SB8", "SB18")
def test_todays_rate_or_the_newest_before_it(days: tuple[int, ...], expected: int | None) -> None:
    rates = [{"date_l": TODAY + timedelta(day), "rate_exchange": day + 100} for day in days]
    row = {"valcode": "USD", "oms30": "Dollar", "rates": rates}
    if expected is None:
        skipped = BY_NAME["currency"].skip(row, SCOPE)
        assert skipped is not None
        assert skipped.rule == "R246"
    else:
        assert compose(BY_NAME["currency"], row, SCOPE)["rateToEuro"] == expected + 100


@pytest.mark.proves("M-OR5", "M-CO3", "SB10")
def test_without_a_bank_account_the_organisation_gets_the_related_one_and_the_company_all() -> None:
    row = {**SAMPLES["organisation"], "CashInstrument": "ING"}
    assert [a["accountNumber"] for a in compose(BY_NAME["organisation"], row, SCOPE)["bankAccounts"]] == [
        OTHER
    ]
    both = compose(BY_NAME["company"], row, SCOPE)
    assert [a["accountNumber"] for a in both["bankAccounts"]] == [IBAN, OTHER]
    assert both["defaultBankAccount"] == ""


def test_with_a_bank_account_its_instrument_goes_along() -> None:
    row = {**SAMPLES["organisation"], "BankAccount": OTHER}
    for kind in (BY_NAME["organisation"], BY_NAME["company"]):
        made = compose(kind, row, SCOPE)
        assert made["defaultBankAccount"] == OTHER
        assert [a["accountNumber"] for a in made["bankAccounts"]] == [OTHER]


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"cmp_type": "E"}, "R230"),
        ({"cmp_status": "E"}, "R260"),
        ({"cmp_status": "B"}, None),
        ({"cmp_name": " "}, "R262"),
        ({"crdcode": ""}, "R262"),
        ({"addresses": SAMPLES["supplier"]["addresses"][:-1]}, "R262"),
        ({"addresses": [{**a, "City": ""} for a in SAMPLES["supplier"]["addresses"]]}, "R262"),
    ],
)
@pytest.mark.proves("R230", "R260", "R262", "SB12")
def test_which_suppliers_stay_out(more: dict[str, Any], rule: str | None) -> None:
    row = {**SAMPLES["supplier"], **more}
    skipped = BY_NAME["supplier"].skip(row, SCOPE)
    assert (skipped.rule if skipped else None) == rule
    if skipped is None:
        assert compose(BY_NAME["supplier"], row, SCOPE)["active"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_resource_that_comes_back_with_other_blanks_and_signs_is_the_same(kind: Any) -> None:
    made = compose(kind, SAMPLES[kind.name], SCOPE)
    back = {**made, "modified": "2026-03-02T10:00:00Z", "extra": 1}
    for name, value in made.items():
        if isinstance(value, str):
            back[name] = f"{value} " if value else None
        elif isinstance(value, list):
            back[name] = list(reversed(value))
    assert payloads.packed(kind, back) == payloads.packed(kind, made)
    assert list(payloads.changes(kind, back, made)) == []
