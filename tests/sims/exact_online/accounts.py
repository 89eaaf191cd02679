"""Accounts (suppliers and customers), their bank accounts, documents and attachments: what writing them demands."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import datetime
from typing import Any

from tests.sims.exact_online.books import Books
from tests.sims.exact_online.errors import wrong
from tests.sims.exact_online.resources import ACCOUNTS, ATTACHMENTS, BANK_ACCOUNTS, DOCUMENTS
from tests.sims.exact_online.settings import Settings
from tests.sims.exact_online.shape import Row, read
from tests.sims.exact_online.values import kind, new_guid

STATUSES = frozenset("ASPC")
DOCUMENT_TYPES = frozenset({10, 20})
_CODE = kind("right18")


def create_account(books: Books, given: dict[str, Any], now: datetime) -> Row:
    row = read(ACCOUNTS, given)
    _check_account(books, row, None)
    accounts = books.table("accounts")
    while "Code" not in row:
        code = _CODE.take(str(books.number("account")))
        if not accounts.where("Code", code):
            row["Code"] = code
    row.setdefault("Status", "A")
    row.setdefault("IsSupplier", False)
    row.setdefault("Blocked", False)
    row.setdefault("Country", books.country)
    return accounts.put({"ID": new_guid(), "Created": now, "Modified": now, **row})


def change_account(books: Books, key: str, given: dict[str, Any], now: datetime) -> None:
    row = read(ACCOUNTS, given, whole=False)
    _check_account(books, row, key)
    books.table("accounts").change(key, {**row, "Modified": now})


def _check_account(books: Books, row: Row, key: str | None) -> None:
    if row.get("Status", "A") not in STATUSES:
        raise wrong("Status is A, S, P or C.")
    same = books.table("accounts").where("Code", row["Code"]) if "Code" in row else []
    if any(each["ID"] != key for each in same):
        raise wrong("Code: another account has it already.")
    if row.get("PaymentConditionPurchase"):
        books.by_code("payment_conditions", row["PaymentConditionPurchase"], "PaymentConditionPurchase")
    if row.get("PurchaseVATCode"):
        books.by_code("vat_codes", row["PurchaseVATCode"], "PurchaseVATCode")
    if row.get("GLAccountPurchase"):
        books.by_id("gl_accounts", row["GLAccountPurchase"], "GLAccountPurchase")


def create_bank_account(books: Books, given: dict[str, Any]) -> Row:
    row = read(BANK_ACCOUNTS, given)
    books.by_id("accounts", row["Account"], "Account")
    number = row["BankAccount"].replace(" ", "")
    iban = number if number[:2].isalpha() else None
    return books.add("bank_accounts", **{"Main": False, **row, "IBAN": iban})


def create_document(books: Books, given: dict[str, Any], now: datetime) -> Row:
    row = read(DOCUMENTS, given)
    if row["Type"] not in DOCUMENT_TYPES:
        raise wrong(f"Type: there is no document type {row['Type']}.")
    if "Account" in row:
        books.by_id("accounts", row["Account"], "Account")
    row.setdefault("DocumentDate", now.replace(hour=0, minute=0, second=0, microsecond=0))
    return books.add("documents", HID=books.number("document"), Created=now, **row)


class Store:
    """The bytes of attachments; equal ones are kept once."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def keep(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        self._contents.setdefault(name, content)
        return name

    def get(self, name: str) -> bytes:
        return self._contents[name]


def create_attachment(books: Books, given: dict[str, Any], settings: Settings, store: Store) -> Row:
    """What was attached is not shown again in ``Attachment``; ``Url`` says where it is (inference)."""
    row = read(ATTACHMENTS, given)
    books.by_id("documents", row["Document"], "Document")
    try:
        content = base64.b64decode(row["Attachment"], validate=True)
    except binascii.Error:
        raise wrong("Attachment is not base64.") from None
    if len(content) > settings.attachment_bytes:
        raise wrong("Attachment: the file is too large.")
    key = new_guid()
    return books.table("attachments").put(
        {
            **row,
            "ID": key,
            "Attachment": None,
            "FileSize": len(content),
            "Url": f"/docs/SysAttachment.aspx?ID={key}&_Division_={books.code}",
            "_content": store.keep(content),
        }
    )
