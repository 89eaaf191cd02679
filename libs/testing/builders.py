"""Invoices made to order: NLCIUS, lawful by default, with one thing wrong when asked.

Fast enough to feed a benchmark (strings into a template, no tree), plain enough to read in a test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

_RATE = 21

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<{root} xmlns="urn:oasis:names:specification:ubl:schema:xsd:{root}-2"
    xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
    xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:CustomizationID>urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0</cbc:CustomizationID>
  <cbc:ProfileID>urn:fdc:peppol.eu:2017:poacc:billing:01:1.0</cbc:ProfileID>
  <cbc:ID>{number}</cbc:ID>
  <cbc:IssueDate>{issue_date}</cbc:IssueDate>
{due}  <cbc:{root}TypeCode>{type_code}</cbc:{root}TypeCode>
  <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
{reference}"""

_PARTY = """  <cac:Accounting{role}Party>
    <cac:Party>
{endpoint}      <cac:PostalAddress>
        <cbc:StreetName>{street}</cbc:StreetName>
{adres2}        <cbc:CityName>{city}</cbc:CityName>
        <cbc:PostalZone>{postcode}</cbc:PostalZone>
        <cac:Country>
          <cbc:IdentificationCode>{country}</cbc:IdentificationCode>
        </cac:Country>
      </cac:PostalAddress>
{tax}      <cac:PartyLegalEntity>
        <cbc:RegistrationName>{name}</cbc:RegistrationName>
{legal}      </cac:PartyLegalEntity>
    </cac:Party>
  </cac:Accounting{role}Party>
"""
_ENDPOINT = """      <cbc:EndpointID schemeID="{scheme}">{value}</cbc:EndpointID>
"""
_REFERENCE = """  <cbc:BuyerReference>{reference}</cbc:BuyerReference>
"""
_ORDER = """  <cac:OrderReference>
    <cbc:ID>{order}</cbc:ID>
  </cac:OrderReference>
"""
_REPRESENTATIVE = """  <cac:TaxRepresentativeParty>
    <cac:PartyName>
      <cbc:Name>Fiscaal Vertegenwoordiger BV</cbc:Name>
    </cac:PartyName>
    <cac:PostalAddress>
      <cbc:CityName>Rotterdam</cbc:CityName>
      <cac:Country>
        <cbc:IdentificationCode>NL</cbc:IdentificationCode>
      </cac:Country>
    </cac:PostalAddress>
    <cac:PartyTaxScheme>
      <cbc:CompanyID>NL123456789B13</cbc:CompanyID>
      <cac:TaxScheme>
        <cbc:ID>VAT</cbc:ID>
      </cac:TaxScheme>
    </cac:PartyTaxScheme>
  </cac:TaxRepresentativeParty>
"""
_TAX = """      <cac:PartyTaxScheme>
        <cbc:CompanyID>{vat}</cbc:CompanyID>
        <cac:TaxScheme>
          <cbc:ID>VAT</cbc:ID>
        </cac:TaxScheme>
      </cac:PartyTaxScheme>
"""
_LEGAL = """        <cbc:CompanyID schemeID="{scheme}">{value}</cbc:CompanyID>
"""
_MEANS = """  <cac:PaymentMeans>
    <cbc:PaymentMeansCode>{code}</cbc:PaymentMeansCode>
    <cbc:PaymentID>{number}</cbc:PaymentID>
    <cac:PayeeFinancialAccount>
      <cbc:ID>{iban}</cbc:ID>
    </cac:PayeeFinancialAccount>
  </cac:PaymentMeans>
"""
_TOTALS = """  <cac:PaymentTerms>
    <cbc:Note>Betaling binnen 30 dagen</cbc:Note>
  </cac:PaymentTerms>
  <cac:TaxTotal>
    <cbc:TaxAmount currencyID="EUR">{tax}</cbc:TaxAmount>
    <cac:TaxSubtotal>
      <cbc:TaxableAmount currencyID="EUR">{net}</cbc:TaxableAmount>
      <cbc:TaxAmount currencyID="EUR">{tax}</cbc:TaxAmount>
      <cac:TaxCategory>
        <cbc:ID>S</cbc:ID>
        <cbc:Percent>21</cbc:Percent>
        <cac:TaxScheme>
          <cbc:ID>VAT</cbc:ID>
        </cac:TaxScheme>
      </cac:TaxCategory>
    </cac:TaxSubtotal>
  </cac:TaxTotal>
  <cac:LegalMonetaryTotal>
    <cbc:LineExtensionAmount currencyID="EUR">{net}</cbc:LineExtensionAmount>
    <cbc:TaxExclusiveAmount currencyID="EUR">{net}</cbc:TaxExclusiveAmount>
    <cbc:TaxInclusiveAmount currencyID="EUR">{gross}</cbc:TaxInclusiveAmount>
    <cbc:PayableAmount currencyID="EUR">{gross}</cbc:PayableAmount>
  </cac:LegalMonetaryTotal>
"""
_ADRES_2 = """        <cbc:AdditionalStreetName>{text}</cbc:AdditionalStreetName>
"""
_LINE = """  <cac:{root}Line>
    <cbc:ID>{line}</cbc:ID>
    <cbc:Note>Levering volgens afspraak, post {line} van factuur {number}</cbc:Note>
    <cbc:{quantity} unitCode="C62">{pieces}</cbc:{quantity}>
    <cbc:LineExtensionAmount currencyID="EUR">{amount}</cbc:LineExtensionAmount>
    <cac:Item>
      <cbc:Description>Bouwmateriaal voor het werk aan de Hoofdstraat, kwaliteit A, verpakt per {pieces} stuks, \
vrij geleverd op de bouwplaats tijdens kantooruren na telefonische aankondiging</cbc:Description>
      <cbc:Name>Artikel {line} voor {number}</cbc:Name>
      <cac:SellersItemIdentification>
        <cbc:ID>ART-{number}-{line}</cbc:ID>
      </cac:SellersItemIdentification>
      <cac:ClassifiedTaxCategory>
        <cbc:ID>S</cbc:ID>
        <cbc:Percent>21</cbc:Percent>
        <cac:TaxScheme>
          <cbc:ID>VAT</cbc:ID>
        </cac:TaxScheme>
      </cac:ClassifiedTaxCategory>
      <cac:AdditionalItemProperty>
        <cbc:Name>Kleur</cbc:Name>
        <cbc:Value>Antraciet {line}</cbc:Value>
      </cac:AdditionalItemProperty>
      <cac:AdditionalItemProperty>
        <cbc:Name>Bestemming</cbc:Name>
        <cbc:Value>Bouwplaats Hoofdstraat, vak {line}, lossen aan de achterzijde</cbc:Value>
      </cac:AdditionalItemProperty>
    </cac:Item>
    <cac:Price>
      <cbc:PriceAmount currencyID="EUR">{price}</cbc:PriceAmount>
    </cac:Price>
  </cac:{root}Line>
"""


def invoice(
    *,
    number: str = "F1",
    issue_date: str = "2026-11-02",
    lines: int = 1,
    seller_name: str = "Bakker Bouwmaterialen BV",
    seller_kvk: str | None = "69599068",
    seller_oin: str | None = None,
    seller_vat: str | None = "NL123456789B13",
    seller_street: str = "Hoofdstraat 1",
    seller_postcode: str = "3511 AB",
    seller_city: str = "Utrecht",
    seller_country: str = "NL",
    buyer_name: str = "Aannemer De Jong BV",
    buyer_kvk: str | None = "58070036",
    buyer_oin: str | None = None,
    buyer_vat: str | None = None,
    buyer_endpoint: tuple[str, str] | None = None,
    buyer_street: str = "Marktplein 12",
    buyer_postcode: str = "1234 AB",
    buyer_city: str = "Amersfoort",
    buyer_country: str = "NL",
    adres2: str | None = None,
    reference: str | None = None,
    order: str | None = None,
    payment_means: str | None = "30",
    iban: str = "NL91ABNA0417164300",
    credit_note: bool = False,
    break_rule: str | None = None,
) -> bytes:
    """A UBL 2.1 invoice (or credit note) by NLCIUS with ``lines`` lines at 21 % VAT.

    An OIN goes before a KvK number. ``buyer_endpoint`` is scheme and value. ``adres2`` is Globe's second address
    line of the buyer. Without ``reference`` the buyer's reference is made from the number. ``break_rule`` breaks
    just that rule (one of ``BREAKS``; ``KeyError`` for another).
    """
    root = "CreditNote" if credit_note else "Invoice"
    number = escape(number)
    net = Decimal(0)
    body: list[str] = []
    for line in range(1, lines + 1):
        pieces, price = 1 + line % 7, Decimal(1000 + 37 * line) / 100
        net += pieces * price
        body.append(
            _LINE.format(
                root=root, line=line, number=number, pieces=pieces, price=price, amount=pieces * price,
                quantity="CreditedQuantity" if credit_note else "InvoicedQuantity",
            )
        )  # fmt: skip
    tax = (net * _RATE / 100).quantize(Decimal("0.01"))
    text = "".join(
        (
            _HEAD.format(
                root=root, number=number, issue_date=issue_date,
                type_code="381" if credit_note else "380",
                due="" if credit_note else f"  <cbc:DueDate>{issue_date}</cbc:DueDate>\n",
                reference=_REFERENCE.format(reference=escape(reference or f"ORDER-{number}")),
            ),
            _ORDER.format(order=escape(order)) if order else "",
            _PARTY.format(
                role="Supplier", name=escape(seller_name), street=escape(seller_street), adres2="",
                city=escape(seller_city), postcode=escape(seller_postcode), country=seller_country, endpoint="",
                tax=_TAX.format(vat=escape(seller_vat)) if seller_vat else "",
                legal=_legal(seller_kvk, seller_oin),
            ),
            _PARTY.format(
                role="Customer", name=escape(buyer_name), street=escape(buyer_street),
                adres2=_ADRES_2.format(text=escape(adres2)) if adres2 else "",
                city=escape(buyer_city), postcode=escape(buyer_postcode), country=buyer_country,
                endpoint=_endpoint(buyer_endpoint),
                tax=_TAX.format(vat=escape(buyer_vat)) if buyer_vat else "",
                legal=_legal(buyer_kvk, buyer_oin),
            ),
            _MEANS.format(code=escape(payment_means), number=number, iban=iban) if payment_means else "",
            _TOTALS.format(net=net, tax=tax, gross=net + tax),
            *body,
            f"</{root}>\n",
        )
    )  # fmt: skip
    if break_rule is not None:
        text = BREAKS[break_rule](text)
    return text.encode()


def plain(**terms: Any) -> bytes:
    """An invoice as ``invoice`` makes it that claims nothing but EN 16931."""
    return invoice(**terms).replace(b"#compliant#urn:fdc:nen.nl:nlcius:v1.0", b"")


def _legal(kvk: str | None, oin: str | None) -> str:
    scheme, value = ("0190", oin) if oin else ("0106", kvk)
    return _LEGAL.format(scheme=scheme, value=escape(value)) if value else ""


def _endpoint(endpoint: tuple[str, str] | None) -> str:
    return _ENDPOINT.format(scheme=escape(endpoint[0]), value=escape(endpoint[1])) if endpoint else ""


def _swap(pattern: str, new: str, *, last: bool = False) -> Callable[[str], str]:
    """Replace the first (or last) match; a pattern that matches nothing is a mistake in this file."""

    def change(text: str) -> str:
        found = list(re.finditer(pattern, text, re.DOTALL))
        match = found[-1 if last else 0]
        return text[: match.start()] + match.expand(new) + text[match.end() :]

    return change


def _raise(*names: str) -> Callable[[str], str]:
    """Add 1.00 to these amounts."""

    def change(text: str) -> str:
        for name in names:
            text = re.sub(
                rf'(<cbc:{name} currencyID="EUR">)([0-9.]+)<',
                lambda m: f"{m[1]}{Decimal(m[2]) + 1}<",
                text,
                count=1,
            )
        return text

    return change


def _cut(pattern: str) -> Callable[[str], str]:
    """Take out what the pattern matches, but keep its first group."""
    return _swap(pattern, r"\1")


_SELLER, _BUYER = r"(AccountingSupplierParty.*?)", r"(AccountingCustomerParty.*?)"
_FIRST_LINE = r"(<cac:InvoiceLine>.*?)"
BREAKS: Mapping[str, Callable[[str], str]] = {
    "UBL-XSD": _swap(r"(  <cbc:ID>[^<]*</cbc:ID>\n)(  <cbc:IssueDate>[^<]*</cbc:IssueDate>\n)", r"\2\1"),
    "BR-NL-1": _swap(rf"{_SELLER}schemeID=\"0106\"", r'\1schemeID="0060"'),
    "BR-NL-2": _cut(r"()  <cbc:BuyerReference>.*?</cbc:BuyerReference>\n"),
    "BR-NL-3": _cut(rf"{_SELLER}        <cbc:CityName>.*?</cbc:CityName>\n"),
    "BR-NL-4": _cut(rf"{_BUYER}        <cbc:PostalZone>.*?</cbc:PostalZone>\n"),
    "BR-NL-5": _swap(r"(</cac:AccountingCustomerParty>\n)", rf"\1{_REPRESENTATIVE}"),
    "BR-NL-7": _swap(r"TypeCode>380<", "TypeCode>325<"),
    "BR-NL-8": _swap(r"TypeCode>380<", "TypeCode>381<"),
    "BR-NL-9": _swap(r"TypeCode>380<", "TypeCode>384<"),
    "BR-NL-10": _swap(rf"{_BUYER}schemeID=\"0106\"", r'\1schemeID="0208"'),
    "BR-NL-11": _cut(r"()  <cac:PaymentMeans>.*?</cac:PaymentMeans>\n"),
    "BR-NL-12": _swap(r"MeansCode>30<", "MeansCode>42<"),
    "BR-NL-13": _swap(
        r"(</cbc:LineExtensionAmount>\n)(    <cac:Item>)",
        r"\1    <cac:OrderLineReference><cbc:LineID>1</cbc:LineID></cac:OrderLineReference>\n\2",
    ),
    "BR-02": _swap(r"  <cbc:ID>[^<]*<", "  <cbc:ID><"),
    "BR-06": _cut(rf"{_SELLER}        <cbc:RegistrationName>.*?</cbc:RegistrationName>\n"),
    "BR-07": _cut(rf"{_BUYER}        <cbc:RegistrationName>.*?</cbc:RegistrationName>\n"),
    "BR-08": _cut(rf"{_SELLER}      <cac:PostalAddress>.*?</cac:PostalAddress>\n"),
    "BR-10": _cut(rf"{_BUYER}      <cac:PostalAddress>.*?</cac:PostalAddress>\n"),
    "BR-11": _cut(rf"{_BUYER}        <cac:Country>.*?</cac:Country>\n"),
    "BR-21": _swap(rf"{_FIRST_LINE}<cbc:ID>[^<]*<", r"\1<cbc:ID><"),
    "BR-23": _cut(rf"{_FIRST_LINE} unitCode=\"C62\""),
    "BR-25": _cut(rf"{_FIRST_LINE}      <cbc:Name>.*?</cbc:Name>\n"),
    "BR-27": _swap(rf"{_FIRST_LINE}(<cbc:PriceAmount[^>]*>)", r"\1\2-"),
    "BR-CO-10": _raise("LineExtensionAmount", "TaxExclusiveAmount", "TaxInclusiveAmount", "PayableAmount"),
    "BR-CO-13": _raise("TaxExclusiveAmount", "TaxInclusiveAmount", "PayableAmount"),
    "BR-CO-14": _raise("TaxAmount", "TaxInclusiveAmount", "PayableAmount"),
    "BR-CO-15": _raise("TaxInclusiveAmount", "PayableAmount"),
    "BR-CO-16": _raise("PayableAmount"),
    "UBL-SR-09": _swap(
        rf"{_SELLER}(      <cac:PartyLegalEntity>.*?</cac:PartyLegalEntity>\n)",
        r"\1\2      <cac:PartyLegalEntity>"
        r"<cbc:RegistrationName>Bakker Holding BV</cbc:RegistrationName></cac:PartyLegalEntity>\n",
    ),
}
"""One change each that breaks one fatal rule, and no other save those in ``ALONGSIDE``, of a lawful invoice."""

ALONGSIDE: Mapping[str, tuple[str, ...]] = {"BR-NL-8": ("BR-CL-01",)}
"""What cannot be left whole: 381 is in no list of codes for invoices."""


def pdf(text: str) -> bytes:
    """A PDF of one page with one line of text (ISO 32000-1)."""
    shown = (
        text.encode("latin-1", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    )
    stream = b"BT /F1 18 Tf 72 760 Td (" + shown + b") Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, table, len(objects) + 1, len(out),
    )  # fmt: skip
