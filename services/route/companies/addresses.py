"""Where a party is: postal addresses, in the terms of EN 16931 (BG-8, the address of a buyer). Pure.

They decide nothing but by their post codes. Who said one counts: a letter that confirms a party never goes where its owner
wants it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self, TypeAlias

from pydantic import BaseModel, Field, model_validator

from libs.text import PlainText
from services.route.deciding.corroboration import post_code

SaidBy: TypeAlias = Literal["owner", "operator", "register"]

MOST = 10
LONGEST: Mapping[str, int] = {
    "address_line_1": 200,
    "address_line_2": 200,
    "address_line_3": 200,
    "city": 100,
    "post_code": 20,
    "country_subdivision": 100,
}
"""Characters, of each term but the country. An address says at least one of these."""
HOME = "NL"
"""What a letter need not be told."""


@dataclass(frozen=True, slots=True)
class Address:
    """One address. Two are equal that say the same, whoever says it."""

    address_line_1: str | None = None
    """BT-50: street and number, or a box."""
    address_line_2: str | None = None
    """BT-51."""
    address_line_3: str | None = None
    """BT-163."""
    city: str | None = None
    """BT-52."""
    post_code: str | None = None
    """BT-53."""
    country_subdivision: str | None = None
    """BT-54."""
    country_code: str = HOME
    """BT-55, ISO 3166-1."""
    said_by: SaidBy = field(default="operator", compare=False)

    def as_json(self) -> dict[str, str]:
        said = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: value for name, value in said if value is not None}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        return cls(**said)

    @property
    def place(self) -> tuple[str, str, str]:
        """The same however it is written."""
        street = " ".join((self.address_line_1 or "").casefold().split())
        return self.country_code, post_code(self.post_code or ""), street

    @property
    def postal(self) -> tuple[str, ...]:
        """The lines of a letter below the name; nothing when a part it needs is missing."""
        if not (self.address_line_1 and self.post_code and self.city):
            return ()
        lines = (self.address_line_1, self.address_line_2, self.address_line_3)
        land = () if self.country_code == HOME else (self.country_code,)
        return (*filter(None, lines), f"{self.post_code} {self.city}", *land)


class GivenAddress(BaseModel):
    """An address as it is entered."""

    address_line_1: PlainText | None = Field(
        default=None, max_length=200, description="BT-50: street and number, or a box"
    )
    address_line_2: PlainText | None = Field(default=None, max_length=200, description="BT-51")
    address_line_3: PlainText | None = Field(default=None, max_length=200, description="BT-163")
    city: PlainText | None = Field(default=None, max_length=100, description="BT-52")
    post_code: PlainText | None = Field(default=None, max_length=20, description="BT-53")
    country_subdivision: PlainText | None = Field(default=None, max_length=100, description="BT-54")
    country_code: str | None = Field(
        default=None, pattern=r"^[A-Z]{2}$", description="BT-55; left out: the country of the party"
    )

    @model_validator(mode="after")
    def _says_something(self) -> GivenAddress:
        if not any((getattr(self, name) or "").strip() for name in LONGEST):
            raise ValueError("an address says at least a street, a post code or a town")
        return self

    def read(self, country: str, said_by: SaidBy) -> Address:
        texts = {name: (getattr(self, name) or "").strip() or None for name in LONGEST}
        return Address(**texts, country_code=self.country_code or country, said_by=said_by)


class AddressView(GivenAddress):
    said_by: SaidBy = Field(
        description="its owner, an operator, or the trade register; a letter never goes where only its owner says it is"
    )


def each_once(addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Of one place the first."""
    found: dict[object, Address] = {}
    for each in addresses:
        found.setdefault(each.place, each)
    return tuple(found.values())


def still_said(before: Sequence[Address], after: Sequence[Address]) -> tuple[Address, ...]:
    """``after``, where who repeats an address has not said it: whoever said it first has."""
    known = {each: each for each in before}
    return tuple(known.get(each, each) for each in after)


def vouched(addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Those that somebody else than its owner says."""
    return tuple(each for each in addresses if each.said_by != "owner")


def with_codes(post_codes: Sequence[str], addresses: Iterable[Address]) -> tuple[str, ...]:
    """Post codes with those of the addresses among them."""
    known = {post_code(each) for each in post_codes}
    more = (each.post_code for each in addresses if each.post_code)
    new = {post_code(code): code for code in more if post_code(code) and post_code(code) not in known}
    return (*post_codes, *new.values())


def somewhere(addresses: Iterable[Address], country: str) -> tuple[Address, ...]:
    """With the country of their party where none was said."""
    return tuple(each if each.country_code else replace(each, country_code=country) for each in addresses)
