"""Rows in memory: found by key, by a value, in the order they were made, and in the order they were changed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.sims.exact_online.shape import Row


class Table:
    """``indexed``: the fields that ``where`` finds by. Every row gets ``Timestamp``, which grows with each write."""

    def __init__(self, key: str, indexed: Iterable[str], stamp: Callable[[], int]) -> None:
        self._key = key
        self._stamp = stamp
        self._rows: dict[str, Row] = {}
        self._places: dict[str, int] = {}
        self._order: list[str] = []
        self._log: list[tuple[int, str]] = []
        self._index: dict[str, dict[Any, dict[str, None]]] = {name: {} for name in (*indexed,)}

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: str | None) -> Row | None:
        return None if key is None else self._rows.get(key)

    def put(self, row: Row) -> Row:
        """A new row, kept as it is."""
        key = row[self._key]
        self._places[key] = len(self._order)
        self._order.append(key)
        self._rows[key] = row
        self._touch(key, row)
        for name, index in self._index.items():
            index.setdefault(row.get(name), {})[key] = None
        return row

    def change(self, key: str, values: Row) -> None:
        row = self._rows[key]
        for name, value in values.items():
            index = self._index.get(name)
            if index is not None and row.get(name) != value:
                index[row.get(name)].pop(key)
                index.setdefault(value, {})[key] = None
        row.update(values)
        self._touch(key, row)

    def remove(self, key: str) -> Row:
        row = self._rows.pop(key)
        del self._places[key]
        for name, index in self._index.items():
            index[row.get(name)].pop(key)
        return row

    def _touch(self, key: str, row: Row) -> None:
        row["Timestamp"] = self._stamp()
        self._log.append((row["Timestamp"], key))

    def all(self) -> Iterable[Row]:
        return self._rows.values()

    def has_index(self, name: str) -> bool:
        return name == self._key or name in self._index

    def where(self, name: str, value: Any) -> list[Row]:
        """In the order they were made."""
        if name == self._key:
            found = self._rows.get(value)
            return [] if found is None else [found]
        return [self._rows[key] for key in self._index[name].get(value, ())]

    def place(self, row: Row) -> int:
        """Where it stands among all that were ever made: what a page goes on after."""
        return self._places[row[self._key]]

    def made_after(self, place: int) -> Iterator[Row]:
        for at in range(place + 1, len(self._order)):
            row = self._rows.get(self._order[at])
            if row is not None:
                yield row

    def changed_after(self, timestamp: int) -> Iterator[Row]:
        """Each row once, at its last change."""
        for at in range(bisect_right(self._log, (timestamp, "\uffff")), len(self._log)):
            stamped, key = self._log[at]
            row = self._rows.get(key)
            if row is not None and row["Timestamp"] == stamped:
                yield row
