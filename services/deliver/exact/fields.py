"""Where the values of the 18 extra fields (``libs.einvoice.extra_fields``, R121) come from. Pure.

A field is matched to one or more sources, and the first that has a value counts (R120):

===================  =======  ====================================================================
source               level    value
===================  =======  ====================================================================
``BT-13``            header   a term of EN 16931 outside the lines
``BT-134``           line     a term of EN 16931 inside the lines (BT-126 to BT-161)
``property:Name``    line     the item attribute of that name (BG-32; UBL ``AdditionalItemProperty``)
``note:Name``        header   a note with that subject code, or one that reads ``Name: value`` (BG-1)
``document:Name``    header   the supporting document so described (BG-24): its number, or its address
``field:Name``       header   what its sender said under that name of R121 beside the invoice, when handing it over
``value:text``       header   this text, for every invoice
===================  =======  ====================================================================

A header source of a line's property goes to all lines; a line source of a header's property is refused when it is matched
(R122). A value that Exact Online would not take is told by its field's name, and nothing is booked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from libs.contracts.parts import Words
from libs.einvoice import extra_fields, model, terms
from libs.einvoice.extra_fields import BY_NAME, Level, Value

TRANSACTION_B_COUNTRIES = frozenset({"BE", "LU", "FR", "GB"})
"""Where ``IntraStatTransactionB`` exists (exact.md §3.7)."""
MOST_SOURCES = 5

_SOURCE = re.compile(
    r"(?P<term>BT-[1-9][0-9]{0,2})|(?P<kind>property|note|document|field|value):(?P<name>.{1,200})", re.DOTALL
)
_KNOWN_TERMS = frozenset(
    number
    for cls in vars(model).values()
    if isinstance(cls, type) and is_dataclass(cls)
    for field in terms.of_class(cls)
    for number in field.numbers
) | {"BT-160", "BT-161"}


def level_of(source: str) -> Level | None:
    """Whether a source has one value an invoice or one a line; None for what is no source."""
    found = _SOURCE.fullmatch(source)
    if found is None:
        return None
    term = found["term"]
    if found["kind"] == "field" and found["name"] not in BY_NAME:
        return None
    if term is None:
        return "line" if found["kind"] == "property" else "header"
    if term not in _KNOWN_TERMS:
        return None
    return "line" if 126 <= int(term[3:]) <= 161 else "header"


def trouble(name: str, sources: tuple[str, ...], country: str | None = None) -> Words | None:
    """Why a field cannot be matched so (R122). ``country``: of the books, where it is known."""
    field = BY_NAME.get(name)
    if field is None:
        return extra_fields.unknown(name)
    label = f"{name} ({field.words.nl})"
    if name == "IntraStatTransactionB" and country not in (None, *TRANSACTION_B_COUNTRIES):
        return Words(
            nl=f"{label} bestaat alleen in een administratie in BE, LU, FR of GB, niet in {country}",
            en=f"{label} exists only in books in BE, LU, FR or GB, not in {country}",
        )
    for source in sources:
        level = level_of(source)
        if level is None:
            return Words(
                nl=f"{label}: “{source[:60]}” is geen bron; geef BT-…, property:…, note:…, document:…, field:… of value:…",
                en=f"{label}: “{source[:60]}” is no source; give BT-…, property:…, note:…, document:…, field:… or value:…",
            )
        if level == "line" and field.level == "header":
            return Words(
                nl=f"{label} hoort bij de hele factuur en “{source[:60]}” bij een regel: kies een veld van de factuur",
                en=f"{label} belongs to the whole invoice and “{source[:60]}” to a line: choose a field of the invoice",
            )
    return None


Matching: TypeAlias = Mapping[str, tuple[str, ...]]
"""Sources by the name of the property."""


def own(matching: Matching, said: Iterable[str]) -> Matching:
    """In its own books a sender's fields count without being matched; what is matched counts as it is, to nothing too."""
    return {**{name: (f"field:{name}",) for name in said}, **matching}


def as_sent(value: Value) -> str:
    """As Exact takes it: a day without a zone, or it would be moved by the office's clock (exact.md §3.2)."""
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    return f"{value:f}" if isinstance(value, Decimal) else value
