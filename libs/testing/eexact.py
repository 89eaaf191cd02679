"""eExact ``<Invoices>`` files made to order, as Exact Globe exports them (exact.md §1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr


@dataclass(frozen=True, slots=True)
class GlobeInvoice:
    """One invoice of the file; amounts are per line, two pieces of ``price`` each."""

    number: str = "14700123"
    adres_2: str = "58070036"
    buyer: str = "Klant Holding BV"
    orderer: str = "Filiaal Noord"
    orderer_adres_2: str = ""
    vat: str = ""
    lines: int = 1
    price: Decimal = Decimal("100.00")
    rate: Decimal = Decimal(21)


def file(invoices: Sequence[GlobeInvoice] = (GlobeInvoice(),), company: str = "Leverancier BV") -> bytes:
    """A file of these invoices."""
    body = "".join(_invoice(each) for each in invoices)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<eExact xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="eExact-Schema.xsd">\n'
        f'<Invoices companycode="001" companyname={quoteattr(company)}>\n{body}</Invoices>\n</eExact>\n'
    ).encode()


def _invoice(of: GlobeInvoice) -> str:
    vat = f"<VATNumber>{escape(of.vat)}</VATNumber>" if of.vat else ""
    lines = "".join(_line(number, of) for number in range(1, of.lines + 1))
    return f""" <Invoice type="V" code="30" number="{escape(of.number)}">
  <YourRef>PO-4711</YourRef>
  <OurRef>20143456</OurRef>
  <Date>2026-11-18</Date>
  <Order type="V" number="20143456"/>
  <Currency code="EUR"><Description>Euro</Description></Currency>
  <Rate>1</Rate>
  <CalcIncludeVAT>N</CalcIncludeVAT>
  <Resource number="1"/>
  <OrderedBy>
   <Debtor code="000010" number="10" type="C"><Name>{escape(of.orderer)}</Name></Debtor>
   <Address type="VIS"><AddressLine1>Dorpsstraat 2</AddressLine1><AddressLine2>{escape(of.orderer_adres_2)}</AddressLine2>
    <Country code="NL"/></Address>
  </OrderedBy>
  <DeliverTo><Debtor code="000010"><Name>Filiaal Noord</Name></Debtor>
   <Address type="DEL"><AddressLine1>Dorpsstraat 2</AddressLine1><PostalCode>9712 AB</PostalCode><City>Groningen</City>
    <Country code="NL"/></Address></DeliverTo>
  <InvoiceTo>
   <Debtor code="000009" number="9"><Name>{escape(of.buyer)}</Name>{vat}</Debtor>
   <Address type="INV">
    <Addressee><Name>Crediteurenadministratie</Name><Email>facturen@klant.example</Email></Addressee>
    <AddressLine1>Postbus 1</AddressLine1>
    <AddressLine2>{escape(of.adres_2)}</AddressLine2>
    <PostalCode>3011 AA</PostalCode>
    <City>Rotterdam</City>
    <Country code="NL"><Description>Nederland</Description></Country>
   </Address>
  </InvoiceTo>
  <Warehouse code="1"/>
  <PaymentCondition code="30"><Description>30 dagen netto</Description><DaysToPayment>30</DaysToPayment></PaymentCondition>
{lines} </Invoice>
"""


def _line(number: int, of: GlobeInvoice) -> str:
    return f"""  <InvoiceLine lineNo="{number}">
   <Description>Artikel</Description>
   <Item code="ART-{number}"><Description>Onderhoud {number}</Description></Item>
   <Quantity>2</Quantity>
   <Unit unit="uur"/>
   <Price type="S"><Currency code="EUR"><Description>Euro</Description></Currency><Value>{of.price}</Value>
    <VAT code="2" type="V" vattype="E"><Description>BTW</Description><Percentage>{of.rate}</Percentage></VAT></Price>
   <Amount type="S"><Currency code="EUR"/><Value>{of.price * 2}</Value></Amount>
   <Costcenter code="CC1"/>
  </InvoiceLine>
"""
