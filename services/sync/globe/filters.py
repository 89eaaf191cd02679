"""The filter of a first load: a condition of at most 255 characters, as Globe+ writes it (R227).

::

    grtbk.reknr in ('0001', '0005')         PRProject.Status = 'A' and not (PRProject.ProjectNr like 'X%')

It is parsed by a grammar and built anew as an expression with bind parameters: not one character of it reaches
the database as SQL. Tables, columns and operators are those on the list; there are no functions, no subqueries,
no comments, no statements, because the grammar has no words for them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import VisitError
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    String,
    Uuid,
    and_,
    not_,
    or_,
)

from libs.errors import BadInput
from services.sync.globe.tables import SOURCES
from services.sync.mappings.field import Name

MOST = 255
"""Characters, as Globe+ allows."""

MOST_DEEP = 20
"""Parentheses inside each other."""

NOT_FILTERED: frozenset[Name] = frozenset({"supplier", "organisation", "company"})
"""R230: suppliers have no filter; of the administration itself there is one."""

_GRAMMAR = r"""
    ?start: either
    ?either: both ("or"i both)*
    ?both: opposite ("and"i opposite)*
    ?opposite: "not"i opposite -> opposite
             | "(" either ")"
             | comparison
    comparison: column OPERATOR value            -> compared
              | column "in"i "(" value ("," value)* ")"             -> within
              | column "not"i "in"i "(" value ("," value)* ")"      -> without
              | column "like"i TEXT                -> alike
              | column "not"i "like"i TEXT         -> unlike
              | column "between"i value "and"i value    -> between
              | column "is"i "null"i               -> empty
              | column "is"i "not"i "null"i        -> filled
    column: [NAME "."] NAME
    value: TEXT | NUMBER
    OPERATOR: "=" | "<>" | "!=" | "<=" | ">=" | "<" | ">"
    TEXT: "'" /([^'\x00-\x1f]|'')*/ "'"
    NUMBER: /-?\d{1,18}(\.\d{1,10})?/
    NAME: /(?!(and|or|not|in|like|between|is|null)\b)[A-Za-z_][A-Za-z0-9_]*/i
    %ignore /[ \t\r\n]+/
"""

_parser = Lark(_GRAMMAR, parser="lalr")

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": lambda column, value: column == value,
    "<>": lambda column, value: column != value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}


_MARKS = "~!^|#&@"
_EQUAL = frozenset({"=", "<>", "!="})
_FIRST_DAY = datetime(1753, 1, 1)  # noqa: DTZ001 - of SQL Server's datetime, which has no zone


class BadFilter(BadInput):
    """This filter cannot be read: write it as in grtbk.reknr in ('0001', '0005')."""

    slug = "bad-filter"
    dutch = "Dit filter is niet te lezen: schrijf het zoals in grtbk.reknr in ('0001', '0005')."


def compiled(text: str, kind: Name) -> ColumnElement[bool]:
    """A filter as an expression on the kind's table. Raises ``BadFilter`` saying what is wrong and where."""
    if kind in NOT_FILTERED:
        raise BadFilter(
            "There is no filter for this kind: inactive suppliers and those of employees are left out by themselves.",
            nl="Voor dit soort gegevens is er geen filter: inactieve crediteuren en die van medewerkers vallen al af.",
        )
    if len(text) > MOST:
        raise BadFilter(
            f"A filter has at most {MOST} characters; this one has {len(text)}.",
            nl=f"Een filter heeft hoogstens {MOST} tekens; dit heeft er {len(text)}.",
        )
    if text.count("(") > MOST_DEEP:
        raise BadFilter("Too many parentheses.", nl="Te veel haakjes.")
    try:
        built: ColumnElement[bool] = _Build(kind).transform(_parser.parse(text))
    except UnexpectedInput as wrong:
        at = (
            wrong.pos_in_stream if wrong.pos_in_stream is not None and wrong.pos_in_stream >= 0 else len(text)
        )
        raise BadFilter(
            f"At character {at + 1} (…{text[max(0, at - 10) : at + 10]}…) this filter cannot be read: write it as in "
            "grtbk.reknr in ('0001', '0005').",
            nl=f"Bij teken {at + 1} (…{text[max(0, at - 10) : at + 10]}…) is dit filter niet te lezen: schrijf het als "
            "grtbk.reknr in ('0001', '0005').",
            at=at + 1,
        ) from wrong
    except VisitError as wrong:
        if isinstance(wrong.orig_exc, BadFilter):
            raise wrong.orig_exc from wrong
        raise
    return built


def columns(kind: Name) -> dict[str, Column[Any]]:
    """The columns a filter may name, by lower-case name: those the sync reads, without stamps."""
    table = SOURCES[kind].table
    return {each.name.lower(): each for each in table.c if not isinstance(each.type, LargeBinary)}


class _Build(Transformer[Token, Any]):
    """From the tree to an expression; every name is looked up, every value becomes a bind parameter."""

    def __init__(self, kind: Name) -> None:
        super().__init__()
        self._table = SOURCES[kind].table
        self._columns = columns(kind)

    def column(self, names: list[Token | None]) -> Column[Any]:
        table, name = names
        if table is not None and table.lower() != self._table.name.lower():
            raise BadFilter(
                f"This filter is about the table {self._table.name}; {table} is another one.",
                nl=f"Dit filter gaat over de tabel {self._table.name}; {table} is een andere.",
            )
        found = self._columns.get(str(name).lower())
        if found is None:
            known = ", ".join(sorted(each.name for each in self._columns.values()))
            raise BadFilter(
                f"There is no column {name} to filter by; these are: {known}.",
                nl=f"Er is geen kolom {name} om op te filteren; wel: {known}.",
            )
        return found

    def value(self, tokens: list[Token]) -> str:
        (token,) = tokens
        return _text(token) if token.type == "TEXT" else str(token)

    def compared(self, parts: list[Any]) -> Any:
        column, operator, value = parts
        if str(operator) not in _EQUAL:
            _ordered(column)
        return _COMPARE[str(operator)](column, _typed(column, value))

    def within(self, parts: list[Any]) -> Any:
        column, *values = parts
        return column.in_([_typed(column, each) for each in values])

    def without(self, parts: list[Any]) -> Any:
        return not_(self.within(parts))

    def alike(self, parts: list[Any]) -> Any:
        column, pattern = parts
        if not isinstance(column.type, String):
            raise BadFilter(
                f"{column.name} is no text: compare it with =, <, >, between or in.",
                nl=f"{column.name} is geen tekst: vergelijk met =, <, >, between of in.",
            )
        text = _typed(column, _text(pattern))
        return column.like(text, escape=_unused(text) if "\\" in text else None)

    def unlike(self, parts: list[Any]) -> Any:
        return not_(self.alike(parts))

    def between(self, parts: list[Any]) -> Any:
        column, low, high = parts
        _ordered(column)
        return column.between(_typed(column, low), _typed(column, high))

    def empty(self, parts: list[Any]) -> Any:
        return parts[0].is_(None)

    def filled(self, parts: list[Any]) -> Any:
        return parts[0].is_not(None)

    def opposite(self, parts: list[Any]) -> Any:
        return not_(parts[0])

    def both(self, parts: list[Any]) -> Any:
        return and_(*parts)

    def either(self, parts: list[Any]) -> Any:
        return or_(*parts)


def _text(token: str) -> str:
    return str(token)[1:-1].replace("''", "'")


def _unused(pattern: str) -> str:
    """A mark that is not in a pattern, to be named as its escape: a backslash is a letter like any other to SQL Server,
    and so it is everywhere once another mark has its part."""
    found = next((each for each in _MARKS if each not in pattern), None)
    if found is None:
        raise BadFilter(
            f"Leave one of {_MARKS} out of this pattern.", nl=f"Laat een van {_MARKS} uit dit patroon weg."
        )
    return found


def _typed(column: Column[Any], value: str) -> Any:
    """A value as its column holds it, so that the database compares like with like."""
    kind = column.type
    try:
        if isinstance(kind, Boolean):
            return {"0": False, "1": True}[value]
        if isinstance(kind, Integer):
            return _within(-(2**31), int(_plain(value)), 2**31 - 1)
        if isinstance(kind, Float):
            return _within(-sys.float_info.max, float(_plain(value)), sys.float_info.max)
        if isinstance(kind, DateTime):
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                raise ValueError(value)
            return _within(_FIRST_DAY, moment, moment)
        if isinstance(kind, Uuid):
            return str(UUID(value))
        value.encode()  # half a character is none
    except (ValueError, KeyError) as bad:
        raise BadFilter(
            f"{value!r} is nothing {column.name} can be compared with.",
            nl=f"{value!r} is niets waarmee {column.name} te vergelijken is.",
        ) from bad
    return value


def _plain(number: str) -> str:
    """Python reads 1_0 as ten; nobody who writes a filter does. Raises ``ValueError``."""
    if "_" in number:
        raise ValueError(number)
    return number


def _within(low: Any, value: Any, high: Any) -> Any:
    """What the type of the column holds: a driver that finds out has no words for it. Raises ``ValueError``."""
    if not low <= value <= high:
        raise ValueError(value)
    return value


def _ordered(column: Column[Any]) -> None:
    """Yes is not more than no."""
    if isinstance(column.type, Boolean):
        raise BadFilter(
            f"{column.name} is yes or no: compare it with = 1 or = 0.",
            nl=f"{column.name} is ja of nee: vergelijk met = 1 of = 0.",
        )
