"""The lines of an invoice as CSV, to open in a spreadsheet: one row a line, the invoice's own terms on each.

Semicolons, decimal commas and a byte order mark: so Dutch and Belgian Excel open it with a double click. Machines
take JSON instead. A cell of text never begins a formula (OWASP, CSV injection), also where a spreadsheet splits it at
another separator than ours: an apostrophe stands before what would.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from libs.einvoice import terms
from libs.einvoice.formats.written import Written
from libs.einvoice.model import Amount, Invoice, Line

_BLANKS = ("\t", "\r", "\n")
# What begins a formula, at the beginning of a text or behind what begins a cell or a row in some country's spreadsheet.
_RISKY = re.compile(r"[=+\-@＝＋－＠\t\r\n]")
_FORMULA = re.compile(r"((?:^|[,;|\t\r\n])[\s\"]*)(?=[=+\-@＝＋－＠])")

# Column → (term, what stands there).
_OF_INVOICE: Mapping[str, tuple[str, Callable[[Invoice], object]]] = {
    "invoice_number": ("BT-1", lambda of: of.number),
    "issue_date": ("BT-2", lambda of: of.issue_date),
    "type_code": ("BT-3", lambda of: of.type_code),
    "currency": ("BT-5", lambda of: of.currency_code),
    "due_date": ("BT-9", lambda of: of.payment_due_date),
    "order_reference": ("BT-13", lambda of: of.purchase_order_reference),
    "seller": ("BT-27", lambda of: of.seller.name if of.seller else None),
    "seller_vat": ("BT-31", lambda of: of.seller.vat_identifier if of.seller else None),
    "buyer": ("BT-44", lambda of: of.buyer.name if of.buyer else None),
    "total_with_vat": ("BT-112", lambda of: of.totals.total_with_vat if of.totals else None),
}
_OF_LINE: Mapping[str, tuple[str, Callable[[Line], object]]] = {
    "line": ("BT-126", lambda of: of.identifier),
    "item": ("BT-153", lambda of: of.item.name if of.item else None),
    "description": ("BT-154", lambda of: of.item.description if of.item else None),
    "item_number": ("BT-155", lambda of: of.item.sellers_identifier if of.item else None),
    "quantity": ("BT-129", lambda of: of.quantity),
    "unit": ("BT-130", lambda of: of.unit_code),
    "price": ("BT-146", lambda of: of.price.net_price if of.price else None),
    "net_amount": ("BT-131", lambda of: of.net_amount),
    "vat_category": ("BT-151", lambda of: of.vat_category_code),
    "vat_rate": ("BT-152", lambda of: of.vat_rate),
    "cost_centre": ("BT-133", lambda of: of.buyer_accounting_reference),
}
COLUMNS = (*_OF_INVOICE, *_OF_LINE)
KEPT = frozenset(term for columns in (_OF_INVOICE, _OF_LINE) for term, _ in columns.values())


def write(invoice: Invoice) -> Written:
    """One row a line; an invoice without lines is a heading alone."""
    text = io.StringIO()
    rows = csv.writer(text, delimiter=";", lineterminator="\r\n")
    rows.writerow(COLUMNS)
    head = [_cell(value(invoice)) for _, value in _OF_INVOICE.values()]
    rows.writerows([*head, *(_cell(value(line)) for _, value in _OF_LINE.values())] for line in invoice.lines)
    missing = tuple(term for term in terms.walk(invoice) if term.number not in KEPT)
    return Written(b"\xef\xbb\xbf" + text.getvalue().encode(), missing)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Amount):
        value = value.value
    if isinstance(value, Decimal):
        return f"{value:f}".replace(".", ",")
    text = str(value)
    if _RISKY.search(text) is None:
        return text
    text = _FORMULA.sub(r"\1'", text)
    return f"'{text}" if text.startswith(_BLANKS) else text
