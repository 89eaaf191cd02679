"""What one row of the mapping tables is: a field of Globe+, a field of Purchase to Pay, and how one becomes the other.

::

    Row (columns of Globe+) ──take──▶ value ──at its path──▶ Payload (one resource of Purchase to Pay)

Pure. A ``Kind`` is one table of requirements B6: its fields carry the row's number (M-CC1 …), both names in both
languages, the direction and the rule. ``docs/sync.md`` is printed from these objects, so it cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, TypeAlias

from libs.contracts.parts import Words

Row: TypeAlias = Mapping[str, Any]
"""One record of Globe+, by column; what belongs to it (addresses, rates) as lists of rows."""

Payload: TypeAlias = dict[str, Any]
"""One resource as Purchase to Pay takes and gives it: JSON values only."""

Name: TypeAlias = Literal[
    "organisation",
    "company",
    "currency",
    "vat_code",
    "payment_condition",
    "cost_centre",
    "cost_unit",
    "gl_account",
    "project",
    "supplier",
]


class Direction(Enum):
    """Which way a field goes; the arrow of the requirement's table."""

    TO_P2P = "→"
    BOTH = "↔"
    NONE = "–"


class Shape(Enum):
    """How values of a field are compared, and put together with what Purchase to Pay has."""

    TEXT = "text"
    FLAG = "flag"
    NUMBER = "number"
    TRANSLATIONS = "translations"
    LINKS = "links"
    """A set of ids: ours is added, nothing is taken away."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a value depends on beside its record: the administration it is in, and the settings."""

    administration: str
    today: date
    """The date in the administration's time zone."""
    same_cost_types: bool = False
    """Feature EXACTGLOBE_ADMINS_SAME_COSTTYPES of Purchase to Pay (R218)."""
    languages: tuple[str, ...] = ("en", "de", "fr", "es")
    """Which language each of Globe's four foreign descriptions is in (inference: Globe lets users choose)."""
    condition_days: Literal["discount1_days", "term_days"] = "discount1_days"
    """Where the days of a payment condition come from (C7)."""
    open_projects: bool = True
    """A project without an end date counts as not ended (C6)."""
    inactive: frozenset[str] = frozenset({"E"})
    """Globe statuses of suppliers that count as *Non-actief* (inference: Exit)."""
    bank_countries: Mapping[str, str] = field(default_factory=dict)
    """Globe's type of a bank account → country of the bank (C16, inference); what is not here is left empty."""
    salutations: Mapping[str, str] = field(default_factory=dict)
    """Globe's title → Mr or Mrs, beside the usual ones (C16)."""


Take: TypeAlias = Callable[[Row, Scope], Any]


@dataclass(frozen=True, slots=True)
class Names:
    """What the field is called on both screens."""

    globe_nl: str
    globe_en: str
    p2p_nl: str
    p2p_en: str


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a mapping table."""

    row: str
    """Its number, such as M-CC1."""
    globe: str
    """Table and column; empty: Globe+ has no such field."""
    p2p: tuple[str, ...]
    """Paths in the resource; one Globe field may fill two."""
    names: Names
    take: Take
    shape: Shape = Shape.TEXT
    direction: Direction = Direction.TO_P2P
    key: bool = False
    number: bool = False
    """The code a renumbering changes: a change of it alone is not sent (R237)."""
    required: bool = False
    rules: tuple[str, ...] = ()
    rule: str = ""
    """In English, for the documentation."""


@dataclass(frozen=True, slots=True)
class Children:
    """A list inside a resource, known by ``key``: ours are put in, others are left alone."""

    p2p: str
    key: str
    rows: Callable[[Row, Scope], Iterable[Row]]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a record does not go over: the rule that says so, and words."""

    rule: str
    words: Words


Deletion = Literal["deactivate", "nothing"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of master data: where it comes from, what it becomes, and the rules of its table."""

    name: Name
    title: Words
    table: str
    """Of Globe+."""
    resource: str
    """Of Purchase to Pay."""
    fields: tuple[Field, ...]
    children: tuple[Children, ...] = ()
    skip: Callable[[Row, Scope], Skip | None] = lambda row, scope: None  # noqa: ARG005 - the shape of the field
    on_delete: Deletion = "nothing"
    delete_rule: str = "R238"
    shared: bool = False
    """Keyed by code alone: administrations must agree (R304)."""
    renumbers: bool = False
    """The renumbering rule holds (R237)."""
    creates: bool = True
    """A new record goes over by itself; suppliers do so only in a first load (R261)."""

    @property
    def key(self) -> Field:
        return next(each for each in self.fields if each.key)

    @property
    def has_active(self) -> bool:
        return any("active" in each.p2p for each in self.fields)


def compose(kind: Kind, row: Row, scope: Scope, external_id: str | None = None) -> Payload:
    """The resource a record becomes. ``external_id``: the identity it was given before, which stays (R237)."""
    made: Payload = {}
    for each in kind.fields:
        value = each.take(row, scope)
        for path in each.p2p:
            _put(made, path, value)
    for group in kind.children:
        made[group.p2p] = [_child(group, each, scope) for each in group.rows(row, scope)]
    if external_id is not None:
        made["externalId"] = external_id
    return made


def _child(group: Children, row: Row, scope: Scope) -> Payload:
    made: Payload = {}
    for each in group.fields:
        value = each.take(row, scope)
        for path in each.p2p:
            _put(made, path, value)
    return made


def _put(into: Payload, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        into = into.setdefault(parent, {})
    into[last] = value


def text(column: str) -> Take:
    """A text as it stands, without the blanks Globe pads with; nothing is the empty text."""

    def take(row: Row, scope: Scope) -> str:  # noqa: ARG001
        return as_text(row.get(column))

    return take


def flag(column: str, *, inverted: bool = False) -> Take:
    """Yes or no. A column that is empty counts as no."""

    def take(row: Row, scope: Scope) -> bool:  # noqa: ARG001
        return as_flag(row.get(column)) is not inverted

    return take


def number(column: str) -> Take:
    """A number, exact as long as JSON can hold it."""

    def take(row: Row, scope: Scope) -> float | int | None:  # noqa: ARG001
        return as_number(row.get(column))

    return take


def translations(column: str) -> Take:
    """Globe's four foreign descriptions by language; those left empty are left out (R239)."""

    def take(row: Row, scope: Scope) -> dict[str, str]:
        found = {language: as_text(row.get(f"{column}_{n}")) for n, language in enumerate(scope.languages, 1)}
        return {language: value for language, value in found.items() if value}

    return take


def same(dutch: str, english: str) -> Names:
    """The names of a field that is called the same on both sides."""
    return Names(dutch, english, dutch, english)


def plain(row: str, globe: str, p2p: str, names: Names, **more: Any) -> Field:
    """A text that goes over as it stands. ``globe``: table and column; ``more``: as of ``Field``."""
    return Field(row, globe, (p2p,), names, text(globe.partition(".")[2]), **more)


def translated(row: str, globe: str, column: str) -> Field:
    """Globe's foreign descriptions of a record (R239)."""
    return Field(
        row,
        globe,
        ("translations",),
        Names("Omschrijvingen in vreemde talen", "foreign descriptions", "Vertalen", "translations"),
        translations(column),
        Shape.TRANSLATIONS,
        rules=("R239",),
    )


def by_record(row: str, globe: str, dutch: str, english: str) -> Field:
    """The identity of most kinds: administration and record ID (R236)."""
    return Field(
        row,
        globe,
        ("externalId",),
        Names(dutch, english, "Identificatienummer", "identification number"),
        combined("ID"),
        key=True,
        rules=("R236",),
        rule="administration and record ID",
    )


def combined(column: str) -> Take:
    """Administration and record: the identity most kinds have in Purchase to Pay (R236).

    How the two are put together the seed does not say (inference: with a hyphen).
    """

    def take(row: Row, scope: Scope) -> str:
        return f"{scope.administration}-{as_text(row.get(column))}"

    return take


def administration(row: Row, scope: Scope) -> list[str]:  # noqa: ARG001
    """A link to the administration the record is in."""
    return [scope.administration]


def as_text(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    if not text.isascii() or "\0" in text:  # SQL Server keeps a NUL and half a surrogate, Postgres does not
        text = text.replace("\0", "").encode("utf-8", "replace").decode()
    return text.strip()


def as_flag(value: Any) -> bool:
    """Globe writes yes as 1, true or J."""
    if isinstance(value, str):
        return value.strip().upper() in ("1", "J", "Y", "T", "TRUE")
    return bool(value)


def as_number(value: Any) -> float | int | None:
    if value is None or value == "":
        return None
    exact = Decimal(str(value))
    if not exact.is_finite():
        return None
    return int(exact) if exact == exact.to_integral_value() else float(exact)
