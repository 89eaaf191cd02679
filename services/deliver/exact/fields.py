"""The 18 extra fields (R121): which there are, where their values come from, and what a value has to look like. Pure.

A field is matched to one or more sources, and the first that has a value counts (R120):

===================  =======  ====================================================================
source               level    value
===================  =======  ====================================================================
``BT-13``            header   a term of EN 16931 outside the lines
``BT-134``           line     a term of EN 16931 inside the lines (BT-126 to BT-161)
``property:Name``    line     the item attribute of that name (BG-32; UBL ``AdditionalItemProperty``)
``note:Name``        header   a note with that subject code, or one that reads ``Name: value`` (BG-1)
``document:Name``    header   the supporting document so described (BG-24): its number, or its address
``value:text``       header   this text, for every invoice
===================  =======  ====================================================================

A header source of a line's property goes to all lines; a line source of a header's property is refused when it is matched
(R122). A value that Exact Online would not take is told by its field's name, and nothing is booked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

from libs.contracts.parts import Words
from libs.einvoice import model, money, terms

Level: TypeAlias = Literal["header", "line"]
Value: TypeAlias = str | Decimal | date
Check: TypeAlias = Callable[[str], "Value | None"]


@dataclass(frozen=True, slots=True)
class Field:
    """One extra field. ``name`` is Exact's property; ``read`` makes its value of a text, or None."""

    number: int
    name: str
    level: Level
    words: Words
    """What it is called on Exact's screens."""
    read: Check
    wanted: Words
    """What a value has to be."""


def _text(most: int) -> Check:
    return lambda said: said if 0 < len(said) <= most else None


def _matching(pattern: str) -> Check:
    form = re.compile(pattern)
    return lambda said: said if form.fullmatch(said) else None


def _number(decimals: int) -> Check:
    def read(said: str) -> Decimal | None:
        found = money.read(said)
        return found if found is None or found == round(found, decimals) else None

    return read


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said[:10]) if len(said) in (10, 19) else None
    except ValueError:
        return None


def _url(said: str) -> str | None:
    return said if re.fullmatch(r"https?://[^\s]{1,243}", said) else None


def _characters(most: int) -> Words:
    return Words(nl=f"hoogstens {most} tekens", en=f"at most {most} characters")


_DAY = Words(nl="een datum (jjjj-mm-dd)", en="a date (yyyy-mm-dd)")
_AN_AMOUNT = Words(
    nl="een bedrag met een punt en hoogstens 2 decimalen", en="an amount with at most 2 decimals"
)
_A_NUMBER = Words(nl="een getal met een punt en hoogstens 4 decimalen", en="a number with at most 4 decimals")
_CODE_2 = Words(nl="een code van 1 of 2 cijfers", en="a code of 1 or 2 digits")


def _field(number: int, name: str, level: Level, nl: str, en: str, read: Check, wanted: Words) -> Field:
    return Field(number, name, level, Words(nl=nl, en=en), read, wanted)


# The order and the labels are R121's; what a value looks like is an inference where exact.md §3.7 is silent.
ALL: tuple[Field, ...] = (
    _field(1, "YourRef", "header", "Uw ref.", "Your reference", _text(30), _characters(30)),
    _field(
        2,
        "PaymentReference",
        "header",
        "Betalingsreferentie",
        "Payment reference",
        _text(50),
        _characters(50),
    ),
    _field(3, "From", "line", "Vanaf", "From", _day, _DAY),
    _field(4, "To", "line", "T/m", "To", _day, _DAY),
    _field(5, "SerialNumber", "line", "Serienummer", "Serial number", _text(60), _characters(60)),
    _field(6, "TrackingNumber", "line", "Trackingnummer", "Tracking number", _text(60), _characters(60)),
    _field(
        7,
        "ExternalLinkReference",
        "header",
        "Externe koppeling - URL",
        "External link - URL",
        _url,
        Words(nl="een adres met http(s)://", en="an address with http(s)://"),
    ),
    _field(
        8,
        "ExternalLinkDescription",
        "header",
        "Externe koppeling - Omschrijving",
        "External link - description",
        _text(50),
        _characters(50),
    ),
    _field(9, "Notes", "line", "Notities", "Notes", _text(2000), _characters(2000)),
    _field(
        10,
        "IntraStatCountry",
        "line",
        "IntraStat - Land",
        "Intrastat - country",
        _matching(r"[A-Z]{2}"),
        Words(nl="een landcode van 2 letters", en="a country code of 2 letters"),
    ),
    _field(
        11,
        "StatisticalValue",
        "line",
        "IntraStat - Statistische waarde",
        "Intrastat - statistical value",
        _number(2),
        _AN_AMOUNT,
    ),
    _field(
        12,
        "StatisticalQuantity",
        "line",
        "IntraStat - Statistisch aantal",
        "Intrastat - statistical quantity",
        _number(4),
        _A_NUMBER,
    ),
    _field(
        13,
        "StatisticalNumber",
        "line",
        "IntraStat - Goederencode",
        "Intrastat - goods code",
        _matching(r"[0-9]{8}"),
        Words(nl="een goederencode van 8 cijfers", en="a goods code of 8 digits"),
    ),
    _field(
        14,
        "StatisticalNetWeight",
        "line",
        "IntraStat - Nettogewicht",
        "Intrastat - net weight",
        _number(4),
        _A_NUMBER,
    ),
    _field(
        15,
        "IntraStatTransactionA",
        "line",
        "IntraStat - Transactie A",
        "Intrastat - transaction A",
        _matching(r"[0-9]{1,2}"),
        _CODE_2,
    ),
    _field(
        16,
        "IntraStatTransactionB",
        "line",
        "IntraStat - Transactie B",
        "Intrastat - transaction B",
        _matching(r"[0-9]{1,2}"),
        _CODE_2,
    ),
    _field(
        17,
        "IntraStatTransportMethod",
        "line",
        "IntraStat - Vervoerswijze",
        "Intrastat - mode of transport",
        _matching(r"[0-9]"),
        Words(nl="een code van 1 cijfer", en="a code of 1 digit"),
    ),
    _field(
        18,
        "IntraStatDeliveryTerm",
        "line",
        "IntraStat - Leveringswijze",
        "Intrastat - delivery term",
        _matching(r"[A-Z]{3}"),
        Words(nl="een Incoterm van 3 letters", en="an Incoterm of 3 letters"),
    ),
)
BY_NAME: Mapping[str, Field] = {each.name: each for each in ALL}
TRANSACTION_B_COUNTRIES = frozenset({"BE", "LU", "FR", "GB"})
"""Where ``IntraStatTransactionB`` exists (exact.md §3.7)."""
MOST_SOURCES = 5

_SOURCE = re.compile(
    r"(?P<term>BT-[1-9][0-9]{0,2})|(?P<kind>property|note|document|value):(?P<name>.{1,200})", re.DOTALL
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
    if term is None:
        return "line" if found["kind"] == "property" else "header"
    if term not in _KNOWN_TERMS:
        return None
    return "line" if 126 <= int(term[3:]) <= 161 else "header"


def trouble(name: str, sources: tuple[str, ...], country: str | None = None) -> Words | None:
    """Why a field cannot be matched so (R122). ``country``: of the books, where it is known."""
    field = BY_NAME.get(name)
    if field is None:
        known = ", ".join(BY_NAME)
        return Words(
            nl=f"{name} is geen extra veld; er zijn: {known}",
            en=f"{name} is no extra field; there are: {known}",
        )
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
                nl=f"{label}: “{source[:60]}” is geen bron; geef BT-…, property:…, note:…, document:… of value:…",
                en=f"{label}: “{source[:60]}” is no source; give BT-…, property:…, note:…, document:… or value:…",
            )
        if level == "line" and field.level == "header":
            return Words(
                nl=f"{label} hoort bij de hele factuur en “{source[:60]}” bij een regel: kies een veld van de factuur",
                en=f"{label} belongs to the whole invoice and “{source[:60]}” to a line: choose a field of the invoice",
            )
    return None


Matching: TypeAlias = Mapping[str, tuple[str, ...]]
"""Sources by the name of the property."""


def as_sent(value: Value) -> str:
    """As Exact takes it: a day without a zone, or it would be moved by the office's clock (exact.md §3.2)."""
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    return f"{value:f}" if isinstance(value, Decimal) else value
