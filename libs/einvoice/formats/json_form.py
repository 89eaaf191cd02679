"""The invoice as our JSON: the semantic model itself, under the names of its terms (schema in docs/formats).

Amounts are ``{"value": "12.50", "currency": "EUR"}`` with the number as text (a JSON number is no decimal), dates
are ``yyyy-mm-dd``, attachments base64. What has no value is left out. Reader, writer and schema are made from the
annotations of the model, so none of them forgets a term.
"""

from __future__ import annotations

import base64
import binascii
import json
import types
from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import orjson

from libs.einvoice import money
from libs.einvoice.formats.reading import Read, finding
from libs.einvoice.formats.table import read_date, unwritable
from libs.einvoice.formats.written import Written
from libs.einvoice.model import Invoice

VERSION = "1"
_DEEPEST = 12


class _Part(NamedTuple):
    name: str
    kind: Any
    repeated: bool
    terms: str


@lru_cache(maxsize=64)
def _parts_of(kind: Hashable) -> tuple[_Part, ...]:
    group: Any = kind
    hints = get_type_hints(group, include_extras=True)
    names = [f.name for f in fields(group)] if is_dataclass(group) else list(group._fields)
    parts = []
    for name in names:
        hint, said = hints[name], ""
        if get_origin(hint) is Annotated:
            hint, said = get_args(hint)
        if get_origin(hint) in (Union, types.UnionType):
            hint = next(each for each in get_args(hint) if each is not type(None))
        repeated = get_origin(hint) is tuple
        parts.append(_Part(name, get_args(hint)[0] if repeated else hint, repeated, said))
    return tuple(parts)


def _parts(kind: Any) -> tuple[_Part, ...]:
    return _parts_of(kind)


def _is_group(kind: Any) -> bool:
    return is_dataclass(kind) or hasattr(kind, "_fields")


def write(invoice: Invoice) -> Written:
    """UTF-8, two blanks a step, keys in the order of the model: the same invoice, the same bytes."""
    body = {"postbode_invoice": VERSION, **_group(invoice)}
    return Written(orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n")


def _group(value: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for part in _parts(type(value)):
        found = getattr(value, part.name)
        if found is None or (part.repeated and not found):
            continue
        made[part.name] = [_value(each) for each in found] if part.repeated else _value(found)
    return made


def _value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, str):
        # Half a surrogate pair is no text that UTF-8 can hold.
        return value.encode("utf-8", "replace").decode()
    return _group(value)


def read(data: bytes) -> Read:
    """An invoice from our JSON. Never raises for what is inside: what does not fit is a finding with its path."""
    findings: list[Any] = []
    unread: list[str] = []
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        findings.append(finding("READ-JSON", line=error.lineno, seen=error.msg))
        return Read(Invoice(), findings=tuple(findings))
    twice = _twice(data)
    if twice is not None:
        # Which of the two counts is anybody's guess.
        return Read(Invoice(), findings=(finding("READ-TWICE", seen=twice),))
    if not isinstance(body, Mapping):
        return Read(Invoice(), findings=(finding("READ-JSON", line=1, seen=type(body).__name__),))
    reader = _Reader(findings, unread)
    invoice = reader.group(Invoice, {k: v for k, v in body.items() if k != "postbode_invoice"}, "", 0)
    version = body.get("postbode_invoice")
    if version != VERSION:
        findings.append(finding("READ-JSON", xpath="/postbode_invoice", seen=str(version)))
    elif invoice is None:
        findings.append(finding("READ-JSON", xpath="/", seen="{}"))
    return Read(invoice or Invoice(), findings=tuple(findings), unread=tuple(unread))


def _twice(data: bytes) -> str | None:
    """A name that stands twice in one object; None when each stands once."""
    found: list[str] = []

    def once(pairs: list[tuple[str, object]]) -> None:
        names = set()
        for name, _ in pairs:
            if name in names:
                found.append(name)
            names.add(name)

    try:
        json.loads(data, object_pairs_hook=once, parse_int=str, parse_float=str)
    except RecursionError:
        # Nested deeper than any invoice: the reader stops there by itself.
        return None
    return found[0] if found else None


class _Reader:
    def __init__(self, findings: list[Any], unread: list[str]) -> None:
        self._findings, self._unread = findings, unread

    def group(self, kind: Any, body: Any, path: str, depth: int) -> Any:
        if not isinstance(body, Mapping) or depth > _DEEPEST:
            return self._wrong("READ-JSON", path, body)
        values: dict[str, Any] = {}
        for part in _parts(kind):
            if part.name not in body:
                continue
            where, given = f"{path}/{part.name}", body[part.name]
            if part.repeated:
                if not isinstance(given, list):
                    self._wrong("READ-JSON", where, given)
                    continue
                found = [
                    self.value(part.kind, each, f"{where}[{n}]", depth) for n, each in enumerate(given, 1)
                ]
                values[part.name] = tuple(each for each in found if each is not None)
            else:
                values[part.name] = self.value(part.kind, given, where, depth)
        known = {part.name for part in _parts(kind)}
        self._unread.extend(f"{path}/{name}" for name in body if name not in known)
        values = {name: value for name, value in values.items() if value is not None}
        if not values:
            return None
        try:
            return kind(**values)
        except TypeError:
            return self._wrong("READ-JSON", path, body)

    def value(self, kind: Any, given: Any, path: str, depth: int) -> Any:
        if given is None:
            return None
        if _is_group(kind):
            return self.group(kind, given, path, depth + 1)
        if not isinstance(given, str):
            return self._wrong("READ-JSON", path, given)
        if kind is Decimal:
            found: Any = money.read(given)
            return found if found is not None else self._wrong("READ-NUMBER", path, given)
        if kind is date:
            found = read_date(given)
            return found if found is not None else self._wrong("READ-DATE", path, given)
        if kind is bytes:
            try:
                return base64.b64decode(given, validate=True)
            except (binascii.Error, ValueError):
                return self._wrong("READ-ATTACHMENT", path, given)
        if unwritable(given):
            return self._wrong("READ-TEXT", path, ascii(given))
        return given or None

    def _wrong(self, code: str, path: str, given: Any) -> None:
        self._findings.append(finding(code, xpath=path or "/", seen=str(given)))


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what ``write`` makes."""
    definitions: dict[str, Any] = {}
    root = _described(Invoice, definitions)
    root["properties"] = {"postbode_invoice": {"const": VERSION}, **root["properties"]}
    root["required"] = ["postbode_invoice"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:postbode:invoice:{VERSION}",
        "title": "Invoice",
        "description": "An invoice or credit note in the terms of EN 16931-1.",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


_LEAVES: Mapping[Any, dict[str, Any]] = {
    str: {"type": "string"},
    Decimal: {"type": "string", "pattern": r"^-?[0-9]{1,18}(\.[0-9]+)?$"},
    date: {"type": "string", "format": "date"},
    bytes: {"type": "string", "contentEncoding": "base64"},
}


def _described(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for part in _parts(kind):
        if _is_group(part.kind):
            name = part.kind.__name__
            if name not in definitions:
                definitions[name] = {}
                definitions[name] = _described(part.kind, definitions)
            described: dict[str, Any] = {"$ref": f"#/$defs/{name}"}
        else:
            described = dict(_LEAVES[part.kind])
        if part.repeated:
            described = {"type": "array", "items": described}
        if part.terms:
            described["description"] = " / ".join(part.terms.split())
        properties[part.name] = described
    return {"type": "object", "additionalProperties": False, "properties": properties}


if __name__ == "__main__":
    # make contracts: the schema as it is published.
    print(orjson.dumps(schema(), option=orjson.OPT_INDENT_2).decode())
