"""What a rule is, and what a pack of rules is."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

from libs.einvoice.facts import OFFSET, Facts, trie_of
from libs.einvoice.tree import Element
from libs.einvoice.trie import Trie

Severity = Literal["fatal", "warning"]


@dataclass(frozen=True, slots=True)
class Breach:
    """One place where a rule is broken. ``element`` is where to look; for something missing, where it belongs."""

    element: Element
    seen: str | None = None
    expected: str | None = None


Check: TypeAlias = Callable[[Facts, Any], Breach | None]
"""Given the facts and one place that the rule is about (a ``Group``, or an ``Element`` for a ``cbc:`` element and
for the bearer of an attribute): the breach, or None where the rule holds."""

Condition: TypeAlias = Callable[[Facts], bool]


def never(_: Facts, __: Any) -> None:
    """The check of a rule that only counts its places, or that the official rules let hold for everything."""


def always(_: Facts) -> bool:
    """The condition of a rule that holds for every document."""
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """``check`` is asked at every place that ``where`` matches, if ``when`` holds.

    ``id`` is the official one where the rule has one; rules of our own begin with ``POSTBODE-``. ``terms`` are
    the EN 16931 business terms it is about. ``where`` is a pattern of ``libs.einvoice.trie``, or several apart
    by blanks. A condition is worked out once for all rules that name it. With ``most`` no check is asked: the rule is
    broken where more places than that match, and the first one too many is where to look.
    """

    id: str
    severity: Severity
    terms: tuple[str, ...]
    check: Check
    where: str = "/"
    when: Condition = always
    most: int | None = None


class Placed(NamedTuple):
    """A rule at one of its patterns, with its parts at hand; ``when`` is None where it always holds."""

    order: int
    rule: Rule
    when: Condition | None
    check: Check
    most: int | None


class Compiled(NamedTuple):
    """A pack made ready: most rules are found by the mark that their pattern has in the trie, from ``OFFSET`` on.

    Those about the document as a whole stand apart, by condition: they need no looking for.
    """

    trie: Trie
    rules: tuple[Placed, ...]
    whole: tuple[tuple[Condition | None, tuple[Placed, ...]], ...]


@dataclass(frozen=True, eq=False)
class Pack:
    """A table of rules; two are never equal, whatever their names.

    ``name`` travels with every verdict; ``source`` says which release the rules follow.

    ``release`` names which of several stands here, ``since`` the first day of issue that it holds for (None: any).

    ``finish`` are checks of the document as a whole that come after all others and may yield many breaches.
    ``alike`` says that the rules cannot tell lines apart that ``libs.einvoice.fold`` takes for alike. A rule that
    reckons with the numbers of one line can: its pack must say False, or ``reckoned``, where the rules hold of every
    line that plainly is quantity times price (``Folded.reckoned``).
    """

    name: str
    source: str
    rules: tuple[Rule, ...]
    finish: tuple[Finish, ...] = ()
    alike: bool = True
    reckoned: bool = False
    release: str = ""
    since: date | None = None

    @cached_property
    def compiled(self) -> Compiled:
        """Made once, at the first document."""
        patterns: list[str] = []
        placed: list[Placed] = []
        whole: dict[Condition | None, list[Placed]] = {}
        for order, rule in enumerate(self.rules):
            if rule.check is never and rule.most is None:
                continue
            ready = Placed(order, rule, None if rule.when is always else rule.when, rule.check, rule.most)
            if rule.where == "/":
                whole.setdefault(ready.when, []).append(ready)
                continue
            for pattern in rule.where.split():
                patterns.append(pattern)
                placed.append(ready)
        by_condition = tuple((when, tuple(rules)) for when, rules in whole.items())
        return Compiled(trie_of(patterns), tuple(placed), by_condition)

    def all(self) -> Iterable[Rule | Finish]:
        return (*self.rules, *self.finish)


def revised(table: Iterable[Rule], checks: Mapping[str, Check], gone: Container[str]) -> Iterable[Rule]:
    """A table as another release has it: these rules ask otherwise, those are not there. ``KeyError`` for a rule that
    the table does not have."""
    rules = {rule.id: rule for rule in table}
    for id_, check in checks.items():
        rules[id_] = replace(rules[id_], check=check)
    return [rule for rule in rules.values() if rule.id not in gone]


@dataclass(frozen=True, slots=True)
class Finish:
    """A rule that is asked once, last, and names every breach itself."""

    id: str
    severity: Severity
    terms: tuple[str, ...]
    breaches: Callable[[Facts], Iterable[Breach]]


__all__ = [
    "OFFSET",
    "Breach",
    "Check",
    "Condition",
    "Finish",
    "Pack",
    "Rule",
    "Severity",
    "always",
    "never",
    "revised",
]
