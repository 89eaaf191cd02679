"""One division: an administration with its master data, its entries and which periods are closed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.sims.exact_online.errors import wrong
from tests.sims.exact_online.resources import INDEXED, TABLES
from tests.sims.exact_online.shape import Row
from tests.sims.exact_online.tables import Table
from tests.sims.exact_online.values import new_guid

COMPUTED = frozenset({"me", "divisions", "payables", "receivables"})
"""No tables: made for each request."""
DELETED_AS = {"accounts": 2, "attachments": 4, "documents": 6, "gl_accounts": 7, "terms": 10, "projects": 21}
"""``EntityType`` of what is gone, for sync/Deleted [S]."""
HAS_TRANSACTION_B = frozenset({"BE", "LU", "FR", "GB"})
"""Where ``IntraStatTransactionB`` exists [S]."""


@dataclass
class Books:
    """``closed``: (year, period) in which nothing may be booked. ``country``: two letters."""

    code: int
    name: str
    country: str = "NL"
    currency: str = "EUR"
    chamber_of_commerce: str = ""
    vat_number: str = ""
    closed: set[tuple[int, int]] = field(default_factory=set)
    rates: dict[str, str] = field(default_factory=dict)
    """What one of another currency is worth in the division's own."""

    def __post_init__(self) -> None:
        self.stamp = 0
        self._numbers: Counter[str] = Counter()
        self._tables = {
            name: Table(key, INDEXED.get(name, ()), self._next_stamp)
            for name, key in TABLES.items()
            if name not in COMPUTED
        }

    def _next_stamp(self) -> int:
        self.stamp += 1
        return self.stamp

    def table(self, name: str) -> Table:
        return self._tables[name]

    def number(self, of: str, first: int = 1) -> int:
        """The next in a row of numbers."""
        self._numbers[of] += 1
        return first + self._numbers[of] - 1

    def add(self, table: str, **values: Any) -> Row:
        """A row as people keep it, with an id."""
        return self.table(table).put({"ID": new_guid(), **values})

    def gone(self, table: str, key: str, at: datetime) -> None:
        """The row is removed; what is synced is told."""
        self.table(table).remove(key)
        kind = DELETED_AS.get(table)
        if kind is not None:
            self.add("deleted", EntityType=kind, EntityKey=key, DeletedDate=at, Division=self.code)

    def by_id(self, table: str, key: str | None, called: str) -> Row:
        """Raises 400 when it is not there."""
        found = self.table(table).get(key)
        if found is None:
            raise wrong(f"{called}: there is none with this id in the division.")
        return found

    def by_code(self, table: str, code: str, called: str) -> Row:
        found = self.table(table).where("Code", code)
        if not found:
            raise wrong(f"{called}: there is no {code.strip()} in the division.")
        return found[0]
