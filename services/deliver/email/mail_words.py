"""What the mail around an invoice says, in the languages receivers choose from. Pure but for the texts, read once.

One layout holds for all (``templates/invoice.html`` and ``.txt``); a language is one file of texts beside it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias, get_args

Language: TypeAlias = Literal["nl", "en", "fr"]
_FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Texts:
    """In braces what is filled in: ``number``, ``seller``, ``receiver``."""

    subject: str
    title: str
    greeting: str
    opening: str
    seller: str
    receiver: str
    date: str
    amount: str
    attached: str
    xml: str
    pdf: str
    inside: str
    free: str
    months: tuple[str, ...]
    first: str
    """The first day of a month, where it is not ``1``."""
    marks: str
    """Between thousands, and before cents."""
    amounts: str
    """An amount of money: ``{symbol}`` and ``{amount}``."""


def _texts(language: Language) -> Texts:
    """Raises ``TypeError`` for a text that is missing or that nobody knows."""
    said = tomllib.loads((_FOLDER / f"invoice.{language}.toml").read_text("utf-8"))
    return Texts(**{**said, "months": tuple(said["months"])})


TEXTS: Mapping[Language, Texts] = {language: _texts(language) for language in get_args(Language)}


def day(of: date, language: Language) -> str:
    """``2 november 2026``, ``2 November 2026``, ``1er novembre 2026``."""
    texts = TEXTS[language]
    return f"{texts.first if of.day == 1 else of.day} {texts.months[of.month - 1]} {of.year}"


def money(amount: Decimal, currency: str, language: Language) -> str:
    """``€ 1.234,50`` in Dutch, ``€1,234.50`` in English, ``1 234,50 €`` in French; other currencies by their code, set
    apart from the amount."""
    texts = TEXTS[language]
    text = f"{amount:,.2f}".translate(str.maketrans(",.", texts.marks))
    if currency == "EUR":
        return texts.amounts.format(symbol="€", amount=text)
    return (f"{text} {currency}" if language == "fr" else f"{currency} {text}").strip()
