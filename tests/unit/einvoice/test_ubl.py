"""The summary of an invoice, and whom it may be for."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from libs.contracts.parts import InvoiceSummary
from libs.einvoice import detect, ubl, xml
from libs.einvoice.facts import collect
from libs.testing import builders

BUYER = "/Invoice/cac:AccountingCustomerParty/cac:Party"
VALID_VAT = "NL002455799B11"


def summary(data: bytes) -> InvoiceSummary:
    root = xml.parse(data)
    return ubl.summarise(collect(root, detect.root_of(root).syntax))


def candidates(data: bytes) -> list[tuple[str, str]]:
    return [(c.identifier.scheme, c.identifier.value) for c in summary(data).candidates]


def test_the_terms_every_stage_needs() -> None:
    found = summary(builders.invoice(number="F & 1", issue_date="2026-11-02", buyer_vat=VALID_VAT))
    assert found.number == "F & 1"
    assert found.issue_date == date(2026, 11, 2)
    assert (found.type_code, found.currency, found.payable) == ("380", "EUR", Decimal("25.10"))
    assert found.seller.name == "Bakker Bouwmaterialen BV"
    assert [i.value for i in found.seller.identifiers] == ["69599068", "NL123456789B13"]
    assert (found.buyer.name, found.buyer.country) == ("Aannemer De Jong BV", "NL")
    assert [i.scheme for i in found.buyer.identifiers] == ["0106", "9944"]


def test_what_the_payment_shall_say_is_the_first_of_its_references() -> None:
    data = builders.invoice()
    own = b"<cbc:PaymentID>F1</cbc:PaymentID>"
    assert summary(data).payment_reference == "F1"
    two = b"<cbc:PaymentID>\n  RF18  5390 0754 7034 </cbc:PaymentID><cbc:PaymentID>second</cbc:PaymentID>"
    assert summary(data.replace(own, two)).payment_reference == "RF18 5390 0754 7034"
    assert summary(data.replace(own, b"")).payment_reference is None


def test_a_credit_note_has_its_own_type_code_and_paths() -> None:
    found = summary(builders.invoice(credit_note=True))
    assert found.type_code == "381"
    assert found.candidates[0].path.startswith("/CreditNote/")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<cbc:IssueDate>2026-11-02<", b"<cbc:IssueDate>gisteren<"),
        (b"<cbc:IssueDate>2026-11-02<", b"<cbc:IssueDate>2026-13-45<"),
        (b'<cbc:PayableAmount currencyID="EUR">25.10<', b'<cbc:PayableAmount currencyID="EUR">1e309<'),
    ],
)
def test_what_cannot_be_read_is_left_out(old: bytes, new: bytes) -> None:
    data = builders.invoice()
    assert old in data
    found = summary(data.replace(old, new))
    assert found.number == "F1"
    assert None in (found.issue_date, found.payable)


def test_a_date_may_carry_a_time_zone() -> None:
    found = summary(
        builders.invoice().replace(b"2026-11-02</cbc:IssueDate>", b"2026-11-02+01:00</cbc:IssueDate>")
    )
    assert found.issue_date == date(2026, 11, 2)


@pytest.mark.proves("R33")
def test_candidates_stand_in_the_order_of_trust_each_once_with_its_path() -> None:
    data = builders.invoice(
        buyer_kvk="58070036",
        buyer_endpoint=("0088", "8712345678906"),
        buyer_vat=VALID_VAT,
        adres2="90004760",
    )
    extra = (
        b'<cac:PartyIdentification><cbc:ID schemeID="0190">00000003580700360000</cbc:ID></cac:PartyIdentification>'
        b'<cac:PartyIdentification><cbc:ID schemeID="NL:KVK">58070036</cbc:ID></cac:PartyIdentification>'
        b'<cac:PartyIdentification><cbc:ID schemeID="NL:KVK">69599084</cbc:ID></cac:PartyIdentification>'
    )
    head, mark, tail = data.partition(b"</cbc:EndpointID>\n")
    found = summary(head + mark + extra + tail).candidates
    assert [(c.identifier.scheme, c.identifier.value) for c in found] == [
        ("0106", "58070036"),
        ("0106", "69599084"),
        ("0190", "00000003580700360000"),
        ("9944", VALID_VAT),
        ("0088", "8712345678906"),
        ("0106", "90004760"),
    ]
    assert [c.path for c in found] == [
        f"{BUYER}/cac:PartyLegalEntity/cbc:CompanyID",
        f"{BUYER}/cac:PartyIdentification[3]/cbc:ID",
        f"{BUYER}/cac:PartyIdentification[1]/cbc:ID",
        f"{BUYER}/cac:PartyTaxScheme/cbc:CompanyID",
        f"{BUYER}/cbc:EndpointID",
        f"{BUYER}/cac:PostalAddress/cbc:AdditionalStreetName",
    ]


@pytest.mark.parametrize("scheme", [b"NL:KVK", b"0106", b""])
def test_the_kvk_number_of_the_legal_entity_under_any_name(scheme: bytes) -> None:
    data = builders.invoice(buyer_kvk="58 07 00 36")
    named = b' schemeID="' + scheme + b'"' if scheme else b""
    data = data.replace(b' schemeID="0106">58 07', named + b' schemeAgencyID="ZZZ">58 07')
    assert candidates(data) == [("0106", "58070036")]


@pytest.mark.proves("R34", "SA8")
def test_a_branch_number_in_the_kvk_field_is_no_kvk_number() -> None:
    assert candidates(builders.invoice(buyer_kvk="000027449173")) == [("branch", "000027449173")]


def test_an_oin_typed_where_the_kvk_number_belongs_is_an_oin() -> None:
    assert candidates(builders.invoice(buyer_kvk="00000003580700360000")) == [
        ("0190", "00000003580700360000")
    ]


@pytest.mark.proves("R31")
@pytest.mark.parametrize("text", ["58070036", "KvK 58.07.00.36", "KvK-nummer: 5807 0036"])
def test_adres_2_names_the_receiver_where_no_field_does(text: str) -> None:
    assert candidates(builders.invoice(buyer_kvk=None, adres2=text)) == [("0106", "58070036")]


@pytest.mark.proves("R31")
def test_adres_2_may_be_an_address_line() -> None:
    data = builders.invoice(buyer_kvk=None, adres2="58070036")
    data = data.replace(b"<cbc:AdditionalStreetName>58070036</cbc:AdditionalStreetName>", b"")
    city = b"<cbc:CityName>Amersfoort</cbc:CityName>\n        <cbc:PostalZone>1234 AB</cbc:PostalZone>\n"
    assert city in data
    data = data.replace(city, city + b"<cac:AddressLine><cbc:Line>58070036</cbc:Line></cac:AddressLine>")
    (found,) = summary(data).candidates
    assert found.path == f"{BUYER}/cac:PostalAddress/cac:AddressLine/cbc:Line"


@pytest.mark.proves("R32", "SA7")
def test_adres_2_may_hold_a_valid_vat_number() -> None:
    assert candidates(builders.invoice(buyer_kvk=None, adres2=VALID_VAT)) == [("9944", VALID_VAT)]
    assert candidates(builders.invoice(buyer_kvk=None, adres2="NL123456789B01")) == [
        ("text", "NL123456789B01")
    ]


@pytest.mark.proves("SA19", "R31")
def test_where_globe_put_the_number_in_adres_2_its_vat_number_is_no_candidate() -> None:
    found = summary(builders.invoice(buyer_kvk=None, buyer_vat=VALID_VAT, adres2="58070036"))
    assert [c.identifier.value for c in found.candidates] == ["58070036"]
    assert VALID_VAT in [i.value for i in found.buyer.identifiers], (
        "but it is known, so a difference can be told"
    )


@pytest.mark.proves("R36", "SA6")
@pytest.mark.parametrize("text", ["2e verdieping", "t.a.v. 58070036", "Postbus 1", "Kade 58070036-B"])
def test_ordinary_address_text_is_told_as_text_and_never_searched_for_digits(text: str) -> None:
    (found,) = summary(builders.invoice(buyer_kvk=None, adres2=text)).candidates
    assert (found.identifier.scheme, found.identifier.value) == ("text", text)


def test_text_is_not_told_where_there_is_a_number() -> None:
    assert candidates(builders.invoice(adres2="2e verdieping")) == [("0106", "58070036")]


@pytest.mark.proves("R35")
def test_without_any_number_there_is_no_candidate() -> None:
    assert candidates(builders.invoice(buyer_kvk=None)) == []


@pytest.mark.proves("R38")
def test_only_the_buyer_to_invoice_counts_not_who_receives_the_goods() -> None:
    delivery = (
        b"<cac:Delivery><cac:DeliveryParty><cac:PartyIdentification><cbc:ID>69599084</cbc:ID>"
        b"</cac:PartyIdentification></cac:DeliveryParty></cac:Delivery>"
    )
    data = builders.invoice()
    head, mark, tail = data.partition(b"</cac:AccountingCustomerParty>\n")
    assert candidates(head + mark + delivery + tail) == [("0106", "58070036")]


def test_a_flood_of_numbers_is_cut() -> None:
    data = builders.invoice(buyer_endpoint=("0088", "8712345678906"))
    head, mark, tail = data.partition(b"</cbc:EndpointID>\n")
    flood = b"".join(
        b'<cac:PartyIdentification><cbc:ID schemeID="0106">%08d</cbc:ID></cac:PartyIdentification>' % n
        for n in range(500)
    )
    found = summary(head + mark + flood + tail)
    assert len(found.candidates) == 20
    assert len(found.buyer.identifiers) == 20
    assert found.candidates[0].identifier.value == "58070036"
