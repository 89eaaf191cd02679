"""Payment, VAT and totals of a Cross Industry Invoice (D16B, EN 16931-3-3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from libs.einvoice.formats.cii_lines import money
from libs.einvoice.formats.cii_parts import NAMESPACES, Fixed, Stamp, stamp_element, table, way
from libs.einvoice.formats.reading import Reading
from libs.einvoice.formats.table import (
    BLANKS,
    Fallback,
    Money,
    Number,
    Text,
    Values,
    escape,
    money_element,
    once,
    qualified,
    read_number,
    text_of,
)
from libs.einvoice.model import Amount, DocumentTotals, Invoice, VatBreakdown
from libs.einvoice.tree import Element

# BT-8: UNTDID 2005 in the standard and in UBL, UNTDID 2475 in CII.
_POINT = {"3": "5", "35": "29", "432": "72"}
_POINT_BACK = {code: term for term, code in _POINT.items()}


def _tag(name: str) -> str:
    return qualified(name, NAMESPACES)


_IBAN_LIKE = frozenset("0123456789")


class CreditorAccount:
    """``ram:PayeePartyCreditorFinancialAccount``: an IBAN, or a number of another kind."""

    name = "ram:PayeePartyCreditorFinancialAccount"
    _RULES = table(
        Text("ram:IBANID", "account_identifier"),
        Text("ram:AccountName", "account_name"),
        aliases=(Fallback("ram:ProprietaryID", "account_identifier"),),
    )

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        self._RULES.take(element, values, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        number, name = source.account_identifier, source.account_name
        if number is None and name is None:
            return
        out.append(f"{pad}<{self.name}>\n")
        iban = number is not None and number[:2].isalpha() and set(number[2:4]) <= _IBAN_LIKE
        if number is not None and iban:
            out.append(f"{pad}  <ram:IBANID>{escape(number)}</ram:IBANID>\n")
        if name is not None:
            out.append(f"{pad}  <ram:AccountName>{escape(name)}</ram:AccountName>\n")
        if number is not None and not iban:
            out.append(f"{pad}  <ram:ProprietaryID>{escape(number)}</ram:ProprietaryID>\n")
        out.append(f"{pad}</{self.name}>\n")


MEANS = table(
    Text("ram:TypeCode", "means_type_code"),
    Text("ram:Information", "means_text", joined=True),
    way(
        "ram:ApplicableTradeSettlementFinancialCard",
        Text("ram:ID", "card_account_number"),
        Text("ram:CardholderName", "card_holder_name"),
    ),
    way("ram:PayerPartyDebtorFinancialAccount", Text("ram:IBANID", "debited_account_identifier")),
    CreditorAccount(),
    way("ram:PayeeSpecifiedCreditorFinancialInstitution", Text("ram:BICID", "service_provider_identifier")),
)


class VatBreakdowns:
    """``ram:ApplicableTradeTax``; each of them carries the point of tax (BT-7, BT-8) of the whole invoice."""

    name = "ram:ApplicableTradeTax"
    _HEAD = table(
        money("ram:CalculatedAmount", "tax_amount", VatBreakdown),
        Fixed("ram:TypeCode", "VAT"),
        Text("ram:ExemptionReason", "exemption_reason"),
        money("ram:BasisAmount", "taxable_amount", VatBreakdown),
        Text("ram:CategoryCode", "category_code"),
        Text("ram:ExemptionReasonCode", "exemption_reason_code"),
    )
    _TAIL = table(Number("ram:RateApplicablePercent", "rate", VatBreakdown))
    _POINT = Stamp("ram:TaxPointDate", "vat_point_date", Invoice, leaf="udt:DateString")
    _CODE = Text("ram:DueDateTypeCode", "vat_point_date_code")

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        inner: Values = {}
        for child in element:
            if child.tag == _tag(self._POINT.name):
                self._POINT.take(child, values, reading)
            elif child.tag == _tag(self._CODE.name):
                code = text_of(child)
                if code is not None:
                    once(values, "vat_point_date_code", _POINT_BACK.get(code, code), child, reading)
            elif rule := self._HEAD.by_tag.get(child.tag) or self._TAIL.by_tag.get(child.tag):
                rule.take(child, inner, reading)
            else:
                reading.left(child)
        if inner:
            values.setdefault("vat_breakdown", []).append(VatBreakdown(**inner))

    def put(self, source: Any, out: list[str], pad: str) -> None:
        code = source.vat_point_date_code
        for each in source.vat_breakdown:
            out.append(f"{pad}<{self.name}>\n")
            self._HEAD.put(each, out, pad + "  ")
            self._POINT.put(source, out, pad + "  ")
            if code is not None:
                said = escape(_POINT.get(code, code))
                out.append(f"{pad}  <ram:DueDateTypeCode>{said}</ram:DueDateTypeCode>\n")
            self._TAIL.put(each, out, pad + "  ")
            out.append(f"{pad}</{self.name}>\n")


class PaymentTerms:
    """``ram:SpecifiedTradePaymentTerms``: terms, due date, and the mandate of a direct debit."""

    name = "ram:SpecifiedTradePaymentTerms"
    _RULES = table(
        Text("ram:Description", "payment_terms", joined=True),
        Stamp("ram:DueDateDateTime", "payment_due_date", Invoice),
        Text("ram:DirectDebitMandateID", "_mandate"),
    )

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        self._RULES.take(element, values, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        mandate = first(source, "mandate_reference_identifier")
        if source.payment_terms is None and source.payment_due_date is None and mandate is None:
            return
        out.append(f"{pad}<{self.name}>\n")
        if source.payment_terms is not None:
            out.append(f"{pad}  <ram:Description>{escape(source.payment_terms)}</ram:Description>\n")
        if source.payment_due_date is not None:
            out.append(stamp_element("ram:DueDateDateTime", source.payment_due_date, pad + "  "))
        if mandate is not None:
            out.append(f"{pad}  <ram:DirectDebitMandateID>{escape(mandate)}</ram:DirectDebitMandateID>\n")
        out.append(f"{pad}</{self.name}>\n")


def first(invoice: Invoice, field: str) -> str | None:
    found: Iterator[str | None] = (getattr(each, field) for each in invoice.payment_instructions)
    return next((each for each in found if each is not None), None)


class PaymentReference:
    """``ram:PaymentReference``: BT-83, once for all means."""

    name = "ram:PaymentReference"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        text = text_of(element)
        if text is not None:
            once(values, "_reference", text, element, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        value = first(source, "remittance_information")
        if value is not None:
            out.append(f"{pad}<{self.name}>{escape(value)}</{self.name}>\n")


class VatTotals:
    """``ram:TaxTotalAmount``: BT-110 in the currency of the invoice, BT-111 in that of the VAT."""

    name = "ram:TaxTotalAmount"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        currency = (element.get("currencyID") or "").strip(BLANKS) or reading.currency
        field = "total_vat" if currency == reading.currency else "total_vat_in_accounting_currency"
        found = read_number(element, reading, DocumentTotals, field)
        if found is not None:
            once(values, field, Amount(found, currency), element, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        totals = (source.total_vat, source.total_vat_in_accounting_currency)
        out.extend(money_element(self.name, value, pad) for value in totals if value is not None)


def _sum(name: str, field: str) -> Money:
    return money(name, field, DocumentTotals)


TOTALS = table(
    _sum("ram:LineTotalAmount", "sum_of_line_net_amounts"),
    _sum("ram:ChargeTotalAmount", "sum_of_charges"),
    _sum("ram:AllowanceTotalAmount", "sum_of_allowances"),
    _sum("ram:TaxBasisTotalAmount", "total_without_vat"),
    VatTotals(),
    _sum("ram:RoundingAmount", "rounding_amount"),
    _sum("ram:GrandTotalAmount", "total_with_vat"),
    _sum("ram:TotalPrepaidAmount", "paid_amount"),
    _sum("ram:DuePayableAmount", "amount_due"),
)
