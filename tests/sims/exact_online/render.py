"""Rows as JSON of OData 2, or as the Atom that comes to whoever does not ask for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from tests.sims.exact_online.books import Books
from tests.sims.exact_online.queries import Query
from tests.sims.exact_online.shape import Resource, Row
from tests.sims.exact_online.wire import Answer, json_answer


class Renderer:
    """Of one request. ``base``: the address of the division's API."""

    def __init__(self, base: str, books: Books | None, nested: Mapping[str, Resource]) -> None:
        self._base = base
        self._books = books
        self._nested = nested

    def row(self, resource: Resource, row: Row, query: Query) -> dict[str, Any]:
        names = [name for name in query.select if "/" not in name] or list(resource.fields)
        uri = f"{self._base}/{resource.path}({_literal(row[resource.key])})"
        shown: dict[str, Any] = {"__metadata": {"uri": uri, "type": resource.path.replace("/", ".")}}
        for name in names:
            known = resource.fields.get(name)
            if known is not None:
                value = row.get(name)
                show = known.kind.show
                shown[name] = value if value is None or show is None else show(value)
        for name in resource.nested:
            if name in query.expand:
                shown[name] = {"results": self._lines(name, row[resource.key], query)}
            elif not query.select or name in query.select:
                shown[name] = {"__deferred": {"uri": f"{uri}/{name}"}}
        return shown

    def _lines(self, name: str, key: str, query: Query) -> list[dict[str, Any]]:
        lines = self._nested[name]
        select = tuple(each.partition("/")[2] for each in query.select if each.startswith(f"{name}/"))
        assert self._books is not None
        return [
            self.row(lines, each, Query(select))
            for each in self._books.table(lines.table).where("EntryID", key)
        ]


def _literal(key: object) -> str:
    return f"guid'{key}'" if isinstance(key, str) else str(key)


def answer(status: int, content: dict[str, Any], headers: Mapping[str, str], *, json: bool) -> Answer:
    if json:
        return json_answer(status, content, headers)
    return Answer(status, _atom(content).encode(), "application/atom+xml; charset=utf-8", dict(headers))


def _atom(content: dict[str, Any]) -> str:
    """Much simplified: it only has to be no JSON."""
    inside = content.get("d", content)
    rows = inside["results"] if isinstance(inside, dict) and "results" in inside else [inside]
    entries = "".join(f"<entry><content>{escape(str(row))}</content></entry>" for row in rows)
    return f'<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'
