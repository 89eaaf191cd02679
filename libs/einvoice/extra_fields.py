"""The 18 extra fields that Exact Online takes beside what every entry has (R121): their names, and what a value has to look
like. Pure.

A sender gives them beside its invoice under these names, and whose books they are matches each to its sources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

from libs.contracts.parts import Words
from libs.einvoice import money
from libs.text import one_line

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


def unknown(name: str) -> Words:
    """There is no such field."""
    shown, known = one_line(name, 60), ", ".join(BY_NAME)
    return Words(
        nl=f"{shown} is geen extra veld; er zijn: {known}",
        en=f"{shown} is no extra field; there are: {known}",
    )


def unfit(field: Field, said: str, line: str | None = None) -> Words:
    """A value that Exact Online would not take; ``line``: which line of the invoice has it."""
    shown = one_line(said, 60)
    at = (f" op regel {line}", f" on line {line}") if line is not None else ("", "")
    return Words(
        nl=f"{field.words.nl} ({field.name}){at[0]} is “{shown}”; Exact Online wil {field.wanted.nl}.",
        en=f"{field.words.en} ({field.name}){at[1]} is “{shown}”; Exact Online takes {field.wanted.en}.",
    )
