"""The file an offline command was given, read; and how a refusal is told. For ``convert`` and ``show``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from libs.contracts.parts import Words
from libs.einvoice import gate
from libs.errors import HubError
from libs.terminal import say

GivenFile = Annotated[Path, typer.Argument(help="the invoice; - for standard input", metavar="FILE")]


class PageLanguage(StrEnum):
    """Of what people read: a page, or what a command says (which knows no French and says it in English)."""

    nl = "nl"
    en = "en"
    fr = "fr"


def read(file: Path, lang: PageLanguage) -> bytes:
    """What stands in it, and one byte more than the hub takes at most: nobody's disk is read to its end.

    Raises ``typer.Exit`` for a file that cannot be read, which is told on standard error.
    """
    most = gate.DEFAULT.size + 1
    if is_dash(file):
        return sys.stdin.buffer.read(most)
    try:
        with file.open("rb") as opened:
            return opened.read(most)
    except OSError as error:
        raise _ended(file, of(_UNREAD, lang).format(why=error.strerror)) from None


def is_dash(file: Path) -> bool:
    """Whether standard input or output is meant."""
    return str(file) == "-"


def of(words: Words, lang: PageLanguage) -> str:
    """One side of ``words``."""
    return words.nl if lang is PageLanguage.nl else words.en


def refused(file: Path, error: HubError, lang: PageLanguage) -> typer.Exit:
    """Says why on standard error; what to raise then."""
    words = Words.model_validate(error.extra.get("words", error.words))
    return _ended(file, of(words, lang))


_UNREAD = Words(
    nl="kan niet worden gelezen ({why}). Controleer de naam en de rechten.",
    en="cannot be read ({why}). Check its name and its permissions.",
)
_UNWRITTEN = Words(
    nl="kan niet worden geschreven ({why}). Kies een andere plek, of maak de map eerst aan.",
    en="cannot be written ({why}). Choose another place, or make the folder first.",
)


def unwritten(file: Path, error: OSError, lang: PageLanguage) -> typer.Exit:
    """The same for a file that could not be written."""
    return _ended(file, of(_UNWRITTEN, lang).format(why=error.strerror))


def _ended(file: Path, text: str) -> typer.Exit:
    say(f"{file}: {text}", err=True)
    return typer.Exit(1)
