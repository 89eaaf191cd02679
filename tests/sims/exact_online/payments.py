"""Payment terms: opened by an entry, then paid, in part or reversed, by people and banks (reference §3.5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from tests.sims.exact_online.books import Books
from tests.sims.exact_online.shape import Row
from tests.sims.exact_online.values import new_guid

PAYABLE, RECEIVABLE = 22, 20
OPEN, SELECTED, DONE, MATCHED = 20, 30, 40, 50
_ENTRY_PROCESSED = 50
_TABLES = {PAYABLE: "purchase_entries", RECEIVABLE: "sales_entries"}
_ENDED: dict[str, object] = {"Status": OPEN, "IsFullyPaid": False, "LastPaymentDate": None, "EndDate": None}


def open_term(books: Books, entry: Row, account: str, line_type: int) -> Row:
    """An entry has one term; the sign of its amount is the entry's (inference)."""
    return books.table("terms").put(
        {
            "ID": new_guid(),
            "Account": account,
            "LineType": line_type,
            "AmountFC": entry["AmountFC"],
            "AmountDC": entry["AmountDC"],
            "Currency": entry["Currency"],
            "InvoiceNumber": entry["InvoiceNumber"],
            "InvoiceDate": entry["EntryDate"],
            "DueDate": entry["DueDate"],
            "YourRef": entry.get("YourRef"),
            "EntryNumber": entry["EntryNumber"],
            "Journal": entry["Journal"],
            "Description": entry.get("Description"),
            "PaymentReference": entry.get("PaymentReference"),
            "ApprovalStatus": 1,
            "TransactionEntryID": entry["EntryID"],
            "TransactionID": new_guid(),
            **_ENDED,
        }
    )


def terms_of(books: Books, entry_id: str) -> list[Row]:
    return books.table("terms").where("TransactionEntryID", entry_id)


def select(books: Books, entry_id: str) -> None:
    """Chosen for a payment run, and not paid yet."""
    for term in _unpaid(books, entry_id):
        books.table("terms").change(term["ID"], {"Status": SELECTED})


def pay(
    books: Books, entry_id: str, day: datetime, amount: Decimal | None, *, splits: bool, status: int = MATCHED
) -> None:
    """``amount``: of all there is to pay; ``None``: all of it."""
    terms = books.table("terms")
    paid = {"Status": status, "IsFullyPaid": True, "LastPaymentDate": day, "EndDate": day}
    left = amount
    for term in _unpaid(books, entry_id):
        due: Decimal = term.get("_rest") or term["AmountFC"]
        if left is None or abs(left) >= abs(due):
            terms.change(term["ID"], {**paid, "_rest": None})
            left = None if left is None else left - due
        elif left:
            rest = due - left
            if splits:
                part = (term["AmountDC"] * left / due).quantize(Decimal("0.01"))
                others = {"AmountFC": rest, "AmountDC": term["AmountDC"] - part}
                terms.put({**term, "ID": new_guid(), **others})
                terms.change(term["ID"], {**paid, "AmountFC": left, "AmountDC": part})
            else:
                terms.change(term["ID"], {"LastPaymentDate": day, "_rest": rest})
            return


def reverse(books: Books, entry_id: str) -> None:
    """What was paid is open again."""
    for term in terms_of(books, entry_id):
        books.table("terms").change(term["ID"], {**_ENDED, "_rest": None})


def open_items(books: Books, line_type: int) -> Iterator[Row]:
    """``read/financial/PayablesList`` and ``ReceivablesList``: only what is open of processed entries."""
    entries, accounts = books.table(_TABLES[line_type]), books.table("accounts")
    for number, term in enumerate(books.table("terms").all(), 1):
        entry = entries.get(term["TransactionEntryID"])
        if term["LineType"] != line_type or term["IsFullyPaid"] or entry is None:
            continue
        if entry["Status"] != _ENTRY_PROCESSED:
            continue
        account = accounts.get(term["Account"]) or {}
        in_transit = term["AmountFC"] if term["Status"] == SELECTED else Decimal(0)
        yield {
            "HID": number,
            "AccountId": term["Account"],
            "AccountCode": account.get("Code"),
            "AccountName": account.get("Name"),
            "Amount": term.get("_rest") or term["AmountFC"],
            "AmountInTransit": in_transit,
            "CurrencyCode": term["Currency"],
            "JournalCode": term["Journal"],
            **{
                name: term[name]
                for name in (
                    "InvoiceNumber",
                    "InvoiceDate",
                    "YourRef",
                    "DueDate",
                    "EntryNumber",
                    "Description",
                )
            },
        }


def _unpaid(books: Books, entry_id: str) -> list[Row]:
    return [term for term in terms_of(books, entry_id) if not term["IsFullyPaid"]]
