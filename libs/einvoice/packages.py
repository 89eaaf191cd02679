"""The catalogue of bookkeeping packages (``packages.toml``): which formats each takes, by which channel, who says so."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from libs.errors import BadInput

ORIGINAL = "original"
"""Instead of a format: the document as the sender made it."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package. ``formats``: what it takes, the usual one first; ``page``: whether a PDF goes beside it."""

    id: str
    name: str
    formats: tuple[str, ...]
    channel: Literal["smtp", "folder"]
    page: bool
    proof: Literal["read", "told", "inference"]
    source: str

    @property
    def format(self) -> str:
        return self.formats[0]


@cache
def packages() -> Mapping[str, Package]:
    """Every package by its id."""
    found = tomllib.loads(files(__package__).joinpath("packages.toml").read_text("utf-8"))
    return {
        name: Package(
            id=name,
            name=entry["name"],
            formats=tuple(entry["formats"]),
            channel=entry["channel"],
            page=entry["page"],
            proof=entry["proof"],
            source=entry["source"],
        )
        for name, entry in found.items()
    }


def chosen(package: str, format: str | None) -> str:  # noqa: A002 - the word of the field
    """The format a receiver gets: the one it chose, else the usual one of its package, else the original.

    Raises ``BadInput`` (code ``format-not-taken``) for one that a known package does not take.
    """
    known = packages().get(package)
    if format is None:
        return known.format if known is not None else ORIGINAL
    if format != ORIGINAL and known is not None and format not in known.formats:
        names = ", ".join(dict.fromkeys((*known.formats, ORIGINAL)))
        raise BadInput(
            f"{known.name} takes {names}: choose one of these",
            nl=f"{known.name} neemt {names} aan: kies een van deze",
            code="format-not-taken",
        )
    return format
