"""What an endpoint has: its fields, and how a body is read by them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.sims.exact_online.errors import wrong
from tests.sims.exact_online.values import Kind, kind

Row = dict[str, Any]


@dataclass(frozen=True)
class Field:
    name: str
    kind: Kind
    writable: bool = False
    required: bool = False


@dataclass(frozen=True)
class Resource:
    """One endpoint. ``table``: where its rows are; ``only``: which of them; ``twin``: it has a sync endpoint, so it is
    not read without a filter; ``sync``: it is one; ``nested``: collections in its rows, by the endpoint of their rows."""

    path: str
    table: str
    fields: Mapping[str, Field]
    key: str = "ID"
    only: Callable[[Row], bool] | None = None
    twin: bool = False
    sync: bool = False
    nested: Mapping[str, str] = field(default_factory=dict)

    @property
    def service(self) -> str:
        """What rights are about: ``purchaseentry``, ``crm``, …"""
        parts = self.path.lower().split("/")
        return parts[1] if parts[0] in ("sync", "bulk", "read") else parts[0]


def fields(text: str) -> dict[str, Field]:
    """Lines of name, kind and mark: ``-`` read only, ``w`` may be written, ``!`` must be."""
    found = {}
    for line in text.split("\n"):
        if line.strip():
            name, of, mark = line.split()
            found[name] = Field(name, kind(of), mark != "-", mark == "!")
    return found


def body_of(raw: bytes) -> dict[str, Any]:
    """Amounts keep the digits they were sent with."""
    try:
        found = json.loads(raw, parse_float=Decimal, parse_constant=_no_constant)
    except ValueError:
        raise wrong("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise wrong("The body is not a JSON object.")
    return found


def _no_constant(text: str) -> None:
    raise ValueError(text)


def read(resource: Resource, given: Mapping[str, Any], *, whole: bool = True) -> Row:
    """The given fields by their kinds; null counts as not given. ``whole``: required ones must be there."""
    row: Row = {}
    for name, value in given.items():
        known = resource.fields.get(name)
        if known is None:
            if name in resource.nested:
                continue
            raise wrong(f"{resource.path} has no property {name}.")
        if not known.writable:
            raise wrong(f"{name} is read only.")
        if value is None:
            if not whole:
                row[name] = None
            continue
        try:
            row[name] = known.kind.take(value)
        except ValueError as error:
            raise wrong(f"{name}: expected {error}.") from None
    for known in resource.fields.values():
        empty = row.get(known.name) in (None, "")
        if known.required and empty and (whole or known.name in row):
            raise wrong(f"Mandatory: {known.name}.")
    return row
