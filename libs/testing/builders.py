"""Invoices made to order: NLCIUS, lawful by default, with one thing wrong when asked.

Fast enough to feed a benchmark (strings into a template, no tree), plain enough to read in a test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
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
  <cbc:BuyerReference>{reference}</cbc:BuyerReference>
"""

_PARTY = """  <cac:Accounting{role}Party>
    <cac:Party>
      <cac:PostalAddress>
        <cbc:StreetName>{street}</cbc:StreetName>
{adres2}        <cbc:CityName>{city}</cbc:CityName>
        <cbc:PostalZone>{zone}</cbc:PostalZone>
        <cac:Country>
          <cbc:IdentificationCode>NL</cbc:IdentificationCode>
        </cac:Country>
      </cac:PostalAddress>
{tax}      <cac:PartyLegalEntity>
        <cbc:RegistrationName>{name}</cbc:RegistrationName>
{legal}      </cac:PartyLegalEntity>
    </cac:Party>
  </cac:Accounting{role}Party>
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
_TOTALS = """  <cac:PaymentMeans>
    <cbc:PaymentMeansCode>30</cbc:PaymentMeansCode>
    <cbc:PaymentID>{number}</cbc:PaymentID>
    <cac:PayeeFinancialAccount>
      <cbc:ID>NL91ABNA0417164300</cbc:ID>
    </cac:PayeeFinancialAccount>
  </cac:PaymentMeans>
  <cac:PaymentTerms>
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
    seller_kvk: str = "69599068",
    seller_vat: str = "NL123456789B13",
    buyer_name: str = "Aannemer De Jong BV",
    buyer_kvk: str | None = "58070036",
    buyer_oin: str | None = None,
    buyer_vat: str | None = None,
    adres2: str | None = None,
    credit_note: bool = False,
    break_rule: str | None = None,
) -> bytes:
    """A UBL 2.1 invoice (or credit note) by NLCIUS with ``lines`` lines at 21 % VAT.

    ``break_rule`` breaks just that rule (``BREAKS``); ``KeyError`` for one it cannot break. ``adres2`` is
    Globe's second address line of the buyer.
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
                root=root, number=number, issue_date=issue_date, reference=f"ORDER-{number}",
                type_code="381" if credit_note else "380",
                due="" if credit_note else f"  <cbc:DueDate>{issue_date}</cbc:DueDate>\n",
            ),
            _party("Supplier", seller_name, seller_kvk, None, seller_vat, None),
            _party("Customer", buyer_name, buyer_kvk, buyer_oin, buyer_vat, adres2),
            _TOTALS.format(number=number, net=net, tax=tax, gross=net + tax),
            *body,
            f"</{root}>\n",
        )
    )  # fmt: skip
    if break_rule is not None:
        text = BREAKS[break_rule](text)
    return text.encode()


def _party(
    role: str, name: str, kvk: str | None, oin: str | None, vat: str | None, adres2: str | None
) -> str:
    scheme, value = ("0190", oin) if oin else ("0106", kvk)
    return _PARTY.format(
        role=role,
        name=escape(name),
        street="Hoofdstraat 1",
        city="Utrecht",
        zone="3511 AB",
        adres2=f"        <cbc:AdditionalStreetName>{escape(adres2)}</cbc:AdditionalStreetName>\n"
        if adres2
        else "",
        tax=_TAX.format(vat=escape(vat)) if vat else "",
        legal=_LEGAL.format(scheme=scheme, value=escape(value)) if value else "",
    )


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


_SELLER, _BUYER = r"(AccountingSupplierParty.*?)", r"(AccountingCustomerParty.*?)"
BREAKS: Mapping[str, Callable[[str], str]] = {
    "BR-NL-1": _swap(rf"{_SELLER}schemeID=\"0106\"", r'\1schemeID="9999"'),
    "BR-NL-2": _swap(r"  <cbc:BuyerReference>.*?</cbc:BuyerReference>\n", ""),
    "BR-NL-3": _swap(rf"{_SELLER}<cbc:CityName>.*?</cbc:CityName>", r"\1"),
    "BR-NL-4": _swap(rf"{_BUYER}<cbc:PostalZone>.*?</cbc:PostalZone>", r"\1"),
    "BR-NL-7": _swap(r"TypeCode>380<", "TypeCode>325<"),
    "BR-NL-8": _swap(r"TypeCode>380<", "TypeCode>381<"),
    "BR-NL-9": _swap(r"TypeCode>380<", "TypeCode>384<"),
    "BR-NL-10": _swap(rf"{_BUYER}schemeID=\"0106\"", r'\1schemeID="0208"'),
    "BR-NL-11": _swap(r"  <cac:PaymentMeans>.*?</cac:PaymentMeans>\n", ""),
    "BR-NL-12": _swap(r"Code>30<", "Code>42<"),
    "BR-NL-13": _swap(
        r"(</cbc:LineExtensionAmount>\n)(    <cac:Item>)",
        r"\1    <cac:OrderLineReference><cbc:LineID>1</cbc:LineID></cac:OrderLineReference>\n\2",
    ),
    "BR-06": _swap(rf"{_SELLER}<cbc:RegistrationName>.*?</cbc:RegistrationName>", r"\1"),
    "BR-CO-10": _raise("LineExtensionAmount", "TaxExclusiveAmount", "TaxInclusiveAmount", "PayableAmount"),
    "BR-CO-13": _raise("TaxExclusiveAmount", "TaxInclusiveAmount", "PayableAmount"),
    "BR-CO-14": _raise("TaxAmount", "TaxInclusiveAmount", "PayableAmount"),
    "BR-CO-15": _raise("TaxInclusiveAmount", "PayableAmount"),
    "BR-CO-16": _raise("PayableAmount"),
}
"""One change each that breaks one rule of an otherwise lawful invoice."""


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
