"""What people do in Exact's own screens: no rule of the API is asked, and no budget."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from tests.sims.exact_online import entries, payments
from tests.sims.exact_online.books import Books
from tests.sims.exact_online.exact import Exact
from tests.sims.exact_online.oauth import App
from tests.sims.exact_online.shape import Row
from tests.sims.exact_online.users import User
from tests.sims.exact_online.values import new_guid

_SIDES = {"purchase": entries.PURCHASES, "sales": entries.SALES_SIDE}


class Screens:
    """Of one service. Entries are named by their ``EntryID``."""

    def __init__(self, exact: Exact) -> None:
        self._exact = exact

    # ------------------------------------------------------------------ people

    def sign_in(self, address: str, user: User) -> str:
        """Somebody is sent to ``address``, signs in and allows it; returns where the browser goes then."""
        query = dict(parse_qsl(urlsplit(address).query))
        code = self._exact.links.consented(self._exact.links.asked(query), user, query["redirect_uri"])
        state = f"&state={query['state']}" if "state" in query else ""
        return f"{query['redirect_uri']}?code={code}{state}"

    def withdraw(self, user: User, *services: str) -> None:
        """An administrator takes rights away, such as ``purchaseentry``."""
        user.withdrawn |= set(services)

    def leave(self, user: User) -> None:
        """The user is gone: so are its links."""
        user.active = False

    def end_link(self, user: User, app: App) -> None:
        """The person withdraws its consent."""
        for link in self._exact.links.of(user):
            if link.app is app:
                link.alive = False

    # ------------------------------------------------------------------ books

    def close_period(self, books: Books, year: int, period: int) -> None:
        books.closed.add((year, period))

    def open_period(self, books: Books, year: int, period: int) -> None:
        books.closed.discard((year, period))

    def block(self, books: Books, account: str, *, blocked: bool = True) -> None:
        books.table("accounts").change(account, {"Blocked": blocked})

    def book(self, books: Books, kind: Literal["purchase", "sales"], given: dict[str, Any]) -> Row:
        """An entry by hand (R113)."""
        exact = self._exact
        side = _SIDES[kind]
        row = entries.book(side, books, given, exact.clock.moment(), exact.settings)
        exact.webhooks.changed(books, side.head.table, side.head.path, row["EntryID"], "Create")
        return row

    def change_entry(self, books: Books, entry_id: str, **values: Any) -> None:
        """Somebody edits what was booked: what a read-back must notice."""
        self._table(books, entry_id).change(entry_id, {**values, "Modified": self._exact.clock.moment()})

    def process(self, books: Books, *entry_ids: str, status: int = entries.PROCESSED) -> None:
        for entry_id in entry_ids:
            self.change_entry(books, entry_id, Status=status)

    # ------------------------------------------------------------------ money

    def select(self, books: Books, entry_id: str) -> None:
        payments.select(books, entry_id)

    def pay(
        self,
        books: Books,
        entry_id: str,
        amount: Decimal | None = None,
        *,
        day: datetime | None = None,
        status: int = payments.MATCHED,
    ) -> None:
        """``amount``: a part; ``None``: all that is open."""
        on = day or self._exact.clock.today()
        payments.pay(books, entry_id, on, amount, splits=self._exact.settings.partial_splits, status=status)

    def reverse(self, books: Books, entry_id: str) -> None:
        payments.reverse(books, entry_id)

    def copy_terms(self, books: Books, entry_id: str, times: int) -> None:
        """The term of an entry many times over, each as of an entry of its own: for a test of many."""
        model = payments.terms_of(books, entry_id)[0]
        for _ in range(times):
            entry = {**model, "EntryID": new_guid(), "EntryDate": model["InvoiceDate"]}
            payments.open_term(books, entry, model["Account"], model["LineType"])

    def _table(self, books: Books, entry_id: str) -> Any:
        for side in _SIDES.values():
            table = books.table(side.head.table)
            if table.get(entry_id) is not None:
                return table
        raise LookupError(entry_id)
