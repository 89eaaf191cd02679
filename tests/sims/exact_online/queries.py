"""Reading a list: which options it demands, which rows it gives, and where the next page begins (reference §3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol
from urllib.parse import parse_qsl, quote

from tests.sims.exact_online import filters
from tests.sims.exact_online.errors import wrong
from tests.sims.exact_online.filters import Filter
from tests.sims.exact_online.shape import Resource, Row
from tests.sims.exact_online.tables import Table

_OPTIONS = frozenset({"$select", "$filter", "$top", "$expand", "$orderby", "$skiptoken"})


class Source(Protocol):
    """Rows of one list, of a table or computed."""

    def rows(self, filter_: Filter | None, after: int | None, *, sync: bool) -> Iterable[tuple[int, Row]]:
        """With their places, in order, from the place after ``after`` on."""
        ...


@dataclass(frozen=True)
class Query:
    """``select``: properties by name, of nested rows as ``Lines/Amount``; empty: all. ``place``: where the page before
    this one ended."""

    select: tuple[str, ...] = ()
    filter: Filter | None = None
    filter_text: str | None = None
    top: int | None = None
    expand: tuple[str, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()
    place: int | None = None

    def after(self, place: int, given: int) -> str:
        """The query of the next page, encoded."""
        options = {
            "$select": ",".join(self.select),
            "$filter": self.filter_text or "",
            "$expand": ",".join(self.expand),
            "$top": "" if self.top is None else str(self.top - given),
            "$orderby": ",".join(f"{name} desc" if down else name for name, down in self.order),
            "$skiptoken": str(place),
        }
        return "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items() if value)


def parse(text: str, resource: Resource, lines: Mapping[str, Resource], *, longest: int) -> Query:
    """Raises 400 for what is unknown or malformed. ``lines``: the nested resources by property."""
    if len(text) > longest:
        raise wrong("The query is too long.")
    given: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name.startswith("$"):
            if name not in _OPTIONS:
                raise wrong(f"{name} is not supported.")
            if name in given:
                raise wrong(f"{name} is there twice.")
            given[name] = value
    expand = _names(given.get("$expand"))
    for name in expand:
        if name not in resource.nested:
            raise wrong(f"$expand: there is no collection {name}.")
    select = _names(given.get("$select"))
    for name in select:
        _check_selected(name, resource, lines, expand)
    text_of_filter = given.get("$filter")
    return Query(
        select=select,
        filter=None if text_of_filter is None else filters.parse(text_of_filter, resource.fields),
        filter_text=text_of_filter,
        top=_number(given, "$top"),
        expand=expand,
        order=_order(given.get("$orderby"), resource),
        place=_number(given, "$skiptoken"),
    )


def demand(query: Query, resource: Resource) -> None:
    """What a list asks of who reads it: not everything of everything."""
    if not query.select and query.top != 1:
        raise wrong("Please add a $select or a $top=1 statement to the query string.")
    if resource.sync and (query.filter is None or query.filter.after is None):
        raise wrong("A sync endpoint is read with a filter on Timestamp: Timestamp gt and a number.")
    if resource.twin and query.filter is None and query.top != 1:
        raise wrong(f"{resource.path} is not read as a whole: add a $filter or use its sync endpoint.")


def page(source: Source, query: Query, size: int, *, sync: bool = False) -> tuple[list[Row], str | None]:
    """The rows of this page and, if there are more, the query of the next."""
    want = size if query.top is None else min(size, query.top)
    if query.order:
        found = _ordered(source, query, sync=sync)
    else:
        test = query.filter.test if query.filter else None
        rows = source.rows(query.filter, query.place, sync=sync)
        found = (each for each in rows if test is None or test(each[1]))
    part = list(islice(found, want + 1))
    rows_now = [row for _, row in part[:want]]
    more = len(part) > want and (query.top is None or query.top > want)
    return rows_now, query.after(part[want - 1][0], want) if more else None


def _ordered(source: Source, query: Query, *, sync: bool) -> Iterable[tuple[int, Row]]:
    every = replace(query, place=None)
    found = [
        each
        for each in source.rows(every.filter, None, sync=sync)
        if every.filter is None or every.filter.test(each[1])
    ]
    for name, down in reversed(query.order):
        found.sort(key=lambda each: (each[1].get(name) is not None, each[1].get(name)), reverse=down)
    if query.place is not None:
        places = [place for place, _ in found]
        if query.place not in places:
            raise wrong("$skiptoken: that page is gone.")
        found = found[places.index(query.place) + 1 :]
    return found


class TableSource:
    """Rows of a table, by an index where the filter allows."""

    def __init__(self, table: Table, resource: Resource) -> None:
        self._table = table
        self._only = resource.only

    def rows(self, filter_: Filter | None, after: int | None, *, sync: bool) -> Iterable[tuple[int, Row]]:
        table, only = self._table, self._only
        if sync:
            start = max(after or 0, (filter_.after if filter_ else None) or 0)
            found = ((row["Timestamp"], row) for row in table.changed_after(start))
        elif (
            filter_ and filter_.equal is not None and all(table.has_index(name) for name, _ in filter_.equal)
        ):
            named = {table.place(row): row for pair in filter_.equal for row in table.where(*pair)}
            found = ((place, named[place]) for place in sorted(named) if after is None or place > after)
        else:
            start = -1 if after is None else after
            found = ((table.place(row), row) for row in table.made_after(start))
        return found if only is None else ((place, row) for place, row in found if only(row))


class ListSource:
    """Rows that were computed for this request."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows

    def rows(self, filter_: Filter | None, after: int | None, *, sync: bool) -> Iterable[tuple[int, Row]]:
        start = -1 if after is None else after
        return ((place, row) for place, row in enumerate(self._rows) if place > start)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",")) if text else ()


def _check_selected(
    name: str, resource: Resource, lines: Mapping[str, Resource], expand: tuple[str, ...]
) -> None:
    head, _, tail = name.partition("/")
    if tail:
        if head not in expand:
            raise wrong(f"$select: {head} is not expanded.")
        if tail not in lines[head].fields:
            raise wrong(f"$select: {head} has no property {tail}.")
    elif head not in resource.fields and head not in resource.nested:
        raise wrong(f"$select: there is no property {head}.")


def _number(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15 or (name == "$top" and int(text) < 1):
        raise wrong(f"{name} is a whole number, 1 or more.")
    return int(text)


def _order(text: str | None, resource: Resource) -> tuple[tuple[str, bool], ...]:
    found = []
    for each in _names(text):
        name, _, way = each.partition(" ")
        if name not in resource.fields or way.strip() not in ("", "asc", "desc"):
            raise wrong(f"$orderby: {each} is not understood.")
        found.append((name, way.strip() == "desc"))
    return tuple(found)
