"""GLN: global location number of GS1, thirteen digits, ISO 6523 0088."""

from __future__ import annotations

from stdnum import ean

from libs.identifiers.text import bare, digits

SCHEME = "0088"


def read(text: str) -> str | None:
    """The thirteen digits, or ``None``."""
    value = bare(text).removeprefix("GLN").lstrip(":")
    return value if digits(value, 13) else None


def valid(value: str) -> bool:
    """Whether the check digit holds (mod 10)."""
    return len(value) == 13 and bool(ean.is_valid(value))
