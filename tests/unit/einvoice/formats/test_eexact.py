"""What Exact Globe exports: many invoices a file, no seller, no totals, the receiver in "Adres 2"."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from libs.einvoice import documents, gate, schema, xml
from libs.einvoice.formats import eexact, ubl, ubl_dialects
from libs.einvoice.formats.eexact import Sender
from libs.einvoice.formats.reading import Read
from libs.einvoice.model import Identifier, PostalAddress
from libs.errors import Unprocessable
from libs.rules import engine
from libs.testing.eexact import GlobeInvoice, file

SENDER = Sender(
    name="Leverancier BV",
    kvk="69599084",
    vat="NL123456789B13",
    iban="NL91ABNA0417164300",
    email="debiteuren@leverancier.example",
    address=PostalAddress(address_line_1="Kade 1", city="Delft", post_code="2611 AA", country_code="NL"),
)


def read(data: bytes, sender: Sender | None = SENDER) -> tuple[Read, ...]:
    return eexact.read(xml.parse(gate.check(data).data), sender)


def one(**how: object) -> Read:
    (found,) = read(file([GlobeInvoice(**how)]))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    "data",
    [
        b'<eExact xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="eExact-XML.xsd">'
        b'<Invoices><Invoice type="8020"><Journal code="70"/><InvoiceTo code="12"/></Invoice></Invoices></eExact>',
        b'<eExact xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="eExact-XML.xsd">'
        b"<GLTransactions/></eExact>",
        b'<eExact><Invoices><Invoice type="8020"><InvoiceTo code="12"/></Invoice></Invoices></eExact>',
    ],
)
def test_exact_onlines_own_dialect_is_told_apart_and_says_what_to_do(data: bytes) -> None:
    with pytest.raises(Unprocessable, match="Simplerinvoicing") as said:
        documents.read(data)
    assert said.value.code == "exact-online-xml"
    with pytest.raises(Unprocessable, match="Exact Online"):
        eexact.split(xml.parse(data))


@pytest.mark.proves("R26", "R3")
def test_an_invoice_is_lawful_once_seller_and_totals_are_filled_in() -> None:
    done = one(lines=3)
    assert not done.findings
    invoice = done.invoice
    assert (invoice.number, invoice.issue_date) == ("14700123", date(2026, 11, 18))
    assert invoice.payment_due_date == date(2026, 12, 18)
    assert invoice.totals is not None
    assert invoice.totals.amount_due == (Decimal("726.00"), "EUR")
    assert [line.unit_code for line in invoice.lines] == ["HUR"] * 3
    assert {each.term for each in done.filled} == {"BT-9", "BT-47", "BG-4", "BG-22"}
    written = ubl_dialects.nlcius(invoice).data
    assert not schema.check(xml.parse(written), "ubl-invoice")
    verdict = engine.validate(written)
    assert not verdict.fatal, [(f.rule, f.message.en) for f in verdict.findings]


@pytest.mark.proves("R31", "R38")
def test_the_receiver_is_read_from_adres_2_of_the_invoice_debtor() -> None:
    done = one(adres_2="58070036", orderer_adres_2="69599084")
    assert [(c.identifier.scheme, c.identifier.value) for c in done.candidates] == [("0106", "58070036")]
    assert done.candidates[0].path == "/eExact/Invoices/Invoice/InvoiceTo/Address/AddressLine2"
    assert done.invoice.buyer is not None
    assert done.invoice.buyer.name == "Klant Holding BV"


@pytest.mark.proves("R31")
def test_the_vat_number_decides_nothing() -> None:
    done = one(adres_2="58070036", vat="NL002455799B11")
    assert [c.identifier.value for c in done.candidates] == ["58070036"]
    assert done.invoice.buyer is not None
    assert done.invoice.buyer.vat_identifier == "NL002455799B11"
    assert [c.identifier.value for c in one(adres_2="", vat="NL002455799B11").candidates] == []


@pytest.mark.proves("R32", "R34", "R36")
@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("NL002455799B11", "9944"),
        ("KvK 58070036", "0106"),
        ("000027449173", "branch"),
        ("2e verdieping", "text"),
    ],
)
def test_what_else_adres_2_may_hold(text: str, scheme: str) -> None:
    assert [c.identifier.scheme for c in one(adres_2=text).candidates] == [scheme]


@pytest.mark.proves("R26")
def test_a_file_of_three_is_three_files_of_one() -> None:
    receivers = ["58070036", "69599084", "68727720"]
    data = file([GlobeInvoice(number=kvk[:3], adres_2=kvk) for kvk in receivers])
    root = xml.parse(gate.check(data).data)
    files = [eexact.signed(each, SENDER) for each in eexact.split(root)]
    assert [eexact.signed(each, SENDER) for each in eexact.split(root)] == files
    found = [read(each, None) for each in files]
    assert [len(each) for each in found] == [1, 1, 1]
    assert [each[0].invoice for each in found] == [each.invoice for each in read(data)]
    assert [each[0].candidates[0].identifier.value for each in found] == receivers


def test_without_an_account_the_company_name_is_the_seller() -> None:
    (done,) = read(file(), None)
    assert done.invoice.seller is not None
    assert done.invoice.seller.name == "Leverancier BV"
    assert "BT-27" in {each.term for each in done.filled}


@pytest.mark.proves("R3")
def test_a_negative_total_is_a_credit_note() -> None:
    done = one(price=Decimal("-12.50"), lines=2)
    invoice = done.invoice
    assert invoice.is_credit_note
    assert invoice.totals is not None
    assert invoice.totals.sum_of_line_net_amounts == (Decimal("50.00"), "EUR")
    # Prices are never negative: the quantity is turned round.
    assert invoice.lines[0].net_amount == (Decimal("25.00"), "EUR")


def test_a_zero_rate_says_why() -> None:
    data = file([GlobeInvoice(rate=Decimal(0))]).replace(b"<Description>BTW<", b"<Description>BTW verlegd<")
    (done,) = read(data)
    (breakdown,) = done.invoice.vat_breakdown
    assert (breakdown.category_code, breakdown.exemption_reason_code) == ("AE", "VATEX-EU-AE")


def test_a_price_with_vat_is_made_one_without() -> None:
    data = file([GlobeInvoice(price=Decimal("121.00"))]).replace(b'vattype="E"', b'vattype="I"')
    (done,) = read(data)
    line = done.invoice.lines[0]
    assert line.price is not None
    assert line.price.net_price == (Decimal("100.000000"), "EUR")
    assert line.net_amount == (Decimal("200.00"), "EUR")


def test_what_cannot_be_read_is_a_finding_with_its_line() -> None:
    data = (
        file()
        .replace(b"<Quantity>2<", b"<Quantity>twee<")
        .replace(b"<Date>2026-11-18<", b"<Date>18-11-2026<")
    )
    (done,) = read(data)
    assert [(f.rule, f.terms) for f in done.findings] == [
        ("READ-DATE", ("BT-2",)),
        ("READ-NUMBER", ("BT-129",)),
        ("READ-MISSING", ("BT-2",)),
    ]
    assert all(f.line for f in done.findings)


def test_what_has_no_term_is_told() -> None:
    data = file().replace(b"<Warehouse code", b"<Unheard>of</Unheard><Warehouse code")
    (done,) = read(data)
    assert done.unread == ("/eExact/Invoices/Invoice/Resource", "/eExact/Invoices/Invoice/Unheard")


def test_identifiers_of_the_seller_survive_as_ubl() -> None:
    invoice = ubl.read(xml.parse(ubl.write(one().invoice))).invoice
    assert invoice.seller is not None
    assert invoice.seller.legal_registration_identifier == Identifier("69599084", "0106")
