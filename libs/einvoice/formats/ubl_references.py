"""References, notes, payment and totals of UBL 2.x: where one term of the model is several elements, or several one."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import Any

from libs.einvoice.formats.reading import Reading
from libs.einvoice.formats.table import (
    BLANKS,
    Fallback,
    Money,
    Step,
    Table,
    Text,
    Values,
    escape,
    identifier_element,
    money_element,
    once,
    qualified,
    quote,
    read_date,
    text_of,
    wrap,
)
from libs.einvoice.formats.ubl_lines import BREAKDOWN
from libs.einvoice.formats.ubl_parties import NAMESPACES, table
from libs.einvoice.model import (
    Amount,
    Attached,
    DocumentTotals,
    Identifier,
    Note,
    PaymentInstructions,
    SupportingDocument,
    VatBreakdown,
)
from libs.einvoice.tree import Element

_SUBJECT = re.compile(r"#([A-Z]{3})#(.*)", re.DOTALL)
_ID = qualified("cbc:ID", NAMESPACES)
_TYPE_CODE = qualified("cbc:DocumentTypeCode", NAMESPACES)
_SHARE = qualified("cbc:Amount", NAMESPACES)
_SHARE_OF = qualified("cbc:PaymentMeansID", NAMESPACES)


class Notes:
    """``cbc:Note``; the subject code (BT-21) stands before the text between two ``#``."""

    name = "cbc:Note"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        text = text_of(element)
        if text is None:
            return
        coded = _SUBJECT.fullmatch(text)
        note = Note(coded[1], coded[2].strip(BLANKS) or None) if coded else Note(None, text)
        values.setdefault("notes", []).append(note)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        for note in source.notes:
            code = f"#{note.subject_code}#" if note.subject_code is not None else ""
            out.append(f"{pad}<cbc:Note>{escape(code + (note.text or ''))}</cbc:Note>\n")


class OrderReference:
    """``cac:OrderReference``: its own ID may be missing in the model where only the sales order is known; the
    schema wants one, and ``NA`` says so (Peppol BIS 3)."""

    name = "cac:OrderReference"
    _RULES = table(
        Text("cbc:ID", "purchase_order_reference"), Text("cbc:SalesOrderID", "sales_order_reference")
    )

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        self._RULES.take(element, values, reading)
        if values.get("purchase_order_reference") == "NA" and "sales_order_reference" in values:
            del values["purchase_order_reference"]

    def put(self, source: Any, out: list[str], pad: str) -> None:
        if source.purchase_order_reference is None and source.sales_order_reference is not None:
            number = escape(source.sales_order_reference)
            out.append(
                f"{pad}<{self.name}>\n{pad}  <cbc:ID>NA</cbc:ID>\n"
                f"{pad}  <cbc:SalesOrderID>{number}</cbc:SalesOrderID>\n{pad}</{self.name}>\n"
            )
        else:
            wrap(self.name, (self._RULES,), source, out, pad)


class BinaryObject:
    """``cbc:EmbeddedDocumentBinaryObject``: BT-125 in base64."""

    name = "cbc:EmbeddedDocumentBinaryObject"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        try:
            content = base64.b64decode("".join((element.text or "").split()), validate=True)
        except (binascii.Error, ValueError):
            reading.wrong("READ-ATTACHMENT", element, term="BT-125")
            return
        mime, name = element.get("mimeCode"), element.get("filename")
        once(values, "attached", Attached(content, mime or None, name or None), element, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        attached = source.attached
        if attached is not None:
            mime = f' mimeCode="{quote(attached.mime_code)}"' if attached.mime_code is not None else ""
            name = f' filename="{quote(attached.filename)}"' if attached.filename is not None else ""
            content = base64.b64encode(attached.content).decode("ascii")
            out.append(f"{pad}<{self.name}{mime}{name}>{content}</{self.name}>\n")


_SUPPORTING = table(
    Text("cbc:ID", "reference"),
    Text("cbc:DocumentDescription", "description", joined=True),
    Step(
        "cac:Attachment",
        table(BinaryObject(), Step("cac:ExternalReference", table(Text("cbc:URI", "external_location")))),
    ),
    aliases=(Fallback("cbc:DocumentType", "description"),),
)


class AdditionalDocuments:
    """``cac:AdditionalDocumentReference``: the invoiced object (type 130, BT-18), in a credit note the project
    (type 50, BT-11), else a supporting document (BG-24)."""

    name = "cac:AdditionalDocumentReference"

    def __init__(self, *, project: bool) -> None:
        self.project = project

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        leaf, code = element.find(_ID), element.find(_TYPE_CODE)
        kind = text_of(code) if code is not None else None
        number = text_of(leaf) if leaf is not None else None
        if kind == "130" and leaf is not None and number and "invoiced_object_identifier" not in values:
            values["invoiced_object_identifier"] = Identifier(number, leaf.get("schemeID") or None)
        elif kind == "50" and self.project and number and "project_reference" not in values:
            values["project_reference"] = number
        else:
            inner: Values = {}
            _SUPPORTING.take(element, inner, reading)
            if inner:
                values.setdefault("supporting_documents", []).append(SupportingDocument(**inner))

    def put(self, source: Any, out: list[str], pad: str) -> None:
        if (found := source.invoiced_object_identifier) is not None:
            self._coded(found, "130", out, pad)
        if self.project and source.project_reference is not None:
            self._coded(Identifier(source.project_reference), "50", out, pad)
        for document in source.supporting_documents:
            wrap(self.name, (_SUPPORTING,), document, out, pad)

    def _coded(self, number: Identifier, code: str, out: list[str], pad: str) -> None:
        out.append(f"{pad}<{self.name}>\n")
        out.append(identifier_element("cbc:ID", number, pad + "  "))
        out.append(f"{pad}  <cbc:DocumentTypeCode>{code}</cbc:DocumentTypeCode>\n{pad}</{self.name}>\n")


class PeriodCode:
    """``cbc:DescriptionCode`` of the invoicing period is a term of the invoice (BT-8), not of the period."""

    name = "cac:InvoicePeriod"
    _CODE = "cbc:DescriptionCode"
    _POINT = Text(_CODE, "vat_point_date_code")

    def __init__(self, dates: Table, cls: type) -> None:
        self._dates, self._cls = dates, cls
        self._tag = qualified(self._CODE, NAMESPACES)

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        inner: Values = {}
        for child in element:
            if child.tag == self._tag:
                self._POINT.take(child, values, reading)
            elif (rule := self._dates.by_tag.get(child.tag)) is not None:
                rule.take(child, inner, reading)
            else:
                reading.left(child)
        if inner:
            once(values, "period", self._cls(**inner), element, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        code = source.vat_point_date_code
        if source.period is None and code is None:
            return
        out.append(f"{pad}<{self.name}>\n")
        if source.period is not None:
            self._dates.put(source.period, out, pad + "  ")
        if code is not None:
            out.append(f"{pad}  <{self._CODE}>{escape(code)}</{self._CODE}>\n")
        out.append(f"{pad}</{self.name}>\n")


class MeansCode:
    """``cbc:PaymentMeansCode`` with the means in words beside it (BT-82)."""

    name = "cbc:PaymentMeansCode"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        if (text := text_of(element)) is not None:
            once(values, "means_type_code", text, element, reading)
        if words := (element.get("name") or "").strip(BLANKS):
            once(values, "means_text", words, element, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        if source.means_type_code is not None or source.means_text is not None:
            words = f' name="{quote(source.means_text)}"' if source.means_text is not None else ""
            out.append(f"{pad}<{self.name}{words}>{escape(source.means_type_code or '')}</{self.name}>\n")


class DueDate:
    """``cbc:PaymentDueDate``: a term of the invoice (BT-9) that some versions keep with the means of payment."""

    name = "cbc:PaymentDueDate"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        values["_due"] = element

    def put(self, source: Any, out: list[str], pad: str) -> None:
        pass


class CardNetwork:
    """``cbc:NetworkID``: the schema wants one with every card, EN 16931 has no term for it."""

    name = "cbc:NetworkID"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        if text_of(element) != "NA":
            reading.left(element)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        if source.card_account_number is not None or source.card_holder_name is not None:
            out.append(f"{pad}<cbc:NetworkID>NA</cbc:NetworkID>\n")


class Branch:
    """``cac:FinancialInstitutionBranch``: its ID is BT-86, and in older profiles the BIC stands one step deeper."""

    name = "cac:FinancialInstitutionBranch"
    _INSTITUTION = qualified("cac:FinancialInstitution", NAMESPACES)

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        branch, bic = element.find(_ID), element.find(f"{self._INSTITUTION}/{_ID}")
        chosen = bic if bic is not None and text_of(bic) is not None else branch
        for child in element.iter("*"):
            if child is chosen:
                if (text := text_of(child)) is not None:
                    values["service_provider_identifier"] = text
            elif len(child) == 0:
                reading.left(child)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        if (value := source.service_provider_identifier) is not None:
            out.append(f"{pad}<{self.name}>\n{pad}  <cbc:ID>{escape(value)}</cbc:ID>\n{pad}</{self.name}>\n")


_MEANS_HEAD = (Text("cbc:ID", "identifier"), MeansCode())
_MEANS_TAIL = (
    Text("cbc:PaymentID", "remittance_information"),
    Step(
        "cac:CardAccount",
        table(
            Text("cbc:PrimaryAccountNumberID", "card_account_number"),
            CardNetwork(),
            Text("cbc:HolderName", "card_holder_name"),
        ),
    ),
    Step(
        "cac:PayeeFinancialAccount",
        table(Text("cbc:ID", "account_identifier"), Text("cbc:Name", "account_name"), Branch()),
    ),
    Step(
        "cac:PaymentMandate",
        table(
            Text("cbc:ID", "mandate_reference_identifier"),
            Step("cac:PayerFinancialAccount", table(Text("cbc:ID", "debited_account_identifier"))),
        ),
    ),
)
_MEANS = table(*_MEANS_HEAD, DueDate(), *_MEANS_TAIL)
_HEAD, _TAIL = table(*_MEANS_HEAD), table(*_MEANS_TAIL)


class PaymentMeans:
    """``cac:PaymentMeans``. With ``due``, the first of them carries the due date: the syntax has no other place."""

    name = "cac:PaymentMeans"

    def __init__(self, *, due: bool) -> None:
        self.due = due

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        inner: Values = {}
        _MEANS.take(element, inner, reading)
        due = inner.pop("_due", None)
        if due is not None:
            found = read_date(text_of(due))
            if found is None:
                if (text := text_of(due)) is not None:
                    reading.wrong("READ-DATE", due, term="BT-9", seen=text)
            elif values.setdefault("payment_due_date", found) != found:
                reading.left(due)
        if inner:
            values.setdefault("payment_instructions", []).append(PaymentInstructions(**inner))

    def put(self, source: Any, out: list[str], pad: str) -> None:
        due = source.payment_due_date if self.due else None
        for each in source.payment_instructions:
            out.append(f"{pad}<{self.name}>\n")
            _HEAD.put(each, out, pad + "  ")
            if due is not None:
                out.append(f"{pad}  <cbc:PaymentDueDate>{due.isoformat()}</cbc:PaymentDueDate>\n")
                due = None
            _TAIL.put(each, out, pad + "  ")
            out.append(f"{pad}</{self.name}>\n")


class PaymentTerms:
    """``cac:PaymentTerms``: the terms in words (BT-20), and per means of payment the amount of a g-account."""

    name = "cac:PaymentTerms"
    _RULES = table(
        Text("cbc:PaymentMeansID", "_means"),
        Text("cbc:Note", "payment_terms", joined=True),
        Money("cbc:Amount", "amount", PaymentInstructions),
    )

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        inner: Values = {}
        self._RULES.take(element, inner, reading)
        if (text := inner.get("payment_terms")) is not None:
            before = values.get("payment_terms")
            values["payment_terms"] = f"{before}\n{text}" if before else text
        means, amount = inner.get("_means"), inner.get("amount")
        if means is not None or amount is not None:
            places = element.findall(_SHARE if amount is not None else _SHARE_OF)
            values.setdefault("_shares", []).append((means, amount, places[0]))

    @staticmethod
    def settle(values: Values, reading: Reading) -> None:
        """Give each share to the means of that number; one without such a means, or a second one, is unread."""
        means: list[PaymentInstructions] = values.get("payment_instructions", [])
        for number, amount, place in values.pop("_shares", ()):
            mine = [at for at, each in enumerate(means) if number is not None and each.identifier == number]
            if amount is None or not mine or any(means[at].amount not in (None, amount) for at in mine):
                reading.left(place)
                continue
            for at in mine:
                means[at] = replace(means[at], amount=amount)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        if source.payment_terms is not None:
            text = escape(source.payment_terms)
            out.append(f"{pad}<{self.name}>\n{pad}  <cbc:Note>{text}</cbc:Note>\n{pad}</{self.name}>\n")
        out.extend(
            f"{pad}<{self.name}>\n"
            f"{pad}  <cbc:PaymentMeansID>{escape(each.identifier)}</cbc:PaymentMeansID>\n"
            f"{money_element('cbc:Amount', each.amount, pad + '  ')}{pad}</{self.name}>\n"
            for each in source.payment_instructions
            if each.identifier is not None and each.amount is not None
        )


_TOTAL = table(
    Money("cbc:TaxAmount", "total_vat", DocumentTotals),
    Step("cac:TaxSubtotal", BREAKDOWN),
)
_SUBTOTAL = qualified("cac:TaxSubtotal", NAMESPACES)
_TAX_AMOUNT = qualified("cbc:TaxAmount", NAMESPACES)


class TaxTotals:
    """``cac:TaxTotal``: BT-110 with the breakdown in the currency of the invoice, BT-111 in that of the VAT.

    Which is which the currency says, and where it does not, the one with a breakdown is the invoice's.
    """

    name = "cac:TaxTotal"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        inner: Values = {}
        subtotals: list[VatBreakdown] = []
        for child in element:
            if child.tag == _SUBTOTAL:
                each: Values = {}
                BREAKDOWN.take(child, each, reading)
                if each:
                    subtotals.append(VatBreakdown(**each))
            elif child.tag == _TAX_AMOUNT:
                _TOTAL.by_tag[_TAX_AMOUNT].take(child, inner, reading)
            else:
                reading.left(child)
        amount: Amount | None = inner.get("total_vat")
        own = values.get("currency_code")
        second = (
            not subtotals
            and amount is not None
            and (
                amount.currency != own
                or ("_vat" in values and amount.currency == values.get("vat_accounting_currency_code"))
            )
            and amount.currency is not None
        )
        field = "_vat_accounting" if second else "_vat"
        if amount is not None and field in values:
            reading.left(element)
            return
        if amount is not None:
            values[field] = amount
        values.setdefault("vat_breakdown", []).extend(subtotals)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        totals = source.totals
        vat = totals.total_vat if totals is not None else None
        if vat is not None or source.vat_breakdown:
            out.append(f"{pad}<{self.name}>\n")
            if vat is not None:
                out.append(money_element("cbc:TaxAmount", vat, pad + "  "))
            for each in source.vat_breakdown:
                wrap("cac:TaxSubtotal", (BREAKDOWN,), each, out, pad + "  ")
            out.append(f"{pad}</{self.name}>\n")
        second = totals.total_vat_in_accounting_currency if totals is not None else None
        if second is not None:
            amount = money_element("cbc:TaxAmount", second, pad + "  ")
            out.append(f"{pad}<{self.name}>\n{amount}{pad}</{self.name}>\n")


TOTALS = table(
    Money("cbc:LineExtensionAmount", "sum_of_line_net_amounts", DocumentTotals),
    Money("cbc:TaxExclusiveAmount", "total_without_vat", DocumentTotals),
    Money("cbc:TaxInclusiveAmount", "total_with_vat", DocumentTotals),
    Money("cbc:AllowanceTotalAmount", "sum_of_allowances", DocumentTotals),
    Money("cbc:ChargeTotalAmount", "sum_of_charges", DocumentTotals),
    Money("cbc:PrepaidAmount", "paid_amount", DocumentTotals),
    Money("cbc:PayableRoundingAmount", "rounding_amount", DocumentTotals),
    Money("cbc:PayableAmount", "amount_due", DocumentTotals),
)
