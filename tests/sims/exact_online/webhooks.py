"""Webhooks: what apps asked to be told, and the signed notices that tell it (reference §3.6)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from tests.sims.exact_online.books import Books
from tests.sims.exact_online.errors import wrong
from tests.sims.exact_online.oauth import Link
from tests.sims.exact_online.resources import WEBHOOKS
from tests.sims.exact_online.shape import Row, read

TOPICS = {
    "accounts": "Accounts",
    "bank_accounts": "BankAccounts",
    "documents": "Documents",
    "purchase_entries": "FinancialTransactions",
    "sales_entries": "FinancialTransactions",
}
"""By table."""
Post = Callable[[str, bytes], Awaitable[None]]


@dataclass(frozen=True)
class Notice:
    url: str
    body: bytes


class Webhooks:
    """``waiting``: notices nobody has sent yet."""

    def __init__(self) -> None:
        self.waiting: list[Notice] = []
        self._secrets: dict[str, str] = {}

    def subscribe(self, books: Books, link: Link, given: dict[str, Any], now: datetime) -> Row:
        row = read(WEBHOOKS, given)
        if not row["CallbackURL"].startswith("https://"):
            raise wrong("CallbackURL is https.")
        if row["Topic"] not in TOPICS.values():
            raise wrong(f"Topic: there is no {row['Topic']}.")
        row |= {"ClientID": link.app.client_id, "UserID": link.user.id}
        same = ("CallbackURL", "Topic", "ClientID")
        if any(all(each[name] == row[name] for name in same) for each in books.table("webhooks").all()):
            raise wrong("This address is told of this topic already.")
        self._secrets[link.app.client_id] = link.app.webhook_secret
        return books.add("webhooks", Created=now, **row)

    def changed(self, books: Books, table: str, path: str, key: str, action: str) -> None:
        """A row was made or changed, by whomever."""
        topic = TOPICS.get(table)
        for row in books.table("webhooks").all() if topic else ():
            if row["Topic"] == topic:
                content = {
                    "Topic": topic,
                    "ClientId": row["ClientID"],
                    "Division": books.code,
                    "Action": action,
                    "Key": key,
                    "ExactOnlineEndpoint": f"/api/v1/{books.code}/{path}(guid'{key}')",
                }
                self.waiting.append(Notice(row["CallbackURL"], self._signed(row["ClientID"], content)))

    def _signed(self, client_id: str, content: dict[str, object]) -> bytes:
        """The hash is of the very bytes of ``Content`` as they stand in the body."""
        raw = orjson.dumps(content)
        code = hmac.new(self._secrets[client_id].encode(), raw, hashlib.sha256).hexdigest().upper()
        return b'{"Content":' + raw + b',"HashCode":"' + code.encode() + b'"}'

    async def send(self, post: Post) -> None:
        """All that waits, once each: what fails is not sent again (inference)."""
        notices, self.waiting = self.waiting, []
        for notice in notices:
            await post(notice.url, notice.body)
