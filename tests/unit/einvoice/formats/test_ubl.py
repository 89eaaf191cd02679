"""UBL of every age, read and written: what the property tests of the codec cannot say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from libs.einvoice import detect, gate, model, schema, xml
from libs.einvoice.formats import ubl
from libs.einvoice.formats.reading import Read
from libs.einvoice.model import Amount, Identifier
from libs.rules import engine
from libs.testing import builders


def read(data: bytes) -> Read:
    return ubl.read(xml.parse(gate.check(data).data))


def changed(old: str, new: str, data: bytes | None = None) -> bytes:
    text = (data or builders.invoice(lines=2)).decode()
    assert old in text
    return text.replace(old, new).encode()


@pytest.mark.proves("R3")
@pytest.mark.parametrize("credit", [False, True])
def test_a_lawful_invoice_is_written_as_a_lawful_invoice(credit: bool) -> None:
    data = builders.invoice(lines=3, credit_note=credit, order="PO-1")
    done = read(data)
    assert not done.findings
    assert not done.unread
    written = ubl.write(done.invoice)
    verdict = engine.validate(written)
    assert verdict.rule_pack == engine.validate(data).rule_pack
    assert not verdict.findings
    assert not schema.check(xml.parse(written), "ubl-creditnote" if credit else "ubl-invoice")


def test_terms_have_their_types() -> None:
    invoice = read(builders.invoice(lines=2)).invoice
    assert isinstance(invoice.issue_date, date)
    line = invoice.lines[0]
    assert line.net_amount is not None
    assert line.net_amount.currency == "EUR"
    assert isinstance(line.net_amount.value, Decimal)
    assert line.vat_category_code == "S"
    assert line.vat_rate == 21
    assert invoice.totals is not None
    assert invoice.totals.total_vat is not None
    assert invoice.seller is not None
    assert invoice.seller.legal_registration_identifier is not None
    assert invoice.seller.legal_registration_identifier.scheme == "0106"


def test_what_is_no_number_or_date_is_a_finding_with_its_line() -> None:
    data = changed(
        "<cbc:IssueDate>", "<cbc:IssueDate>30-2-", changed("<cbc:PayableAmount", "<cbc:PayableAmount x='1'")
    )
    data = changed('<cbc:InvoicedQuantity unitCode="C62">', '<cbc:InvoicedQuantity unitCode="C62">1e', data)
    found = {finding.rule: finding for finding in read(data).findings}
    assert set(found) == {"READ-DATE", "READ-NUMBER", "READ-MISSING"}
    assert found["READ-NUMBER"].terms == ("BT-129",)
    line = found["READ-NUMBER"].line
    assert line is not None
    assert b"InvoicedQuantity" in data.splitlines()[line - 1]


def test_a_document_with_nothing_in_it_is_findings() -> None:
    done = read(f'<Invoice xmlns="{detect.INVOICE}"/>'.encode())
    assert {term for finding in done.findings for term in finding.terms} == {
        "BT-1",
        "BT-2",
        "BG-4",
        "BG-7",
        "BG-22",
        "BG-25",
    }
    assert done.invoice == model.Invoice()


def test_lines_of_the_other_kind_are_told() -> None:
    data = changed("cac:InvoiceLine>", "cac:CreditNoteLine>")
    assert "READ-MIXED" in {finding.rule for finding in read(data).findings}


def test_a_credit_note_without_a_type_code_is_one() -> None:
    data = changed(
        "<cbc:CreditNoteTypeCode>381</cbc:CreditNoteTypeCode>", "", builders.invoice(credit_note=True)
    )
    done = read(data)
    assert done.invoice.type_code == "381"
    assert [each.term for each in done.filled] == ["BT-3"]
    assert b"<CreditNote " in ubl.write(done.invoice)


def test_older_profiles_keep_what_they_say_elsewhere() -> None:
    data = changed("<cbc:StreetName>", "<cbc:BuildingNumber>7</cbc:BuildingNumber><cbc:StreetName>")
    data = changed("cbc:RegistrationName>", "cbc:RegistrationNam>", data)
    data = changed(
        "<cac:PartyLegalEntity>",
        "<cac:PartyName><cbc:Name>Only Name</cbc:Name></cac:PartyName><cac:PartyLegalEntity>",
        data,
    )
    done = read(data)
    assert done.invoice.seller is not None
    assert done.invoice.seller.name == "Only Name"
    assert "BT-27" in {each.term for each in done.filled}
    assert done.unread, "the misspelled names"


def test_a_g_account_keeps_its_share() -> None:
    share = Amount(Decimal("12.50"), "EUR")
    means = (
        model.PaymentInstructions(
            means_type_code="58", identifier="1", account_identifier="NL91ABNA0417164300"
        ),
        model.PaymentInstructions(
            means_type_code="58", identifier="2", account_identifier="NL20INGB0001234567", amount=share
        ),
    )
    again = read(ubl.write(model.Invoice(type_code="380", payment_instructions=means))).invoice
    assert again.payment_instructions == means


def test_the_creditor_identifier_stands_at_the_payee_where_there_is_one() -> None:
    seller = model.Seller(name="S", identifiers=(Identifier("1", "0088"),))
    for payee in (None, model.Payee(name="P")):
        invoice = model.Invoice(
            type_code="380", seller=seller, payee=payee, bank_assigned_creditor_identifier="NL1"
        )
        assert read(ubl.write(invoice)).invoice == invoice
