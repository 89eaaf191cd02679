"""Purchase and sales entries: what booking one demands, and what comes of it (reference §3.4, §3.7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.sims.exact_online import payments
from tests.sims.exact_online.books import HAS_TRANSACTION_B, Books
from tests.sims.exact_online.errors import wrong
from tests.sims.exact_online.resources import PURCHASE, PURCHASE_LINES, SALES, SALES_LINES
from tests.sims.exact_online.settings import Settings
from tests.sims.exact_online.shape import Resource, Row, read
from tests.sims.exact_online.values import new_guid

CENT = Decimal("0.01")
OPEN, PROCESSED = 20, 50


@dataclass(frozen=True)
class Side:
    """What differs between the two kinds. ``vat``: ``VATTransactionType``, ``term``: ``LineType`` of its terms."""

    head: Resource
    lines: Resource
    nested: str
    party: str
    suits: Callable[[Row], bool]
    journal: int
    types: tuple[int, int]
    document: int
    vat: frozenset[str]
    term: int


PURCHASES = Side(
    PURCHASE,
    PURCHASE_LINES,
    "PurchaseEntryLines",
    "Supplier",
    lambda account: bool(account["IsSupplier"]),
    22,
    (30, 31),
    20,
    frozenset("BP"),
    22,
)
SALES_SIDE = Side(
    SALES,
    SALES_LINES,
    "SalesEntryLines",
    "Customer",
    lambda account: account["Status"] == "C",
    20,
    (20, 21),
    10,
    frozenset("BS"),
    20,
)


def book(side: Side, books: Books, given: dict[str, Any], now: datetime, settings: Settings) -> Row:
    """The entry, its lines and its term, or 400 and nothing at all."""
    head = read(side.head, given)
    raw = given.get(side.nested)
    if not isinstance(raw, list) or not raw:
        raise wrong(f"Mandatory: {side.nested}.")
    _check_head(side, books, head)
    head.setdefault("Type", side.types[0])
    head.setdefault("EntryDate", now.replace(hour=0, minute=0, second=0, microsecond=0))
    _check_period(books, head)
    rate = _rate(books, head)
    lines = [_line(side, books, each, settings) for each in raw]
    net = sum((line["_net"] for line in lines), Decimal(0))
    vat = sum((line["VATAmountFC"] for line in lines), Decimal(0))
    number = books.number(
        f"{head['Journal']}/{head['ReportingYear']}", head["ReportingYear"] % 100 * 1_000_000 + 1
    )
    entry = side.head.key
    head |= {
        entry: new_guid(),
        "EntryNumber": number,
        "InvoiceNumber": number,
        "AmountFC": net + vat,
        "AmountDC": ((net + vat) * rate).quantize(CENT),
        "VATAmountFC": vat,
        "VATAmountDC": (vat * rate).quantize(CENT),
        "Status": PROCESSED if settings.processed_at_once else OPEN,
        "Created": now,
        "Modified": now,
    }
    if "DueDate" not in head:
        head["DueDate"] = head["EntryDate"] + timedelta(days=_days(books, head))
    row = books.table(side.head.table).put(head)
    for at, line in enumerate(lines, 1):
        line |= {"ID": new_guid(), "EntryID": row[entry], "LineNumber": at}
        books.table(side.lines.table).put(line)
    payments.open_term(books, row, row[side.party], side.term)
    return row


def _check_head(side: Side, books: Books, head: Row) -> None:
    journal = books.by_code("journals", head["Journal"], "Journal")
    if journal["Type"] != side.journal:
        raise wrong(f"Journal: {head['Journal']} is no journal for these entries.")
    account = books.by_id("accounts", head[side.party], side.party)
    if not side.suits(account):
        raise wrong(f"{side.party}: this account is none.")
    if account["Blocked"]:
        raise wrong(f"{side.party}: this account is blocked.")
    if head.get("Type", side.types[0]) not in side.types:
        raise wrong(f"Type is {side.types[0]} or {side.types[1]}.")
    if "Document" in head:
        document = books.by_id("documents", head["Document"], "Document")
        if document["Type"] != side.document:
            raise wrong(f"Document: of type {document['Type']}, {side.document} is needed.")
    if "PaymentCondition" in head:
        books.by_code("payment_conditions", head["PaymentCondition"], "PaymentCondition")
    link = head.get("ExternalLinkReference")
    if link and not link.startswith(("https://", "http://")):
        raise wrong("ExternalLinkReference is an address.")


def _check_period(books: Books, head: Row) -> None:
    day: datetime = head["EntryDate"]
    head.setdefault("ReportingYear", day.year)
    head.setdefault("ReportingPeriod", day.month)
    if not 1 <= head["ReportingPeriod"] <= 12:
        raise wrong("ReportingPeriod is 1 to 12.")
    if (head["ReportingYear"], head["ReportingPeriod"]) in books.closed:
        raise wrong(f"Period {head['ReportingYear']}/{head['ReportingPeriod']} is closed.")


def _rate(books: Books, head: Row) -> Decimal:
    currency = head.setdefault("Currency", books.currency)
    if currency == books.currency:
        if head.setdefault("Rate", Decimal(1)) != 1:
            raise wrong("Rate: 1 for the division's own currency.")
    elif currency not in books.rates:
        raise wrong(f"Currency: the division does not use {currency}.")
    rate: Decimal = head.setdefault("Rate", Decimal(books.rates.get(currency, 1)))
    if rate <= 0:
        raise wrong("Rate is above zero.")
    return rate


def _days(books: Books, head: Row) -> int:
    if "PaymentCondition" not in head:
        return 0
    return int(
        books.by_code("payment_conditions", head["PaymentCondition"], "PaymentCondition")["PaymentDays"]
    )


def _line(side: Side, books: Books, given: object, settings: Settings) -> Row:
    if not isinstance(given, dict):
        raise wrong(f"{side.nested}: a line is an object.")
    line = read(side.lines, given)
    ledger = books.by_id("gl_accounts", line["GLAccount"], "GLAccount")
    if ledger["IsBlocked"]:
        raise wrong(f"GLAccount: {ledger['Code']} is blocked.")
    if "VATCode" not in line and ledger["VATCode"]:
        line["VATCode"] = ledger["VATCode"]
    for name, table in (("CostCenter", "cost_centers"), ("CostUnit", "cost_units")):
        if name in line:
            books.by_code(table, line[name], name)
    if "Project" in line:
        books.by_id("projects", line["Project"], "Project")
    _check_references(books, line)
    _reckon(side, books, line, settings)
    return line


def _check_references(books: Books, line: Row) -> None:
    if "TrackingNumber" in line:
        books.by_id("tracking_numbers", line["TrackingNumber"], "TrackingNumber")
    if "SerialNumber" in line:
        books.by_code("serial_numbers", line["SerialNumber"], "SerialNumber")
    if ("From" in line) != ("To" in line) or ("From" in line and line["From"] > line["To"]):
        raise wrong("From and To: both, and in this order.")
    if "IntraStatTransactionB" in line and books.country not in HAS_TRANSACTION_B:
        raise wrong(f"IntraStatTransactionB does not exist in {books.country}.")


def _reckon(side: Side, books: Books, line: Row, settings: Settings) -> None:
    """VAT by the code, or as given when that is near."""
    percentage, inclusive = Decimal(0), False
    if line.get("VATCode"):
        code = books.by_code("vat_codes", line["VATCode"], "VATCode")
        if code["IsBlocked"]:
            raise wrong(f"VATCode: {code['Code'].strip()} is blocked.")
        if code["VATTransactionType"] not in side.vat:
            raise wrong(f"VATCode: {code['Code'].strip()} is not for these entries.")
        inclusive = code["Type"] == "I"
        if code["Type"] != "N":
            percentage = code["Percentage"]
    if line.get("VATPercentage", percentage) != percentage:
        raise wrong("VATPercentage is not that of the VAT code.")
    amount = line["AmountFC"]
    part = percentage / (1 + percentage) if inclusive else percentage
    reckoned = (amount * part).quantize(CENT)
    vat = line.get("VATAmountFC", reckoned)
    if abs(vat - reckoned) > settings.vat_tolerance or (percentage == 0 and vat):
        raise wrong(f"VATAmountFC: {vat} is too far from {reckoned}.")
    line |= {"VATPercentage": percentage, "VATAmountFC": vat, "_net": amount - vat if inclusive else amount}
