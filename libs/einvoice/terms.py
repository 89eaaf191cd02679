"""The business terms of a model as data: which there are, and which of them an invoice holds.

A loss report, a human view and a test "term by term" all walk the same way, so none of them can forget a field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple, get_args, get_type_hints

from libs.einvoice import model


class Term(NamedTuple):
    """One value of one term. ``path`` counts repeated groups from 1: ``lines[2].item.name``."""

    path: str
    number: str
    value: object


class Field(NamedTuple):
    name: str
    numbers: tuple[str, ...]
    """By role where the group has roles; else one."""


_FIELDS: dict[type[Any], tuple[Field, ...]] = {}


def of_class(cls: type[Any]) -> tuple[Field, ...]:
    """The terms and groups of a class of the model, in order."""
    found = _FIELDS.get(cls)
    if found is None:
        hints = get_type_hints(cls, include_extras=True)
        found = tuple(Field(f.name, tuple(get_args(hints[f.name])[1].split())) for f in fields(cls))
        _FIELDS[cls] = found
    return found


def number(cls: type[Any], name: str, role: str = "") -> str:
    """The business term of a field, such as ``BT-1``; of a group with roles, in that role (else its first)."""
    numbers = next(field.numbers for field in of_class(cls) if field.name == name)
    return numbers[_place(cls, role)] if len(numbers) > 1 else numbers[0]


def walk(invoice: model.Invoice) -> Iterator[Term]:
    """Every term that has a value, in the order of the model."""
    return _group(invoice, "", "", None)


def within(invoice: model.Invoice, numbers: frozenset[str]) -> Iterator[Term]:
    """The terms of these numbers, and all those of the groups of these numbers, that have a value."""
    return _group(invoice, "", "", numbers)


def _group(group: Any, path: str, role: str, only: frozenset[str] | None) -> Iterator[Term]:
    cls = type(group)
    place = _place(cls, role)
    for field in of_class(cls):
        value = getattr(group, field.name)
        if value is None or value == ():
            continue
        found = field.numbers[place] if len(field.numbers) > 1 else field.numbers[0]
        where = f"{path}.{field.name}" if path else field.name
        # Identifiers and amounts are tuples too, with a name: they are values.
        if type(value) is tuple:
            for count, each in enumerate(value, 1):
                yield from _value(each, f"{where}[{count}]", found, only)
        else:
            yield from _value(value, where, found, only)


def _value(value: Any, where: str, found: str, only: frozenset[str] | None) -> Iterator[Term]:
    if only is not None and found in only:
        only = None
    if isinstance(value, model.Attribute):
        for part, number, text in (("name", "BT-160", value.name), ("value", "BT-161", value.value)):
            if text is not None and (only is None or number in only):
                yield Term(f"{where}.{part}", number, text)
    elif is_dataclass(value):
        yield from _group(value, where, found, only)
    elif only is None:
        yield Term(where, found, value)


def _place(cls: type[Any], role: str) -> int:
    roles: tuple[str, ...] = getattr(cls, "ROLES", ())
    return roles.index(role) if role in roles else 0
