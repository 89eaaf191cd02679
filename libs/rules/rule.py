"""What a rule is, and what a pack of rules is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from libs.einvoice.facts import Facts
from libs.einvoice.tree import Element

Severity = Literal["fatal", "warning"]


@dataclass(frozen=True, slots=True)
class Breach:
    """One place where a rule is broken. ``element`` is where to look; for something missing, where it belongs."""

    element: Element
    seen: str | None = None
    expected: str | None = None


Check: TypeAlias = Callable[[Facts], Iterable[Breach]]
Condition: TypeAlias = Callable[[Facts], bool]


def always(_: Facts) -> bool:
    """The condition of a rule that holds for every document."""
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """``check`` yields every breach; it is asked only where ``when`` holds.

    ``id`` is the official one where the rule has one; rules of our own begin with ``POSTBODE-``. ``terms`` are
    the EN 16931 business terms it is about. A condition is worked out once for all rules that name it.
    """

    id: str
    severity: Severity
    terms: tuple[str, ...]
    check: Check
    when: Condition = always


@dataclass(frozen=True, slots=True)
class Pack:
    """A table of rules. ``name`` travels with every verdict; ``source`` says which release the rules follow."""

    name: str
    source: str
    rules: tuple[Rule, ...]
