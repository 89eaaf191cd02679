"""GET: a list, one row of it, and the few lists that are computed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.sims.exact_online import payments, queries
from tests.sims.exact_online.books import Books
from tests.sims.exact_online.errors import missing
from tests.sims.exact_online.exact import Exact
from tests.sims.exact_online.queries import ListSource, Query, Source, TableSource
from tests.sims.exact_online.render import Renderer
from tests.sims.exact_online.resources import RESOURCES
from tests.sims.exact_online.shape import Resource, Row
from tests.sims.exact_online.users import User

_COMPUTED = {"payables": payments.PAYABLE, "receivables": payments.RECEIVABLE}


class Reading:
    """``base``: where the server is, as its addresses in answers begin."""

    def __init__(self, exact: Exact, user: User, books: Books | None, base: str) -> None:
        self._exact = exact
        self._user = user
        self._books = books
        self._base = f"{base}/api/v1/{books.code}" if books else f"{base}/api/v1"

    def answer(self, resource: Resource, key: str | None, text: str) -> dict[str, Any]:
        """What stands in ``d``."""
        nested = {name: RESOURCES[path] for name, path in resource.nested.items()}
        query = queries.parse(text, resource, nested, longest=self._exact.settings.query_length)
        show = Renderer(self._base, self._books, nested)
        if key is not None:
            return show.row(resource, self._one(resource, key), query)
        queries.demand(query, resource)
        wide = resource.sync or resource.path.startswith("bulk/")
        size = self._exact.settings.sync_page if wide else self._exact.settings.page
        rows, following = queries.page(self._source(resource), query, size, sync=resource.sync)
        found: dict[str, Any] = {"results": [show.row(resource, row, query) for row in rows]}
        if following is not None:
            found["__next"] = f"{self._base}/{resource.path}?{following}"
        return found

    def created(self, resource: Resource, row: Row) -> dict[str, Any]:
        """As the answer to a POST shows it: without its lines."""
        return Renderer(self._base, self._books, {}).row(resource, row, Query())

    def _one(self, resource: Resource, key: str) -> Row:
        computed = self._books is None or resource.table in (*_COMPUTED, "divisions")
        row = None if computed or self._books is None else self._books.table(resource.table).get(key)
        if row is None or (resource.only is not None and not resource.only(row)):
            raise missing(f"{resource.path}: there is none with this id.")
        return row

    def _source(self, resource: Resource) -> Source:
        if resource.table == "me" or self._books is None:
            current = next(iter(self._user.divisions), None)
            return ListSource([self._user.me(None if current is None else self._exact.divisions[current])])
        if resource.table == "divisions":
            return ListSource(self._divisions())
        if resource.table in _COMPUTED:
            return ListSource(payments.open_items(self._books, _COMPUTED[resource.table]))
        return TableSource(self._books.table(resource.table), resource)

    def _divisions(self) -> Iterable[Row]:
        for code in self._user.divisions:
            books = self._exact.divisions[code]
            yield {
                "Code": code,
                "Description": books.name,
                "CustomerName": books.name,
                "Country": books.country,
                "Currency": books.currency,
                "ChamberOfCommerceNumber": books.chamber_of_commerce,
                "VATNumber": books.vat_number,
                "Current": code == self._user.divisions[0],
            }
