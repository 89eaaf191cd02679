"""``$filter`` of OData 2: read into a test of rows, and into the rows an index can name."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.sims.exact_online import clock
from tests.sims.exact_online.errors import wrong
from tests.sims.exact_online.shape import Field, Row
from tests.sims.exact_online.values import LiteralKind

_TOKEN = re.compile(
    r"\s*(?:guid'(?P<guid>[0-9a-fA-F-]{36})'|datetime'(?P<datetime>[^']*)'|'(?P<text>(?:[^']|'')*)'"
    r"|(?P<long>-?\d+[lL])|(?P<number>-?\d+(?:\.\d+)?)[mMdD]?|(?P<word>[A-Za-z_]\w*)|(?P<mark>[(),]))"
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_DEEPEST = 20
Test = Callable[[Row], bool]


@dataclass(frozen=True)
class Filter:
    """``test``: whether a row is meant. ``equal``: rows it can only be among, as (field, value) pairs of which a row has
    at least one; ``None``: it may be any. ``after``: only rows above this ``Timestamp`` can be meant."""

    test: Test
    equal: tuple[tuple[str, Any], ...] | None = None
    after: int | None = None


@dataclass(frozen=True)
class _Literal:
    kind: LiteralKind
    value: Any


def parse(text: str, fields: Mapping[str, Field]) -> Filter:
    """Raises 400 where it is no filter, names a property there is not, or compares what cannot be compared."""
    return _Parser(text, fields).whole()


class _Parser:
    def __init__(self, text: str, fields: Mapping[str, Field]) -> None:
        self._fields = fields
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        self._deep = 0
        place, text = 0, text.rstrip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise wrong(f"$filter: not understood from character {place + 1}.")
            kind = str(found.lastgroup)
            self._tokens.append((kind, found[kind]))
            place = found.end()

    def whole(self) -> Filter:
        found = self._any()
        if self._at != len(self._tokens):
            raise wrong("$filter: something is left over at its end.")
        return found

    def _next(self) -> tuple[str, str]:
        self._at += 1
        if self._at > len(self._tokens):
            raise wrong("$filter: it ends too early.")
        return self._tokens[self._at - 1]

    def _takes(self, kind: str, value: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, value):
            self._at += 1
            return True
        return False

    def _demand(self, mark: str) -> None:
        if not self._takes("mark", mark):
            raise wrong(f"$filter: {mark} is missing.")

    def _any(self) -> Filter:
        parts = [self._all()]
        while self._takes("word", "or"):
            parts.append(self._all())
        if len(parts) == 1:
            return parts[0]
        tests = [part.test for part in parts]
        pairs = [part.equal for part in parts]
        equal = None if None in pairs else tuple(each for pair in pairs if pair for each in pair)
        return Filter(lambda row: any(test(row) for test in tests), equal)

    def _all(self) -> Filter:
        parts = [self._one()]
        while self._takes("word", "and"):
            parts.append(self._one())
        if len(parts) == 1:
            return parts[0]
        tests = [part.test for part in parts]
        equal = min((part.equal for part in parts if part.equal is not None), key=len, default=None)
        after = max((part.after for part in parts if part.after is not None), default=None)
        return Filter(lambda row: all(test(row) for test in tests), equal, after)

    def _one(self) -> Filter:
        self._deep += 1
        if self._deep > _DEEPEST:
            raise wrong("$filter: nested too deep.")
        try:
            if self._takes("mark", "("):
                inside = self._any()
                self._demand(")")
                return inside
            kind, word = self._next()
            if kind != "word":
                raise wrong("$filter: a property is expected.")
            if word == "not":
                denied = self._one().test
                return Filter(lambda row: not denied(row))
            if word in ("substringof", "startswith"):
                return self._function(word)
            return self._comparison(word)
        finally:
            self._deep -= 1

    def _comparison(self, name: str) -> Filter:
        known = self._field(name)
        kind, word = self._next()
        if kind != "word" or word not in _COMPARE:
            raise wrong(f"$filter: an operator is expected after {name}.")
        literal = self._literal()
        if literal.kind not in known.kind.literals:
            raise wrong(f"$filter: {name} cannot be compared with that kind of value.")
        value, compare = literal.value, _COMPARE[word]
        if word == "eq":
            equal = None if value is None else ((name, value),)
            return Filter(lambda row: row.get(name) == value, equal)
        if word == "ne":
            return Filter(lambda row: row.get(name) != value)
        if value is None:
            raise wrong("$filter: null is only equal or not.")
        after = value if word == "gt" and name == "Timestamp" else None
        return Filter(lambda row: (found := row.get(name)) is not None and compare(found, value), after=after)

    def _function(self, name: str) -> Filter:
        self._demand("(")
        first = self._next()
        self._demand(",")
        second = self._next()
        self._demand(")")
        if self._takes("word", "eq") and self._next() != ("word", "true"):
            raise wrong(f"$filter: {name} is only compared with true.")
        part, of = (first, second) if name == "substringof" else (second, first)
        known = self._field(of[1])
        if part[0] != "text" or "text" not in known.kind.literals:
            raise wrong(f"$filter: {name} is about text.")
        wanted, column = part[1].replace("''", "'"), known.name
        if name == "startswith":
            return Filter(lambda row: str(row.get(column) or "").startswith(wanted))
        return Filter(lambda row: wanted in str(row.get(column) or ""))

    def _field(self, name: str) -> Field:
        known = self._fields.get(name)
        if known is None:
            raise wrong(f"$filter: there is no property {name}.")
        return known

    def _literal(self) -> _Literal:
        kind, text = self._next()
        match kind:
            case "guid":
                return _Literal("guid", text.lower())
            case "datetime":
                try:
                    return _Literal("datetime", clock.taken(text))
                except ValueError:
                    raise wrong("$filter: not a date.") from None
            case "text":
                return _Literal("text", text.replace("''", "'"))
            case "long":
                return _Literal("long", int(text[:-1]))
            case "number":
                return _Literal("number", Decimal(text) if "." in text else int(text))
            case "word" if text in ("true", "false"):
                return _Literal("bool", text == "true")
            case "word" if text == "null":
                return _Literal("null", None)
        raise wrong("$filter: a value is expected.")
