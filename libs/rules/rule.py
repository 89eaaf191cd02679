"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from libs.einvoice.facts import Element, Facts


@dataclass(frozen=True, slots=True)
class Breach:
    """One place where a rule is broken. ``element`` is where to look; for something missing, where it belongs."""

    element: Element
    seen: str | None = None
    expected: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """``check`` yields every breach. ``terms`` are the EN 16931 business terms it is about."""

    id: str
    severity: Literal["fatal", "warning"]
    terms: tuple[str, ...]
    check: Callable[[Facts], Iterable[Breach]]
