"""UN/CEFACT Cross Industry Invoice D16B (ZUGFeRD 2, Factur-X, XRechnung CII): read and written (EN 16931-3-3).

Amounts name no currency but the VAT totals: the document says it once. One reference for the payment and one
mandate hold for every means of payment.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import Any

from libs.contracts.parts import Words
from libs.einvoice.formats.cii_lines import Allowances, Lines, reference
from libs.einvoice.formats.cii_parts import (
    ADDRESS,
    BUYER,
    NAMESPACES,
    PAYEE,
    PERIOD,
    QDT,
    RAM,
    REPRESENTATIVE,
    RSM,
    SELLER,
    UDT,
    Fixed,
    Ids,
    Stamp,
    table,
    way,
)
from libs.einvoice.formats.cii_settlement import (
    MEANS,
    TOTALS,
    PaymentReference,
    PaymentTerms,
    VatBreakdowns,
    first,
)
from libs.einvoice.formats.reading import Filled, Read, Reading
from libs.einvoice.formats.table import (
    Group,
    Many,
    Step,
    Text,
    Values,
    finish,
    once,
    qualified,
    quote,
    text_of,
    wrap,
)
from libs.einvoice.formats.written import Written, lost
from libs.einvoice.model import (
    Attached,
    Delivery,
    DocumentTotals,
    Identifier,
    Invoice,
    Note,
    PaymentInstructions,
    Period,
    PostalAddress,
    PrecedingInvoice,
    SupportingDocument,
    VatBreakdown,
)
from libs.einvoice.receivers import Found, Place, ranked
from libs.einvoice.tree import Element

EN16931 = "urn:cen.eu:en16931:2017"

_PREFIXES = {RSM: "rsm:", RAM: "ram:", UDT: "udt:", QDT: "qdt:"}
_REFERENCE = "ram:IssuerAssignedID"


def _tag(name: str) -> str:
    return qualified(name, NAMESPACES)


class AdditionalDocuments:
    """``ram:AdditionalReferencedDocument``: type 50 is the tender or lot (BT-17), 130 the invoiced object (BT-18),
    916 and every other a supporting document (BG-24)."""

    name = "ram:AdditionalReferencedDocument"
    _ID, _TYPE, _SCHEME = _tag(_REFERENCE), _tag("ram:TypeCode"), _tag("ram:ReferenceTypeCode")
    _RULES = table(
        Text(_REFERENCE, "reference"),
        Text("ram:URIID", "external_location"),
        Fixed("ram:TypeCode", "916"),
        Text("ram:Name", "description", joined=True),
    )
    _BINARY = _tag("ram:AttachmentBinaryObject")

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        found = (element.find(tag) for tag in (self._ID, self._TYPE, self._SCHEME))
        number, code, scheme = (text_of(each) if each is not None else None for each in found)
        if code == "50" and number and "tender_or_lot_reference" not in values:
            values["tender_or_lot_reference"] = number
        elif code == "130" and number and "invoiced_object_identifier" not in values:
            values["invoiced_object_identifier"] = Identifier(number, scheme)
        else:
            self._supporting(element, values, reading)

    def _supporting(self, element: Element, values: Values, reading: Reading) -> None:
        inner: Values = {}
        for child in element:
            if child.tag == self._BINARY:
                try:
                    content = base64.b64decode("".join((child.text or "").split()), validate=True)
                except (binascii.Error, ValueError):
                    reading.wrong("READ-ATTACHMENT", child, term="BT-125")
                    continue
                attached = Attached(content, child.get("mimeCode") or None, child.get("filename") or None)
                once(inner, "attached", attached, child, reading)
            elif (rule := self._RULES.by_tag.get(child.tag)) is not None:
                rule.take(child, inner, reading)
            else:
                reading.left(child)
        if inner:
            values.setdefault("supporting_documents", []).append(SupportingDocument(**inner))

    def put(self, source: Any, out: list[str], pad: str) -> None:
        for document in source.supporting_documents:
            out.append(f"{pad}<{self.name}>\n")
            self._RULES.put(document, out, pad + "  ")
            if (attached := document.attached) is not None:
                mime = f' mimeCode="{quote(attached.mime_code)}"' if attached.mime_code is not None else ""
                name = f' filename="{quote(attached.filename)}"' if attached.filename is not None else ""
                content = base64.b64encode(attached.content).decode("ascii")
                out.append(
                    f"{pad}  <ram:AttachmentBinaryObject{mime}{name}>{content}</ram:AttachmentBinaryObject>\n"
                )
            out.append(f"{pad}</{self.name}>\n")
        if source.tender_or_lot_reference is not None:
            out.append(reference(Identifier(source.tender_or_lot_reference), "50", pad))
        if source.invoiced_object_identifier is not None:
            out.append(reference(source.invoiced_object_identifier, "130", pad))


class Project(Step):
    """``ram:SpecifiedProcuringProject``: the schema wants a name beside the number."""

    def put(self, source: Any, out: list[str], pad: str) -> None:
        if source.project_reference is not None:
            super().put(source, out, pad)


class ShipTo(Step):
    """``ram:ShipToTradeParty``; the event and the references behind it are terms of delivery and invoice."""

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        self.table.take(element, values.setdefault("_delivery", {}), reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        if source.delivery is not None:
            wrap(self.name, (self.table,), source.delivery, out, pad)


_NOTE = table(Text("ram:Content", "text"), Text("ram:SubjectCode", "subject_code"))
_PRECEDING = table(
    Text(_REFERENCE, "reference"),
    Stamp("ram:FormattedIssueDateTime", "issue_date", PrecedingInvoice, leaf="qdt:DateTimeString"),
)
_DELIVERY = table(
    ShipTo(
        "ram:ShipToTradeParty",
        table(
            Ids("ram:ID", "location_identifier", many=False),
            Ids("ram:GlobalID", "location_identifier", many=False),
            Text("ram:Name", "deliver_to_party_name"),
            Group("ram:PostalTradeAddress", "address", PostalAddress, ADDRESS),
        ),
    ),
    ShipTo(
        "ram:ActualDeliverySupplyChainEvent",
        table(Stamp("ram:OccurrenceDateTime", "actual_delivery_date", Delivery)),
    ),
    way("ram:DespatchAdviceReferencedDocument", Text(_REFERENCE, "despatch_advice_reference")),
    way("ram:ReceivingAdviceReferencedDocument", Text(_REFERENCE, "receiving_advice_reference")),
)


class Always(Step):
    """A part that the schema wants, empty or not."""

    def put(self, source: Any, out: list[str], pad: str) -> None:
        place = len(out)
        super().put(source, out, pad)
        if len(out) == place:
            out.append(f"{pad}<{self.name}/>\n")


_CONTEXT = "ram:{}SpecifiedDocumentContextParameter"
_DOCUMENT = table(
    way(
        "rsm:ExchangedDocumentContext",
        way(_CONTEXT.format("BusinessProcess"), Text("ram:ID", "business_process_type")),
        way("ram:GuidelineSpecifiedDocumentContextParameter", Text("ram:ID", "specification_identifier")),
    ),
    way(
        "rsm:ExchangedDocument",
        Text("ram:ID", "number"),
        Text("ram:TypeCode", "type_code"),
        Stamp("ram:IssueDateTime", "issue_date", Invoice),
        Many("ram:IncludedNote", "notes", Note, _NOTE),
    ),
    way(
        "rsm:SupplyChainTradeTransaction",
        Lines(),
        way(
            "ram:ApplicableHeaderTradeAgreement",
            Text("ram:BuyerReference", "buyer_reference"),
            SELLER,
            BUYER,
            REPRESENTATIVE,
            way("ram:SellerOrderReferencedDocument", Text(_REFERENCE, "sales_order_reference")),
            way("ram:BuyerOrderReferencedDocument", Text(_REFERENCE, "purchase_order_reference")),
            way("ram:ContractReferencedDocument", Text(_REFERENCE, "contract_reference")),
            AdditionalDocuments(),
            Project(
                "ram:SpecifiedProcuringProject",
                table(Text("ram:ID", "project_reference"), Fixed("ram:Name", "Project reference")),
            ),
        ),
        Always("ram:ApplicableHeaderTradeDelivery", _DELIVERY),
        way(
            "ram:ApplicableHeaderTradeSettlement",
            Text("ram:CreditorReferenceID", "bank_assigned_creditor_identifier"),
            PaymentReference(),
            Text("ram:TaxCurrencyCode", "vat_accounting_currency_code"),
            Text("ram:InvoiceCurrencyCode", "currency_code"),
            PAYEE,
            Many(
                "ram:SpecifiedTradeSettlementPaymentMeans",
                "payment_instructions",
                PaymentInstructions,
                MEANS,
            ),
            VatBreakdowns(),
            Group("ram:BillingSpecifiedPeriod", "period", Period, PERIOD),
            Allowances("BG-20", "BG-21", taxed=True),
            PaymentTerms(),
            Group("ram:SpecifiedTradeSettlementHeaderMonetarySummation", "totals", DocumentTotals, TOTALS),
            Many("ram:InvoiceReferencedDocument", "preceding_invoices", PrecedingInvoice, _PRECEDING),
            way(
                "ram:ReceivableSpecifiedTradeAccountingAccount", Text("ram:ID", "buyer_accounting_reference")
            ),
        ),
    ),
)


_SHARED = {"remittance_information": "BT-83", "mandate_reference_identifier": "BT-89"}
"""Terms of a means of payment that CII has once for all."""


def read(root: Element) -> Read:
    """A ``CrossIndustryInvoice`` as a model. Never raises for what is inside."""
    reading = Reading(dict(_PREFIXES))
    code = next(root.iter(_tag("ram:InvoiceCurrencyCode")), None)
    reading.currency = text_of(code) if code is not None else None
    values: Values = {}
    _DOCUMENT.take(root, values, reading)
    reading.stray(root)
    for each in root.iter("{}*"):
        # A part of the file without namespaces: no rule knows it, whatever it says.
        reading.wrong("READ-MIXED", each)
    delivery = values.pop("_delivery", None)
    if delivery:
        values["delivery"] = Delivery(**delivery)
    shared = {
        field: values.pop(name)
        for name, field in (
            ("_reference", "remittance_information"),
            ("_mandate", "mandate_reference_identifier"),
        )
        if name in values
    }
    if shared:
        means = values.get("payment_instructions") or [PaymentInstructions()]
        for field, number in _SHARED.items():
            if field in shared and len(means) > 1:
                reading.took(
                    number,
                    shared[field],
                    "CII noemt dit een keer voor de hele factuur; het geldt voor elke betaalwijze.",
                    "CII says this once for the whole invoice; it holds for every means of payment.",
                )
        values["payment_instructions"] = [replace(each, **shared) for each in means]
    invoice = Invoice(**finish(values))
    transaction = "rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTrade"
    reading.require(
        root,
        (
            ("BT-1", "rsm:ExchangedDocument/ram:ID", invoice.number),
            ("BT-2", "rsm:ExchangedDocument/ram:IssueDateTime", invoice.issue_date),
            ("BG-4", f"{transaction}Agreement/ram:SellerTradeParty", invoice.seller),
            ("BG-7", f"{transaction}Agreement/ram:BuyerTradeParty", invoice.buyer),
            (
                "BG-22",
                f"{transaction}Settlement/ram:SpecifiedTradeSettlementHeaderMonetarySummation",
                invoice.totals,
            ),
            ("BG-25", "rsm:SupplyChainTradeTransaction/ram:IncludedSupplyChainTradeLineItem", invoice.lines),
        ),
    )
    return reading.done(invoice, _candidates(root))


def _candidates(root: Element) -> list[Found]:
    buyer = next(root.iter(_tag("ram:BuyerTradeParty")), None)
    if buyer is None:
        return []
    above = "/rsm:CrossIndustryInvoice/rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeAgreement"
    path = f"{above}/ram:BuyerTradeParty"

    def places(*names: str) -> list[Place]:
        found = buyer.findall("/".join(_tag(name) for name in names))
        return [Place(each.text, each.get("schemeID"), f"{path}/{'/'.join(names)}") for each in found]

    named = [
        *places("ram:SpecifiedLegalOrganization", "ram:ID"),
        *places("ram:URIUniversalCommunication", "ram:URIID"),
        *places("ram:GlobalID"),
        *places("ram:ID"),
    ]
    taxed = places("ram:SpecifiedTaxRegistration", "ram:ID")
    lines = [
        *places("ram:PostalTradeAddress", "ram:LineTwo"),
        *places("ram:PostalTradeAddress", "ram:LineThree"),
    ]
    return ranked(named, taxed, lines)


_GROSS = Words(
    nl="Brutoprijs berekend als nettoprijs plus korting, omdat CII geen korting zonder brutoprijs kent.",
    en="Gross price worked out as net price plus discount, because CII has no discount without a gross price.",
)
_CAPITALS = Words(
    nl="De code van de vrijstelling in hoofdletters, zoals de codelijst haar heeft.",
    en="The code of the exemption in capitals, as the code list has it.",
)
_PROFILE = Words(
    nl="CII wordt geschreven volgens de kern van EN 16931; de bron noemde een ander profiel of geen.",
    en="CII is written as the core of EN 16931; the source named another profile or none.",
)


def write(invoice: Invoice) -> Written:
    """The invoice as CII D16B in UTF-8, profile EN 16931."""
    missing = lost(invoice, {"NL-GACCOUNT-ID", "NL-GACCOUNT-AMOUNT"})
    for field, number in _SHARED.items():
        kept = first(invoice, field)
        missing += tuple(term for term in lost(invoice, {number}) if term.value != kept)
    if not invoice.vat_breakdown:
        missing += lost(invoice, {"BT-7", "BT-8"})
    if (
        invoice.vat_accounting_currency_code is not None
        and invoice.vat_accounting_currency_code == invoice.currency_code
    ):
        # CII has a second currency only where it is another one (BR-53); UBL may name the same twice.
        missing += lost(invoice, {"BT-6", "BT-111"})
        totals = invoice.totals
        invoice = replace(
            invoice,
            vat_accounting_currency_code=None,
            totals=replace(totals, total_vat_in_accounting_currency=None) if totals is not None else None,
        )
    filled: list[Filled] = []
    invoice = replace(invoice, vat_breakdown=tuple(_exempt(each, filled) for each in invoice.vat_breakdown))
    if invoice.specification_identifier != EN16931:
        filled.append(Filled("BT-24", EN16931, _PROFILE))
    lines = []
    for line in invoice.lines:
        price = line.price
        if price is not None and price.discount is not None and price.gross_price is None and price.net_price:
            gross = price.net_price._replace(value=price.net_price.value + price.discount.value)
            filled.append(Filled("BT-148", f"{gross.value:f}", _GROSS))
            line = replace(line, price=replace(price, gross_price=gross))
        lines.append(line)
    return Written(
        _xml(replace(invoice, specification_identifier=EN16931, lines=tuple(lines))), missing, tuple(filled)
    )


def _exempt(each: VatBreakdown, filled: list[Filled]) -> VatBreakdown:
    """The code of the exemption in capitals, as the list has it, and a zero without a sign: the rules of CII take no
    other, where those of UBL do."""
    code, tax = each.exemption_reason_code, each.tax_amount
    if code is not None and code.lower().startswith("vatex-") and code != code.upper():
        filled.append(Filled("BT-121", code.upper(), _CAPITALS))
        each = replace(each, exemption_reason_code=code.upper())
    if tax is not None and not tax.value and tax.value.is_signed():
        each = replace(each, tax_amount=tax._replace(value=tax.value.copy_abs()))
    return each


def _xml(invoice: Invoice) -> bytes:
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        f'<rsm:CrossIndustryInvoice xmlns:rsm="{RSM}" xmlns:ram="{RAM}" xmlns:udt="{UDT}" xmlns:qdt="{QDT}">\n',
    ]
    _DOCUMENT.put(invoice, out, "  ")
    out.append("</rsm:CrossIndustryInvoice>\n")
    return "".join(out).encode()
