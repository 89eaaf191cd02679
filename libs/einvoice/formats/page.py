"""The texts of an invoice's page, ready to print: which terms stand where, numbers and dates the reader's way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from libs.einvoice import money
from libs.einvoice.formats import epc
from libs.einvoice.formats.pdf_words import Language, words
from libs.einvoice.model import (
    AllowanceCharge,
    Amount,
    Buyer,
    Identifier,
    Invoice,
    Line,
    Period,
    PostalAddress,
    Seller,
)

_MARKS = {"nl": (".", ","), "en": (",", "."), "fr": ("\u00a0", ",")}
_NO_DAY = date(1970, 1, 1)
_WHOLE = 1_500
_DAYS = {"nl": "%d-%m-%Y", "en": "%Y-%m-%d", "fr": "%d/%m/%Y"}
# What a unit code is called on paper; every other code is printed as it is.
_UNITS = {
    "C62": ("st.", "pcs", "pce"), "H87": ("st.", "pcs", "pce"), "EA": ("st.", "pcs", "pce"),
    "HUR": ("uur", "h", "h"), "DAY": ("dag", "day", "jour"), "MON": ("mnd", "month", "mois"), "KGM": ("kg", "kg", "kg"),
    "MTR": ("m", "m", "m"), "KMT": ("km", "km", "km"), "LTR": ("l", "l", "l"), "MTK": ("m²", "m²", "m²"),
    "MTQ": ("m³", "m³", "m³"), "ANN": ("jaar", "year", "an"), "WEE": ("week", "week", "sem."), "ZZ": ("", "", ""),
    "XPP": ("", "", ""),
}  # fmt: skip


# Schemes as EN 16931 writes them, and as SI-UBL 1.x and e-FFF did.
_REGISTERS = {
    "0106": "kvk", "NL:KVK": "kvk", "0190": "oin", "NL:OIN": "oin", "0088": "gln", "GLN": "gln",
    "0208": "enterprise", "BE:EN": "enterprise", "BE:CBE": "enterprise",
}  # fmt: skip


class _Printer:
    """Numbers, dates and labels of one language."""

    def __init__(self, language: Language, currency: str | None) -> None:
        self.language = language
        self.words = words(language)
        self.currency = currency
        self.place = ("nl", "en", "fr").index(language)

    def number(self, value: Decimal | None, *, least: int = 0) -> str:
        if value is None:
            return ""
        sign, digits = ("-", f"{-value:f}") if value < 0 else ("", f"{value:f}")
        whole, _, decimals = digits.partition(".")
        thousands, mark = _MARKS[self.language]
        decimals = decimals.rstrip("0").ljust(least, "0")
        grouped = f"{int(whole or 0):,}".replace(",", thousands)
        return f"{sign}{grouped}{mark}{decimals}" if decimals else f"{sign}{grouped}"

    def amount(self, value: Amount | None) -> str:
        """With its currency; the euro as its sign."""
        if value is None:
            return ""
        currency = value.currency or self.currency or ""
        sign = "€" if currency == "EUR" else currency
        return f"{sign}\u00a0{self.number(value.value, least=2)}".strip()

    def day(self, value: date | None) -> str:
        if value is None:
            return ""
        return (
            f"{value:%d-%m-%Y}"
            if self.language == "nl"
            else f"{value:%d/%m/%Y}"
            if self.language == "fr"
            else str(value)
        )

    def unit(self, code: str | None) -> str:
        if code is None:
            return ""
        names = _UNITS.get(code)
        return names[self.place] if names is not None else code


def page(invoice: Invoice, language: Language, *, most: int | None = None) -> dict[str, Any]:
    """Everything the template prints, as texts in lists and dictionaries; no more than ``most`` lines, which a note
    then says."""
    to = _Printer(language, invoice.currency_code)
    said = to.words
    kind = (
        "credit_note" if invoice.is_credit_note else "corrective" if invoice.type_code == "384" else "invoice"
    )
    number = invoice.number or ""
    seller = invoice.seller or Seller()
    day = invoice.issue_date or _NO_DAY
    return {
        "lang": language,
        "words": said,
        "title": f"{said[kind]} {number}".strip(),
        "author": seller.name or "",
        # PDF/A wants a date, and the time of writing would make other bytes each time.
        "date": [day.year, day.month, day.day],
        "heading": said[kind],
        "footer": " · ".join(each for each in (seller.name, number, said["footer"]) if each),
        "seller": _seller(seller, invoice, to),
        "buyer": _buyer(invoice.buyer or Buyer(), to),
        "delivery": _delivery(invoice),
        "meta": _meta(invoice, to),
        "notes": [*_cut(invoice, to, most), *(note.text for note in invoice.notes if note.text)],
        "columns": [said[each] for each in ("line", "description", "quantity", "price", "vat", "net")],
        "lines": [_line(line, to) for line in invoice.lines[:most]],
        "vat_columns": [said["rate"], said["base"], said["tax"], ""],
        "vat": _vat(invoice, to),
        "reasons": _reasons(invoice, to),
        "totals": _totals(invoice, to),
        "payment": _payment(invoice, to),
    }


def _cut(invoice: Invoice, to: _Printer, most: int | None) -> list[str]:
    count = len(invoice.lines)
    if most is None or count <= most:
        return []
    return [to.words["cut"].format(shown=to.number(Decimal(most)), count=to.number(Decimal(count)))]


def _address(address: PostalAddress | None) -> list[str]:
    if address is None:
        return []
    town = "  ".join(each for each in (address.post_code, address.city) if each)
    lines = (
        address.address_line_1,
        address.address_line_2,
        address.address_line_3,
        town,
        address.country_subdivision,
        address.country_code,
    )
    return [each for each in lines if each]


def _registered(number: Identifier, address: PostalAddress | None, to: _Printer) -> str:
    """A number under the name of its register. Without one it is the KvK's, unless the address is abroad."""
    abroad = address is not None and address.country_code not in (None, "NL")
    unnamed = "registration" if abroad or number.scheme else "kvk"
    return f"{to.words[_REGISTERS.get((number.scheme or '').upper(), unnamed)]} {number.value}"


def _seller(seller: Seller, invoice: Invoice, to: _Printer) -> dict[str, Any]:
    ids = []
    if seller.legal_registration_identifier is not None:
        ids.append(_registered(seller.legal_registration_identifier, seller.postal_address, to))
    if seller.vat_identifier is not None:
        ids.append(f"{to.words['vat_number']} {seller.vat_identifier}")
    contact = seller.contact
    if contact is not None:
        ids += [
            each for each in (contact.contact_point, contact.telephone_number, contact.email_address) if each
        ]
    if seller.additional_legal_information:
        ids.append(seller.additional_legal_information)
    representative = invoice.tax_representative
    if representative is not None:
        named = [each for each in (representative.name, representative.vat_identifier) if each]
        ids.append(f"{to.words['represented']}: {' '.join(named)}")
    name = seller.name or ""
    if seller.trading_name and seller.trading_name != name:
        name = f"{seller.trading_name} ({name})" if name else seller.trading_name
    return {"name": name, "lines": _address(seller.postal_address), "ids": ids}


def _buyer(buyer: Buyer, to: _Printer) -> dict[str, Any]:
    ids = []
    if buyer.contact is not None and buyer.contact.contact_point:
        ids.append(f"{to.words['attention']} {buyer.contact.contact_point}")
    if buyer.legal_registration_identifier is not None:
        ids.append(_registered(buyer.legal_registration_identifier, buyer.postal_address, to))
    if buyer.vat_identifier is not None:
        ids.append(f"{to.words['vat_number']} {buyer.vat_identifier}")
    return {
        "name": buyer.name or buyer.trading_name or "",
        "lines": _address(buyer.postal_address),
        "ids": ids,
    }


def _delivery(invoice: Invoice) -> dict[str, Any] | None:
    delivery = invoice.delivery
    if delivery is None or (delivery.address is None and delivery.deliver_to_party_name is None):
        return None
    return {"name": delivery.deliver_to_party_name or "", "lines": _address(delivery.address), "ids": []}


def _meta(invoice: Invoice, to: _Printer) -> list[list[str]]:
    delivered = invoice.delivery.actual_delivery_date if invoice.delivery is not None else None
    rows = [
        ("number", invoice.number),
        ("date", to.day(invoice.issue_date)),
        ("due", to.day(invoice.payment_due_date)),
        ("reference", invoice.buyer_reference),
        ("order", invoice.purchase_order_reference),
        ("our_order", invoice.sales_order_reference),
        ("contract", invoice.contract_reference),
        ("project", invoice.project_reference),
        ("period", _period(invoice.period, to)),
        ("delivered", to.day(delivered)),
        *(("about", each.reference) for each in invoice.preceding_invoices),
    ]
    return [[to.words[name], value] for name, value in rows if value]


def _period(period: Period | None, to: _Printer) -> str:
    if period is None:
        return ""
    return " – ".join(each for each in (to.day(period.start_date), to.day(period.end_date)) if each)


def _line(line: Line, to: _Printer) -> dict[str, Any]:
    item = line.item
    more = [item.description] if item is not None and item.description else []
    if item is not None:
        more += [f"{each.name}: {each.value}" for each in item.attributes]
        if item.sellers_identifier:
            more.append(item.sellers_identifier)
    more += [each for each in (_period(line.period, to), line.note) if each]
    more += [_adjustment(each, "allowance", to) for each in line.allowances]
    more += [_adjustment(each, "charge", to) for each in line.charges]
    price = line.price
    shown = (
        to.number(price.net_price.value, least=2) if price is not None and price.net_price is not None else ""
    )
    if price is not None and price.base_quantity is not None and price.base_quantity != 1:
        shown = f"{shown} / {to.number(price.base_quantity)}"
    return {
        "number": line.identifier or "",
        "name": (item.name if item is not None else None) or "",
        "more": more,
        # A line stays on one page, unless it is a page itself.
        "whole": sum(map(len, more)) < _WHOLE,
        "quantity": f"{to.number(line.quantity)}\u00a0{to.unit(line.unit_code)}".strip(),
        "price": shown,
        "vat": f"{to.number(line.vat_rate)}%" if line.vat_rate is not None else line.vat_category_code or "",
        "net": to.number(line.net_amount.value, least=2) if line.net_amount is not None else "",
    }


def _adjustment(of: AllowanceCharge, kind: str, to: _Printer) -> str:
    percentage = f" {to.number(of.percentage)}%" if of.percentage is not None else ""
    reason = f" ({of.reason})" if of.reason else ""
    sign = "−" if kind == "allowance" else ""
    return f"{to.words[kind]}{percentage}{reason}: {sign}{to.amount(of.amount)}"


def _vat(invoice: Invoice, to: _Printer) -> list[list[str]]:
    return [
        [
            f"{to.number(each.rate)}%" if each.rate is not None else each.category_code or "",
            to.amount(each.taxable_amount),
            to.amount(each.tax_amount),
            "" if each.category_code in (None, "S") else each.category_code,
        ]
        for each in invoice.vat_breakdown
    ]


def _reasons(invoice: Invoice, to: _Printer) -> list[str]:
    """Why no VAT is asked. Of reverse charge the law wants the words, whatever the code."""
    found = (
        each.exemption_reason
        or (to.words["reverse_charge"] if each.category_code == "AE" else each.exemption_reason_code)
        for each in invoice.vat_breakdown
    )
    return list(dict.fromkeys(each for each in found if each))


def _totals(invoice: Invoice, to: _Printer) -> list[list[Any]]:
    totals = invoice.totals
    if totals is None:
        return []
    adjusted: Iterable[tuple[str, Amount | None, bool]] = ()
    if invoice.allowances or invoice.charges:
        adjusted = (
            ("sum", totals.sum_of_line_net_amounts, False),
            *((_named(each, "allowance", to), _minus(each.amount), False) for each in invoice.allowances),
            *((_named(each, "charge", to), each.amount, False) for each in invoice.charges),
        )
    settled = totals.paid_amount is not None or totals.rounding_amount is not None
    last = "to_receive" if invoice.is_credit_note else "to_pay"
    rows = (
        *adjusted,
        ("without_vat", totals.total_without_vat, False),
        ("total_vat", totals.total_vat, False),
        ("total_vat", totals.total_vat_in_accounting_currency, False),
        ("with_vat", totals.total_with_vat, settled),
        ("paid", _minus(totals.paid_amount), False),
        ("rounding", totals.rounding_amount, False),
        (last, totals.amount_due, True),
    )
    return [
        [to.words.get(name, name), to.amount(value), bold] for name, value, bold in rows if value is not None
    ]


def _named(of: AllowanceCharge, kind: str, to: _Printer) -> str:
    return of.reason or to.words[kind]


def _minus(value: Amount | None) -> Amount | None:
    return value._replace(value=money.EXACT.minus(value.value)) if value is not None else None


def _payment(invoice: Invoice, to: _Printer) -> dict[str, Any] | None:
    rows: list[tuple[str, str | None]] = []
    payee = invoice.payee.name if invoice.payee is not None else None
    for each in invoice.payment_instructions:
        rows += [
            ("account", each.account_identifier),
            ("name", (each.account_name or payee) if each.account_identifier else None),
            ("bic", each.service_provider_identifier),
            ("amount", to.amount(each.amount) or None),
            ("remittance", each.remittance_information),
            ("debit", each.debited_account_identifier),
            ("mandate", each.mandate_reference_identifier),
            ("card", each.card_account_number),
        ]
    shown = [[to.words[name], value] for name, value in rows if value]
    if not shown and invoice.payment_terms is None:
        return None
    return {"terms": invoice.payment_terms, "rows": shown, "qr": epc.svg(invoice)}
