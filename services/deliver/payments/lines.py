"""What a bank statement says, whatever form it came in. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from libs.contracts.parts import Words
from libs.errors import Unprocessable

MOST = 50_000
"""Lines of one file."""
MOST_BYTES = 32 * 1024 * 1024

Sum: TypeAlias = tuple[Decimal, str]
"""An amount with its currency (ISO 4217)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One payment on a statement: an entry, or one transaction of an entry that holds many."""

    number: int
    """In the file, from 1."""
    own: str | None
    """The account the statement is of, as IBAN where it is one."""
    other: str | None
    """The account on the other side."""
    sums: tuple[Sum, ...]
    """What was booked, above zero; behind it what was ordered, where that was in another currency."""
    incoming: bool
    undone: bool = False
    """A payment of before that came back."""
    day: date | None = None
    named: tuple[str, ...] = ()
    """References that stand in fields of their own."""
    text: str = ""
    """What is written along with it."""
    bank: str = ""
    """The references that the bank gave it."""
    fault: str | None = None
    """Why it cannot be used, whatever it is about: a key of ``reasons.REASONS``."""
    key: str = ""
    """The same for the same payment, in whatever file it comes."""


def keyed(lines: Iterable[Line]) -> list[Line]:
    """The lines of one statement with their keys. Two that look alike in all are told apart by their order in it; where the
    statement comes again, or overlaps another, they get the same keys."""
    seen: dict[str, int] = {}
    found = []
    for line in lines:
        parts = (
            line.own, line.other, line.sums, line.incoming, line.undone, line.day, line.named, line.text, line.bank,
        )  # fmt: skip
        content = repr(parts)
        seen[content] = nth = seen.get(content, 0) + 1
        digest = hashlib.sha256(f"{nth} {content}".encode("utf-8", "surrogatepass"))
        found.append(replace(line, key=digest.hexdigest()))
    return found


def refused(code: str, words: Words, **extra: object) -> Unprocessable:
    """A file of which nothing is taken."""
    return Unprocessable(words.en, nl=words.nl, code=code, **extra)


def too_many() -> Unprocessable:
    return refused(
        "too-many-entries",
        Words(
            nl=f"Dit bestand heeft meer dan {MOST} betalingen. Er is niets verwerkt: deel het op.",
            en=f"This file has more than {MOST} payments. Nothing was taken: split it.",
        ),
        limit=MOST,
    )
