"""A syntax as a table: one rule an element, in the order of its schema, read and written by the same table.

A ``Table`` belongs to one class of the model. Reading is one walk over the children with a look-up by tag;
writing goes through the rules in order. A rule that both sides need is said once, so reader and writer cannot
drift apart. What a table cannot say (a VAT breakdown inside a tax total, a note with its subject code) is a rule
of its own with ``take`` and ``put``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from libs.einvoice import money
from libs.einvoice.formats.reading import Reading
from libs.einvoice.model import Amount, Identifier
from libs.einvoice.terms import number as term_number
from libs.einvoice.tree import Element

Values = dict[str, Any]
"""Keyword arguments of a class of the model, as they gather."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T00:00:00(?:\.0+)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
# What XML gives a meaning to, and what it cannot hold at all. One search finds neither in nearly every text.
_ILLEGAL = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
_SPECIAL = re.compile(f"[&<>\r{_ILLEGAL}]")
_UNWRITABLE = re.compile(f"[{_ILLEGAL}]")
_QUOTED = re.compile(f'[&<"\r\n\t{_ILLEGAL}]')
_ENTITIES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\r": "&#13;",
    "\n": "&#10;",
    "\t": "&#9;",
}

BLANKS = " \t\r\n"


class Rule(Protocol):
    """One element of a syntax."""

    name: str
    """Its prefixed name in the order of the schema; may be empty for a rule that only writes."""

    def take(self, element: Element, values: Values, reading: Reading) -> None: ...

    def put(self, source: Any, out: list[str], pad: str) -> None: ...


class Table:
    """The rules of one element, by tag for reading and in order for writing.

    ``aliases`` are elements that are read, never written.
    """

    __slots__ = ("by_tag", "leaves", "rules")

    def __init__(
        self, namespaces: dict[str, str], rules: Sequence[Rule], aliases: Sequence[Rule] = ()
    ) -> None:
        self.rules = tuple(rules)
        self.by_tag: dict[str, Rule] = {}
        for rule in (*rules, *aliases):
            if rule.name:
                self.by_tag.setdefault(qualified(rule.name, namespaces), rule)
        self.leaves = frozenset(
            tag
            for tag, rule in self.by_tag.items()
            if isinstance(rule, Text | Fallback | Day | Number | Money | Id) or rule.name.startswith("cbc:")
        )

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        """Read the children of ``element`` into ``values``."""
        by_tag = self.by_tag
        for child in element:
            rule = by_tag.get(child.tag)
            if rule is None or (len(child) and child.tag in self.leaves):
                reading.left(child)
            else:
                rule.take(child, values, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        for rule in self.rules:
            rule.put(source, out, pad)


def qualified(name: str, namespaces: dict[str, str]) -> str:
    """``cbc:ID`` as lxml writes it."""
    prefix, _, local = name.rpartition(":")
    namespace = namespaces.get(prefix, "")
    return f"{{{namespace}}}{local}" if namespace else local


def text_of(element: Element) -> str | None:
    """The text without the blanks around it; None when nothing is left, or when there are elements inside."""
    found = element.text if len(element) == 0 else None
    return (found.strip(BLANKS) or None) if found is not None else None


def escape(text: str) -> str:
    """Text as it stands between tags; what XML cannot hold becomes U+FFFD."""
    return _SPECIAL.sub(_entity, text) if _SPECIAL.search(text) else text


def unwritable(text: str) -> bool:
    """Whether a text holds a character that no XML document can."""
    return _UNWRITABLE.search(text) is not None


def quote(text: str) -> str:
    """Text as it stands in an attribute."""
    return _QUOTED.sub(_entity, text) if _QUOTED.search(text) else text


def _entity(found: re.Match[str]) -> str:
    return _ENTITIES.get(found[0], "\ufffd")


def read_date(text: str | None) -> date | None:
    """An ``xs:date``; midnight or a time zone behind the day is left out, because legal dates have none."""
    try:
        return date.fromisoformat(text[:10]) if text and _DATE.fullmatch(text) else None
    except ValueError:
        return None


def once(values: Values, field: str, value: object, element: Element, reading: Reading) -> None:
    """A term that may occur once: the first counts, and another value behind it is unread."""
    if values.setdefault(field, value) != value:
        reading.left(element)


class Text:
    """A leaf with text. With ``joined`` several of them are one text of several lines."""

    __slots__ = ("_close", "_open", "field", "joined", "name")

    def __init__(self, name: str, field: str, *, joined: bool = False) -> None:
        self.name, self.field, self.joined = name, field, joined
        self._open, self._close = f"<{name}>", f"</{name}>\n"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        text = element.text
        if not text or not (text := text.strip(BLANKS)):
            return
        if self.field not in values:
            values[self.field] = text
        elif self.joined:
            values[self.field] += "\n" + text
        else:
            once(values, self.field, text, element, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        value = getattr(source, self.field)
        if value is not None:
            if _SPECIAL.search(value):
                value = escape(value)
            out.append(f"{pad}{self._open}{value}{self._close}")


class Fallback:
    """An element that is read only where the proper one gave nothing. Never written."""

    __slots__ = ("field", "name")

    def __init__(self, name: str, field: str) -> None:
        self.name, self.field = name, field

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        text = text_of(element)
        if text is not None:
            once(values, self.field, text, element, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        pass


class Ignored:
    """An element that says nothing about the invoice, such as the version of the syntax."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        pass

    def put(self, source: Any, out: list[str], pad: str) -> None:
        pass


class Day:
    """A leaf with a date."""

    __slots__ = ("field", "name", "owner")

    def __init__(self, name: str, field: str, owner: type) -> None:
        self.name, self.field, self.owner = name, field, owner

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        text = text_of(element)
        if text is None:
            return
        found = read_date(text)
        if found is None:
            reading.wrong("READ-DATE", element, term=term_number(self.owner, self.field), seen=text)
        else:
            once(values, self.field, found, element, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        value = getattr(source, self.field)
        if value is not None:
            out.append(f"{pad}<{self.name}>{value.isoformat()}</{self.name}>\n")


def read_number(
    element: Element, reading: Reading, owner: type, field: str, role: str = ""
) -> Decimal | None:
    """The number in a leaf; a finding where it holds something else."""
    found = money.read(element.text) if len(element) == 0 else None
    if found is None:
        text = text_of(element)
        if text is not None:
            reading.wrong("READ-NUMBER", element, term=term_number(owner, field, role), seen=text)
    return found


class Number:
    """A leaf with a number, and where ``unit`` is given an attribute beside it in a field of its own."""

    __slots__ = ("attribute", "field", "name", "owner", "role", "unit")

    def __init__(
        self, name: str, field: str, owner: type, *, attribute: str = "", unit: str = "", role: str = ""
    ) -> None:
        self.name, self.field, self.owner = name, field, owner
        self.attribute, self.unit, self.role = attribute, unit, role

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        if self.field in values:
            reading.left(element)
            return
        found = read_number(element, reading, self.owner, self.field, self.role)
        if found is not None:
            values[self.field] = found
        if self.unit and (unit := element.get(self.attribute)):
            values[self.unit] = unit.strip(BLANKS) or None

    def put(self, source: Any, out: list[str], pad: str) -> None:
        value = getattr(source, self.field)
        if value is None:
            return
        unit = getattr(source, self.unit) if self.unit else None
        said = f' {self.attribute}="{quote(unit)}"' if unit is not None else ""
        out.append(f"{pad}<{self.name}{said}>{value:f}</{self.name}>\n")


class Money:
    """A leaf with an amount; its currency stands in an attribute (``currencyID`` in UBL and CII)."""

    __slots__ = ("always", "field", "name", "owner", "role")

    def __init__(self, name: str, field: str, owner: type, *, role: str = "", always: bool = True) -> None:
        self.name, self.field, self.owner, self.role, self.always = name, field, owner, role, always

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        if self.field in values:
            reading.left(element)
            return
        found = read_number(element, reading, self.owner, self.field, self.role)
        if found is not None:
            currency = element.get("currencyID")
            said = (currency.strip(BLANKS) or None) if currency else reading.currency
            values[self.field] = Amount(found, said)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        value = getattr(source, self.field)
        if value is not None:
            out.append(money_element(self.name, value, pad, currency=self.always))


def money_element(name: str, value: Amount, pad: str, *, currency: bool = True) -> str:
    said = f' currencyID="{quote(value.currency)}"' if currency and value.currency is not None else ""
    return f"{pad}<{name}{said}>{value.value:f}</{name}>\n"


class Id:
    """A leaf with an identifier and its scheme."""

    __slots__ = ("attribute", "field", "name")

    def __init__(self, name: str, field: str, *, attribute: str = "schemeID") -> None:
        self.name, self.field, self.attribute = name, field, attribute

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        found = identifier_of(element, self.attribute)
        if found is not None:
            once(values, self.field, found, element, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        value = getattr(source, self.field)
        if value is not None:
            out.append(identifier_element(self.name, value, pad, self.attribute))


def identifier_of(element: Element, attribute: str = "schemeID") -> Identifier | None:
    text = text_of(element)
    if text is None:
        return None
    scheme = element.get(attribute)
    return Identifier(text, (scheme.strip(BLANKS) or None) if scheme else None)


def identifier_element(name: str, value: Identifier, pad: str, attribute: str = "schemeID") -> str:
    said = f' {attribute}="{quote(value.scheme)}"' if value.scheme is not None else ""
    return f"{pad}<{name}{said}>{escape(value.value)}</{name}>\n"


class Step:
    """An element that is only a way to others: its children belong to the same class."""

    __slots__ = ("name", "table")

    def __init__(self, name: str, table: Table) -> None:
        self.name, self.table = name, table

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        self.table.take(element, values, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        wrap(self.name, (self.table,), source, out, pad)


class Group:
    """An element that is a group of its own in the model, at most once."""

    __slots__ = ("cls", "field", "name", "table")

    def __init__(self, name: str, field: str, cls: type, table: Table) -> None:
        self.name, self.field, self.cls, self.table = name, field, cls, table

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        if self.field in values:
            reading.left(element)
            return
        inner: Values = {}
        self.table.take(element, inner, reading)
        if inner:
            values[self.field] = self.cls(**finish(inner))

    def put(self, source: Any, out: list[str], pad: str) -> None:
        value = getattr(source, self.field)
        if value is not None:
            wrap(self.name, (self.table,), value, out, pad)


class Many:
    """An element that is a group and may repeat. ``values`` gathers a list; ``finish`` makes it a tuple."""

    __slots__ = ("cls", "field", "name", "table")

    def __init__(self, name: str, field: str, cls: type, table: Table) -> None:
        self.name, self.field, self.cls, self.table = name, field, cls, table

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        inner: Values = {}
        self.table.take(element, inner, reading)
        if inner:
            values.setdefault(self.field, []).append(self.cls(**finish(inner)))

    def put(self, source: Any, out: list[str], pad: str) -> None:
        for value in getattr(source, self.field):
            wrap(self.name, (self.table,), value, out, pad)


def finish(values: Values) -> Values:
    """Lists become tuples: the model is frozen."""
    for name, value in values.items():
        if type(value) is list:
            values[name] = tuple(value)
    return values


def wrap(name: str, tables: Iterable[Table], source: Any, out: list[str], pad: str) -> None:
    """An element around what the tables write; nothing at all when they write nothing."""
    place = len(out)
    out.append(f"{pad}<{name}>\n")
    for table in tables:
        table.put(source, out, pad + "  ")
    if len(out) == place + 1:
        out.pop()
    else:
        out.append(f"{pad}</{name}>\n")
