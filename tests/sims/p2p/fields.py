"""The kinds of value a resource may hold. All of them are inferences: the API's own are not public."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

_TRIMMED = r"^\S(?:[\s\S]*\S)?$"
"""No blanks around a value: what was filled up to a column's length is refused."""

BANK_COUNTRIES = frozenset({"AT", "BE", "CZ", "FR", "DE", "HU", "IT", "LU", "NL", "ES"})
"""M-S17: the countries of a bank that are supported."""


def _iban(value: str) -> str:
    digits = "".join(str(int(mark, 36)) for mark in value[4:] + value[:4])
    if int(digits) % 97 != 1:
        raise ValueError("is not an IBAN")
    return value


def _bank_country(value: str) -> str:
    if value not in BANK_COUNTRIES:
        raise ValueError(f"must be one of {', '.join(sorted(BANK_COUNTRIES))}")
    return value


Key = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=_TRIMMED)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_TRIMMED)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
BankCountry = Annotated[Country, AfterValidator(_bank_country)]
Iban = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"), AfterValidator(_iban)]
"""R201.10: a BBAN is not taken."""
Swift = Annotated[str, StringConstraints(pattern=r"^[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$")]
Website = Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=200)]
"""M-S4: with the scheme."""
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=128)]
Phone = Annotated[str, StringConstraints(min_length=1, max_length=25, pattern=_TRIMMED)]
Duns = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
"""ISO 639-1."""
Translations = dict[Language, Text]
Percentage = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(allow_inf_nan=False)]
Day = date


class Part(BaseModel):
    """On the wire in camelCase, no field that is not known, no number in quotes."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, validate_by_name=False
    )
