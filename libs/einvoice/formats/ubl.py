"""UBL 2.x Invoice and CreditNote: read into the model, written from it (EN 16931-3-2, exact.md §2).

Read tolerantly (UBL 2.0 and 2.1, SI-UBL 1.0 to 2.0, Peppol BIS 3, e-FFF), written as UBL 2.1 in the order of its
schema. Which root a document gets is said by its type code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lxml import etree

from libs.einvoice import detect
from libs.einvoice.formats.reading import Read, Reading
from libs.einvoice.formats.table import Day, Group, Ignored, Many, Step, Table, Text, Values, finish
from libs.einvoice.formats.ubl_lines import Allowances, Lines
from libs.einvoice.formats.ubl_parties import (
    BUYER,
    DELIVERY,
    PAYEE,
    REPRESENTATIVE,
    SELLER,
    table,
)
from libs.einvoice.formats.ubl_references import (
    TOTALS,
    AdditionalDocuments,
    Notes,
    OrderReference,
    PaymentMeans,
    PaymentTerms,
    PeriodCode,
    TaxTotals,
)
from libs.einvoice.model import DocumentTotals, Invoice, Period, PrecedingInvoice
from libs.einvoice.tree import CAC, CBC, Element

_PREFIXES = {CBC: "cbc:", CAC: "cac:"}
_PERIOD = table(Day("cbc:StartDate", "start_date", Period), Day("cbc:EndDate", "end_date", Period))
_PRECEDING = table(
    Step(
        "cac:InvoiceDocumentReference",
        table(Text("cbc:ID", "reference"), Day("cbc:IssueDate", "issue_date", PrecedingInvoice)),
    )
)


def _reference(name: str, field: str) -> Step:
    return Step(name, table(Text("cbc:ID", field)))


_HEAD = (
    Ignored("cbc:UBLVersionID"),
    Text("cbc:CustomizationID", "specification_identifier"),
    Text("cbc:ProfileID", "business_process_type"),
    Text("cbc:ID", "number"),
    Day("cbc:IssueDate", "issue_date", Invoice),
)
_CURRENCIES = (
    Text("cbc:DocumentCurrencyCode", "currency_code"),
    Text("cbc:TaxCurrencyCode", "vat_accounting_currency_code"),
    Text("cbc:AccountingCost", "buyer_accounting_reference"),
    Text("cbc:BuyerReference", "buyer_reference"),
    PeriodCode(_PERIOD, Period),
    OrderReference(),
    Many("cac:BillingReference", "preceding_invoices", PrecedingInvoice, _PRECEDING),
    _reference("cac:DespatchDocumentReference", "despatch_advice_reference"),
    _reference("cac:ReceiptDocumentReference", "receiving_advice_reference"),
)
_CONTRACT = _reference("cac:ContractDocumentReference", "contract_reference")
_TENDER = _reference("cac:OriginatorDocumentReference", "tender_or_lot_reference")
_PARTIES = (SELLER, BUYER, PAYEE, REPRESENTATIVE, DELIVERY)
_TOTALS = (TaxTotals(), Group("cac:LegalMonetaryTotal", "totals", DocumentTotals, TOTALS))
_ALLOWANCES = Allowances("BG-20", "BG-21", taxed=True)

_INVOICE = table(
    *_HEAD,
    Day("cbc:DueDate", "payment_due_date", Invoice),
    Text("cbc:InvoiceTypeCode", "type_code"),
    Notes(),
    Day("cbc:TaxPointDate", "vat_point_date", Invoice),
    *_CURRENCIES,
    _TENDER,
    _CONTRACT,
    AdditionalDocuments(project=False),
    _reference("cac:ProjectReference", "project_reference"),
    *_PARTIES,
    PaymentMeans(due=False),
    PaymentTerms(),
    _ALLOWANCES,
    *_TOTALS,
    Lines("cac:InvoiceLine", "cbc:InvoicedQuantity"),
)
_CREDIT_NOTE = table(
    *_HEAD,
    Day("cbc:TaxPointDate", "vat_point_date", Invoice),
    Text("cbc:CreditNoteTypeCode", "type_code"),
    Notes(),
    *_CURRENCIES,
    _CONTRACT,
    AdditionalDocuments(project=True),
    _TENDER,
    *_PARTIES,
    PaymentMeans(due=True),
    PaymentTerms(),
    _ALLOWANCES,
    *_TOTALS,
    Lines("cac:CreditNoteLine", "cbc:CreditedQuantity"),
    # Not in the schema of a credit note, and some write it all the same.
    aliases=(Day("cbc:DueDate", "payment_due_date", Invoice),),
)
_READ_BY: Mapping[str, Table] = {detect.INVOICE: _INVOICE, detect.CREDIT_NOTE: _CREDIT_NOTE}
_FOREIGN = frozenset(f"{{{CBC}}}{name}" for name in ("InvoiceTypeCode", "CreditNoteTypeCode")) | frozenset(
    f"{{{CAC}}}{name}" for name in ("InvoiceLine", "CreditNoteLine")
)


def read(root: Element) -> Read:
    """An ``Invoice`` or ``CreditNote`` element as a model. Never raises for what is inside."""
    namespace = etree.QName(root).namespace or ""
    rules = _READ_BY.get(namespace, _INVOICE)
    reading = Reading(dict(_PREFIXES))
    values: Values = {}
    rules.take(root, values, reading)
    reading.stray(root)
    for child in root:
        # Lines of a credit note inside an invoice would otherwise be left out with a bare remark.
        if child.tag in _FOREIGN and child.tag not in rules.by_tag:
            reading.wrong("READ-MIXED", child)
    _settle(values, reading, namespace)
    invoice = Invoice(**finish(values))
    reading.require(
        root,
        (
            ("BT-1", "cbc:ID", invoice.number),
            ("BT-2", "cbc:IssueDate", invoice.issue_date),
            ("BG-4", "cac:AccountingSupplierParty", invoice.seller),
            ("BG-7", "cac:AccountingCustomerParty", invoice.buyer),
            ("BG-22", "cac:LegalMonetaryTotal", invoice.totals),
            ("BG-25", "cac:InvoiceLine", invoice.lines),
        ),
    )
    return reading.done(invoice)


def _settle(values: Values, reading: Reading, namespace: str) -> None:
    vat, accounting = values.pop("_vat", None), values.pop("_vat_accounting", None)
    if vat is not None or accounting is not None:
        totals = values.get("totals") or DocumentTotals()
        values["totals"] = replace(totals, total_vat=vat, total_vat_in_accounting_currency=accounting)
    PaymentTerms.settle(values, reading)
    if values.pop("_creditor", None) == "seller" and "payee" in values:
        reading.took(
            "BT-90",
            values["bank_assigned_creditor_identifier"],
            "Het incassantnummer stond bij de verkoper; waar een begunstigde is, hoort het bij die.",
            "The creditor identifier stood with the seller; where there is a payee it belongs to that one.",
        )
    if "type_code" not in values and namespace == detect.CREDIT_NOTE:
        values["type_code"] = "381"
        reading.took(
            "BT-3",
            "381",
            "Soort 381 (creditnota), omdat het document een CreditNote zonder soortcode is.",
            "Type 381 (credit note), because the document is a CreditNote without a type code.",
        )


def write(invoice: Invoice) -> bytes:
    """The invoice as UBL 2.1 in UTF-8; the same invoice gives the same bytes."""
    credit = invoice.is_credit_note
    name, namespace = ("CreditNote", detect.CREDIT_NOTE) if credit else ("Invoice", detect.INVOICE)
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        f'<{name} xmlns="{namespace}" xmlns:cac="{CAC}" xmlns:cbc="{CBC}">\n',
    ]
    rules = _CREDIT_NOTE if credit else _INVOICE
    put: Any = rules.put
    put(invoice, out, "  ")
    out.append(f"</{name}>\n")
    return "".join(out).encode()
