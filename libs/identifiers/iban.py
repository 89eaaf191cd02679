"""IBAN: bank account number, ISO 13616."""

from __future__ import annotations

from stdnum import iban

from libs.identifiers.text import bare


def read(text: str) -> str | None:
    """The number without blanks when length and check digits hold (mod 97), else ``None``."""
    value = bare(text)
    return value if value.isascii() and iban.is_valid(value) else None


def shown(value: str) -> str:
    """Groups of four, as on paper."""
    return " ".join(value[start : start + 4] for start in range(0, len(value), 4))
