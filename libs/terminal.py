"""What command lines print: the words of strangers can do nothing to a terminal.

An invoice number or a file name may hold an escape code that clears the screen, renames the window or types for
whoever looks. Everything a command prints goes through here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.text import Text

from libs.text import visible


class Language(StrEnum):
    """Of what a command says."""

    nl = "nl"
    en = "en"


Lang = Annotated[Language, typer.Option("--lang", help="of the words")]


def say(text: object, *, err: bool = False) -> None:
    """Print one text, with its control characters made visible."""
    typer.echo(visible(str(text)), err=err)


def cell(text: str, style: str = "") -> Text:
    """``text`` for a table of rich: neither markup nor control characters."""
    return Text(visible(text), style=style)
