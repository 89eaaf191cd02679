"""The kinds of value fields have: what is taken from JSON and from filters, and how it is shown."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from tests.sims.exact_online import clock

GUID = re.compile(r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

LiteralKind = Literal["guid", "datetime", "text", "number", "long", "bool", "null"]


@dataclass(frozen=True)
class Kind:
    """``take`` raises ``ValueError``, with what would be right. ``literals``: which a filter may compare it with.
    ``show`` is ``None`` where the value is JSON already."""

    name: str
    take: Callable[[Any], Any]
    literals: frozenset[LiteralKind]
    show: Callable[[Any], Any] | None = None


def new_guid() -> str:
    return str(uuid.uuid4())


def _guid(value: Any) -> str:
    if not isinstance(value, str) or not GUID.match(value):
        raise ValueError("a GUID")
    return value.lower()


def _day(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("a date as text, ISO 8601")
    try:
        return clock.taken(value)
    except ValueError:
        raise ValueError("a date, ISO 8601") from None


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _int(value: Any) -> int:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | str)
        or not re.match(r"^-?\d{1,18}$", str(value))
    ):
        raise ValueError("a whole number")
    return int(value)


def _number(places: int) -> Callable[[Any], Decimal]:
    def take(value: Any) -> Decimal:
        try:
            if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
                raise InvalidOperation
            found = Decimal(value)
            if not found.is_finite() or found != round(found, places) or abs(found) >= Decimal(10) ** 13:
                raise InvalidOperation
        except InvalidOperation:
            raise ValueError(f"a number with at most {places} decimals") from None
        return found

    return take


def _text(longest: int) -> Callable[[Any], str]:
    def take(value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest or _CONTROL.search(value):
            raise ValueError(f"text of at most {longest} characters")
        return value

    return take


def _padded(width: int, *, right: bool) -> Callable[[Any], str]:
    def take(value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value.strip(" ")) <= width:
            raise ValueError(f"a code of at most {width} characters")
        code = value.strip(" ")
        return code.rjust(width) if right else code.ljust(width)

    return take


def _kind(name: str) -> Kind:
    """By its name in ``resources``: ``text50``, ``right18`` (blanks before), ``left3`` (blanks behind), …"""
    size = int(re.sub(r"\D", "", name) or 0)
    match name.rstrip("0123456789"):
        case "guid":
            return Kind(name, _guid, frozenset({"guid", "null"}))
        case "day":
            return Kind(name, _day, frozenset({"datetime", "null"}), clock.shown)
        case "bool":
            return Kind(name, _bool, frozenset({"bool", "null"}))
        case "int":
            return Kind(name, _int, frozenset({"number", "null"}))
        case "long":
            # An Edm.Int64 is text in the JSON of OData 2.
            return Kind(name, _int, frozenset({"number", "long"}), str)
        case "amount" | "number":
            return Kind(name, _number(size or 2), frozenset({"number", "null"}), float)
        case "text":
            return Kind(name, _text(size), frozenset({"text", "null"}))
        case "right":
            return Kind(name, _padded(size, right=True), frozenset({"text", "null"}))
        case "left":
            return Kind(name, _padded(size, right=False), frozenset({"text", "null"}))
    raise LookupError(name)


_KINDS: dict[str, Kind] = {}


def kind(name: str) -> Kind:
    return _KINDS.get(name) or _KINDS.setdefault(name, _kind(name))
