"""Clean invoices as large suppliers make them, for measuring: one long line of XML, any number of invoice lines."""

from __future__ import annotations

from decimal import Decimal

from libs.rules import codelists

NLCIUS = "urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0"
PEPPOL = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"'
    ' xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"'
    ' xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">'
    "<cbc:CustomizationID>{claim}</cbc:CustomizationID>"
    "<cbc:ProfileID>urn:fdc:peppol.eu:2017:poacc:billing:01:1.0</cbc:ProfileID><cbc:ID>B-{lines}</cbc:ID>"
    "<cbc:IssueDate>2026-05-01</cbc:IssueDate><cbc:DueDate>2026-06-01</cbc:DueDate>"
    "<cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:Note>Proef</cbc:Note>"
    "<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode><cbc:BuyerReference>REF-1</cbc:BuyerReference>"
    "<cac:OrderReference><cbc:ID>PO-1</cbc:ID></cac:OrderReference>"
)
_PARTY = (
    '<cac:Accounting{role}Party><cac:Party><cbc:EndpointID schemeID="0106">{kvk}</cbc:EndpointID>'
    '<cac:PartyIdentification><cbc:ID schemeID="0106">{kvk}</cbc:ID></cac:PartyIdentification>'
    "<cac:PartyName><cbc:Name>{name}</cbc:Name></cac:PartyName><cac:PostalAddress>"
    "<cbc:StreetName>Hoofdstraat 1</cbc:StreetName><cbc:CityName>Utrecht</cbc:CityName>"
    "<cbc:PostalZone>3511AB</cbc:PostalZone><cac:Country><cbc:IdentificationCode>NL</cbc:IdentificationCode>"
    "</cac:Country></cac:PostalAddress><cac:PartyTaxScheme><cbc:CompanyID>{vat}</cbc:CompanyID><cac:TaxScheme>"
    "<cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme><cac:PartyLegalEntity>"
    '<cbc:RegistrationName>{name} B.V.</cbc:RegistrationName><cbc:CompanyID schemeID="0106">{kvk}</cbc:CompanyID>'
    "</cac:PartyLegalEntity><cac:Contact><cbc:Name>J. Jansen</cbc:Name><cbc:Telephone>0301234567</cbc:Telephone>"
    "<cbc:ElectronicMail>j@example.com</cbc:ElectronicMail></cac:Contact></cac:Party></cac:Accounting{role}Party>"
)
_MEANS = (
    "<cac:PaymentMeans><cbc:PaymentMeansCode>58</cbc:PaymentMeansCode><cbc:PaymentID>B-1</cbc:PaymentID>"
    "<cac:PayeeFinancialAccount><cbc:ID>NL91ABNA0417164300</cbc:ID></cac:PayeeFinancialAccount></cac:PaymentMeans>"
    "<cac:PaymentTerms><cbc:Note>30 dagen</cbc:Note></cac:PaymentTerms>"
)
_SUBTOTAL = (
    '<cac:TaxSubtotal><cbc:TaxableAmount currencyID="EUR">{net}</cbc:TaxableAmount>'
    '<cbc:TaxAmount currencyID="EUR">{tax}</cbc:TaxAmount><cac:TaxCategory><cbc:ID>S</cbc:ID>'
    "<cbc:Percent>{rate}</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory>"
    "</cac:TaxSubtotal>"
)
_TOTALS = (
    '<cac:LegalMonetaryTotal><cbc:LineExtensionAmount currencyID="EUR">{net}</cbc:LineExtensionAmount>'
    '<cbc:TaxExclusiveAmount currencyID="EUR">{net}</cbc:TaxExclusiveAmount>'
    '<cbc:TaxInclusiveAmount currencyID="EUR">{gross}</cbc:TaxInclusiveAmount>'
    '<cbc:PayableAmount currencyID="EUR">{gross}</cbc:PayableAmount></cac:LegalMonetaryTotal>'
)
_LINE = (
    "<cac:InvoiceLine><cbc:ID>{n}</cbc:ID><cbc:Note>Opmerking {n}</cbc:Note>"
    '<cbc:InvoicedQuantity unitCode="C62">{pieces}</cbc:InvoicedQuantity>'
    '<cbc:LineExtensionAmount currencyID="EUR">{net}</cbc:LineExtensionAmount>'
    "<cbc:AccountingCost>4025:{n}</cbc:AccountingCost>"
    "<cac:OrderLineReference><cbc:LineID>{n}</cbc:LineID></cac:OrderLineReference>"
    "<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>"
    "<cbc:AllowanceChargeReason>Korting</cbc:AllowanceChargeReason>"
    '<cbc:Amount currencyID="EUR">1.00</cbc:Amount></cac:AllowanceCharge>'
    "<cac:Item><cbc:Description>Omschrijving van artikel {n}, wat tekst</cbc:Description><cbc:Name>Artikel {n}</cbc:Name>"
    "<cac:SellersItemIdentification><cbc:ID>SKU-{n:06}</cbc:ID></cac:SellersItemIdentification>"
    '<cac:StandardItemIdentification><cbc:ID schemeID="0160">08712345678906</cbc:ID></cac:StandardItemIdentification>'
    '<cac:CommodityClassification><cbc:ItemClassificationCode listID="STI">86776</cbc:ItemClassificationCode>'
    "</cac:CommodityClassification><cac:ClassifiedTaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>{rate}</cbc:Percent>"
    "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:ClassifiedTaxCategory>"
    "<cac:AdditionalItemProperty><cbc:Name>Kleur</cbc:Name><cbc:Value>Zwart</cbc:Value></cac:AdditionalItemProperty>"
    '</cac:Item><cac:Price><cbc:PriceAmount currencyID="EUR">{price}</cbc:PriceAmount></cac:Price>'
    "</cac:InvoiceLine>"
)
_CENT = Decimal("0.01")


def invoice(lines: int, claim: str = NLCIUS, *, unlike: bool = False) -> bytes:
    """A clean invoice of that many lines at 21 and 9 %; ``unlike``: each line in another unit."""
    units = sorted(codelists.codes("unit"))
    nets = {21: Decimal(0), 9: Decimal(0)}
    body: list[str] = []
    for n in range(1, lines + 1):
        rate, pieces, price = 9 if n % 3 == 0 else 21, 1 + n % 7, Decimal(1235 + n % 500) / 100
        net = pieces * price - 1
        nets[rate] += net
        line = _LINE.format(n=n, rate=rate, pieces=pieces, price=price, net=net)
        if unlike:
            line = line.replace("C62", units[n % len(units)])
        body.append(line)
    taxes = {rate: (net * rate / 100).quantize(_CENT) for rate, net in nets.items()}
    total, tax = sum(nets.values()), sum(taxes.values())
    return "".join((
        _HEAD.format(claim=claim, lines=lines),
        _PARTY.format(role="Supplier", kvk="69599068", name="Leverancier", vat="NL123456789B13"),
        _PARTY.format(role="Customer", kvk="58070036", name="Klant", vat="NL002455799B11"),
        _MEANS,
        f'<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">{tax}</cbc:TaxAmount>',
        *(_SUBTOTAL.format(net=nets[rate], tax=taxes[rate], rate=rate) for rate in nets if nets[rate]),
        "</cac:TaxTotal>",
        _TOTALS.format(net=total, gross=total + tax),
        *body,
        "</Invoice>",
    )).encode()  # fmt: skip
