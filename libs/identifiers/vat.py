"""VAT numbers: *btw-id*, 9944 for the Netherlands and 9925 for Belgium, other countries by their own EAS code."""

from __future__ import annotations

import re
from functools import lru_cache

from stdnum.be import vat as be_vat
from stdnum.eu import vat as eu_vat
from stdnum.nl import btw as nl_vat

from libs.identifiers.text import bare

NL = "9944"
BE = "9925"

_NL = re.compile(r"^NL[0-9]{9}B[0-9]{2}$")
_BE = re.compile(r"^BE[01]?[0-9]{9}$")
_EU = re.compile(r"^[A-Z]{2}[0-9A-Z+*]{2,12}$")
_PREFIX = re.compile(r"^(?:BTW|VAT|TVA)(?:ID|NUMMER|NUMBER|NR)?[:#]*(?=[A-Z]{2})")

# EAS codes of VAT numbers by country (code list EAS; those the hub is likely to meet).
_SCHEMES = {
    "AT": "9914", "BE": BE, "BG": "9926", "CY": "9928", "CZ": "9929", "DE": "9930", "EE": "9931",
    "EL": "9933", "ES": "9920", "FR": "9957", "GB": "9932", "HR": "9934", "HU": "9910", "IE": "9935",
    "LT": "9937", "LU": "9938", "LV": "9939", "MT": "9943", "NL": NL, "PL": "9945", "PT": "9946",
    "RO": "9947", "SE": "9955", "SI": "9949", "SK": "9950",
}  # fmt: skip
_CODES = frozenset(_SCHEMES.values())


def clean(text: str) -> str:
    """``text`` without decoration and without a leading "BTW" or "VAT"."""
    return _PREFIX.sub("", bare(text))


def scheme_of(value: str) -> str | None:
    """The EAS code of a cleaned number by its country letters, or ``None``."""
    return _SCHEMES.get(value[:2])


def is_scheme(scheme: str) -> bool:
    """Whether an EAS code is one of VAT numbers."""
    return scheme in _CODES


def read(text: str) -> str | None:
    """The number, country letters in front, when it has the form of one (check digits not asked)."""
    value = clean(text)
    if _NL.match(value):
        return value
    if _BE.match(value):
        # Belgian numbers of nine digits are the old form of ten that begin with a zero.
        return "BE" + value[2:].zfill(10)
    if (
        value[:2] not in {"NL", "BE"}
        and _EU.match(value)
        and value[:2] in _SCHEMES
        and any(map(str.isdigit, value))
    ):
        return value
    return None


@lru_cache(maxsize=8192)  # a supplier's own number stands on each of its invoices
def valid(value: str) -> bool:
    """Whether the check digits hold. NL: the old 11-test or the mod-97 form of 2020, either will do."""
    if value.startswith("NL"):
        return bool(nl_vat.is_valid(value))
    if value.startswith("BE"):
        return bool(be_vat.is_valid(value))
    return bool(eu_vat.is_valid(value))
