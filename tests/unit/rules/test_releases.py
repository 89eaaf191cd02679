"""Two releases of one pack stand side by side: which one is asked, and what the older asks otherwise."""

from __future__ import annotations

import pytest

from libs.rules import engine
from libs.rules.packs.peppol import general
from libs.testing import examples
from libs.testing.examples.edits import edited

OLD = "2025.11"
FIRST_DAY = "2026-08-17"
"""The first day on which 2026.5 was a must."""


def peppol(changes: str = "", base: str = "peppol") -> bytes:
    return edited(examples.base(base), changes)


def ids(data: bytes, release: str | None = None) -> set[str]:
    return {finding.rule for finding in engine.validate(data, "peppol", release).findings}


def fatal(data: bytes, release: str | None = None) -> set[str]:
    found = engine.validate(data, "peppol", release).findings
    return {finding.rule for finding in found if finding.severity == "fatal"}


@pytest.mark.parametrize(("day", "told"), [(FIRST_DAY, True), ("2026-08-16", False), ("2027-01-01", True)])
def test_the_day_of_issue_chooses_the_release_and_the_caller_may(day: str, told: bool) -> None:
    data = peppol(f"IssueDate={day};AccountingCustomerParty/Party/PartyLegalEntity/CompanyID=5807003")
    chosen = {finding.rule for finding in engine.validate(data).findings}
    assert ("PEPPOL-COMMON-R054" in chosen) is told
    assert "PEPPOL-COMMON-R054" not in {each.rule for each in engine.validate(data, release=OLD).findings}
    assert "PEPPOL-COMMON-R054" in ids(data), "a named pack is the newest"
    assert "PEPPOL-COMMON-R054" not in ids(data, OLD)


def test_releases_are_named_newest_first() -> None:
    assert [pack.release for pack in engine.releases()["peppol"]] == ["2026.5", OLD]
    new, old = (engine.in_release(engine.PACKS["peppol"], None, each) for each in ("2026.5", OLD))
    assert (new.release, old.release) == ("2026.5", OLD)
    assert {rule.id for rule in old.rules} - {rule.id for rule in new.rules} == {"BR-CO-25"}


def test_a_pack_of_the_same_name_with_rules_of_its_own_is_not_taken_for_another() -> None:
    """NLCIUS with a g-account goes by the name of NLCIUS."""
    both = engine.pack_of("nlcius-gaccount", "ubl-invoice")
    assert both.name == "nlcius"
    assert {"BR-NL-1", "BR-GA-7"} <= {rule.id for rule in both.rules}
    for release in (None, OLD, "2026.5"):
        assert engine.in_release(both, "2020-01-01", release) is both


def test_a_release_is_chosen_of_markup_seen_before_too() -> None:
    found = []
    for number in range(4):
        data = peppol(f"BuyerReference=B-{number};IssueDate=2026-04-30")
        found.append(engine.validate(data).findings)
    assert found == [()] * 4


PROFILE = "ProfileID=urn:fdc:peppol.eu:2017:poacc:billing"
SELLER, BUYER = ("AccountingSupplierParty/Party", "AccountingCustomerParty/Party")
ATTACHED = "+AdditionalDocumentReference/ID=1;+AdditionalDocumentReference/Attachment/ExternalReference/URI=x"
CREDITOR = (
    f"-{SELLER}/PartyTaxScheme;-{SELLER}/PartyLegalEntity/CompanyID;"
    f"+{SELLER}/PartyIdentification/ID=1;{SELLER}/PartyIdentification/ID@schemeID=SEPA"
)
LINES = "InvoiceLine[{0}]/Item/ClassifiedTaxCategory/ID=B"


@pytest.mark.parametrize(
    ("rule", "base", "changes"),
    [
        ("PEPPOL-EN16931-CL008", "peppol", f"{BUYER}/EndpointID@schemeID=0246"),
        ("BR-CL-25", "peppol", f"{BUYER}/EndpointID@schemeID=0248"),
        ("BR-CL-11", "peppol", f"{BUYER}/PartyLegalEntity/CompanyID@schemeID=0247"),
        ("BR-CL-04", "peppol", "DocumentCurrencyCode=XCG"),
        ("PEPPOL-EN16931-CL007", "peppol", "TaxTotal/TaxAmount@currencyID=XCG"),
        ("BR-CL-01", "peppol-credit-note", "CreditNoteTypeCode=502"),
        ("PEPPOL-EN16931-R007", "peppol", "ProfileID=urn:peppol:bis:billing_with_response"),
        ("DE-R-017", "german", "InvoiceTypeCode= 380"),
        ("DE-R-028", "german", f"{SELLER}/Contact/ElectronicMail=jürgen@example.de"),
        ("BR-CO-25", "peppol", "-DueDate;-PaymentTerms"),
    ],
)
def test_what_the_newer_release_lets_pass(rule: str, base: str, changes: str) -> None:
    data = peppol(changes, base)
    assert rule in ids(data, OLD)
    assert rule not in ids(data)


@pytest.mark.parametrize(
    ("rule", "base", "changes"),
    [
        ("PEPPOL-EN16931-CL008", "peppol", f"{BUYER}/EndpointID@schemeID=0037"),
        ("BR-CL-04", "peppol", "DocumentCurrencyCode=BGN"),
        ("PEPPOL-EN16931-CL007", "peppol", "TaxTotal/TaxAmount@currencyID=ANG"),
        ("BR-CL-01", "peppol", "InvoiceTypeCode=502"),
        ("PEPPOL-EN16931-R004", "peppol", f"CustomizationID={general.CLAIM}::2.1"),
        ("PEPPOL-EN16931-R007", "peppol", f"{PROFILE}:02:1.0"),
        ("DE-R-018", "german", "PaymentTerms/Note=#x#SKONTO#TAGE=14#PROZENT=2.25#\\n"),
        ("DE-R-T02", "german", ATTACHED),
        ("BR-CO-26", "peppol", CREDITOR),
        ("UBL-SR-56", "peppol", "+OriginatorDocumentReference/ID=1;*OriginatorDocumentReference"),
    ],
)  # fmt: skip
def test_what_the_older_release_let_pass(rule: str, base: str, changes: str) -> None:
    data = peppol(changes, base)
    assert rule not in ids(data, OLD)
    assert rule in ids(data)


def test_what_became_an_error_was_a_warning() -> None:
    data = peppol(f"{BUYER}/EndpointID=123;{BUYER}/EndpointID@schemeID=0096")
    assert "PEPPOL-COMMON-R052" in fatal(data)
    assert "PEPPOL-COMMON-R052" not in fatal(data, OLD)
    assert "PEPPOL-COMMON-R052" in ids(data, OLD)


def test_a_due_date_is_asked_of_invoices_with_something_to_pay_alone() -> None:
    without = "-DueDate;-PaymentTerms"
    assert "BR-CO-25" not in ids(peppol(f"{without};+PaymentTerms/Note=30 dagen"), OLD)
    assert "BR-CO-25" not in ids(peppol(f"{without};LegalMonetaryTotal/PayableAmount=0.00"), OLD)
    assert "BR-CO-25" not in ids(peppol("", "peppol-credit-note"), OLD)


@pytest.mark.parametrize(("process", "told"), [("01", True), ("02", False)])
def test_the_older_release_asks_types_of_document_of_the_first_process(process: str, told: bool) -> None:
    data = peppol(f"{PROFILE}:{process}:1.0;InvoiceTypeCode=130")
    assert ("PEPPOL-EN16931-P0100" in ids(data, OLD)) is told


def test_split_payment_beside_the_standard_rate_in_the_breakdown_alone() -> None:
    """1.3.15 looked at the wrong place of the breakdown."""
    changes = "*TaxTotal/TaxSubtotal;TaxTotal/TaxSubtotal/TaxCategory/ID=B"
    data = peppol(";".join((changes, LINES.format(1), LINES.format(2))))
    assert "BR-B-02" in ids(data)
    assert "BR-B-02" not in ids(data, OLD)
