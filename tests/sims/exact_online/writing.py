"""POST, PUT and DELETE: which endpoints take them, and what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.sims.exact_online import accounts, entries
from tests.sims.exact_online.books import Books
from tests.sims.exact_online.errors import Refused, missing, wrong
from tests.sims.exact_online.exact import Exact
from tests.sims.exact_online.oauth import Link
from tests.sims.exact_online.resources import (
    ACCOUNTS,
    ATTACHMENTS,
    BANK_ACCOUNTS,
    DOCUMENTS,
    PURCHASE,
    SALES,
    WEBHOOKS,
)
from tests.sims.exact_online.shape import Resource, Row


@dataclass(frozen=True)
class Write:
    """Where and by whom something is written."""

    exact: Exact
    books: Books
    link: Link

    @property
    def now(self) -> datetime:
        return self.exact.clock.moment()


_CREATE: Mapping[str, Callable[[Write, dict[str, Any]], Row]] = {
    ACCOUNTS.path: lambda at, given: accounts.create_account(at.books, given, at.now),
    BANK_ACCOUNTS.path: lambda at, given: accounts.create_bank_account(at.books, given),
    DOCUMENTS.path: lambda at, given: accounts.create_document(at.books, given, at.now),
    ATTACHMENTS.path: lambda at, given: accounts.create_attachment(
        at.books, given, at.exact.settings, at.exact.attachments
    ),
    PURCHASE.path: lambda at, given: entries.book(
        entries.PURCHASES, at.books, given, at.now, at.exact.settings
    ),
    SALES.path: lambda at, given: entries.book(
        entries.SALES_SIDE, at.books, given, at.now, at.exact.settings
    ),
    WEBHOOKS.path: lambda at, given: at.exact.webhooks.subscribe(at.books, at.link, given, at.now),
}
_REMOVABLE = frozenset(
    {ACCOUNTS.path, DOCUMENTS.path, ATTACHMENTS.path, PURCHASE.path, SALES.path, WEBHOOKS.path}
)
_LINES = {PURCHASE.path: entries.PURCHASES, SALES.path: entries.SALES_SIDE}


def create(at: Write, resource: Resource, given: dict[str, Any]) -> Row:
    make = _CREATE.get(resource.path)
    if make is None:
        raise Refused(405, f"{resource.path} cannot be made.")
    row = make(at, given)
    at.exact.webhooks.changed(at.books, resource.table, resource.path, row[resource.key], "Create")
    return row


def change(at: Write, resource: Resource, key: str, given: dict[str, Any]) -> None:
    """Of accounts only: entries are not changed by API here (inference)."""
    if resource is not ACCOUNTS:
        raise Refused(405, f"{resource.path} cannot be changed.")
    _there(at.books, resource, key)
    accounts.change_account(at.books, key, given, at.now)
    at.exact.webhooks.changed(at.books, resource.table, resource.path, key, "Update")


def remove(at: Write, resource: Resource, key: str) -> None:
    if resource.path not in _REMOVABLE:
        raise Refused(405, f"{resource.path} cannot be deleted.")
    row = _there(at.books, resource, key)
    side = _LINES.get(resource.path)
    if side is not None:
        remove_entry(at.books, side, row, at.now)
    else:
        at.books.gone(resource.table, key, at.now)
    at.exact.webhooks.changed(at.books, resource.table, resource.path, key, "Delete")


def remove_entry(books: Books, side: entries.Side, row: Row, now: datetime) -> None:
    """With its lines and terms, while it is open."""
    if row["Status"] != entries.OPEN:
        raise wrong("This entry is processed.")
    key = row["EntryID"]
    for term in books.table("terms").where("TransactionEntryID", key):
        books.gone("terms", term["ID"], now)
    for line in books.table(side.lines.table).where("EntryID", key):
        books.gone(side.lines.table, line["ID"], now)
    books.gone(side.head.table, key, now)


def _there(books: Books, resource: Resource, key: str) -> Row:
    found = books.table(resource.table).get(key)
    if found is None:
        raise missing(f"{resource.path}: there is none with this id.")
    return found
