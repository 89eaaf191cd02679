"""Compares both sides, whole, and says how they stand: alike, differing in, only left, only right, left out by rule."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from services.sync import memory, payloads
from services.sync.checks import Check
from services.sync.globe.reader import GlobeAway, Stamp
from services.sync.mappings import KINDS, Kind
from services.sync.planning import WRITES, Terms, Verdict, shared
from services.sync.sides import Sides, chunks, refresh, silent_globe
from services.sync.weighing import CHUNK, weigh
from services.sync.workshop import Workshop

MOST = 1000
"""Differences listed by name; all are counted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One record that is not alike."""

    kind: str
    administration: str
    external_id: str
    how: str
    """differs, only left, only right."""
    fields: tuple[str, ...] = ()


@dataclass
class Comparison:
    """``counts``: by kind, then identical, differs, only left, only right, left out."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    left_out: list[Check] = field(default_factory=list)
    """Why an administration was not compared."""

    @property
    def alike(self) -> bool:
        return not self.left_out and not any(
            counts[how] for counts in self.counts.values() for how in ("differs", "only left", "only right")
        )

    def add(self, found: Difference) -> None:
        self.counts[found.kind][found.how] += 1
        if len(self.differences) < MOST:
            self.differences.append(found)


async def verify(shop: Workshop, solution_id: UUID) -> Comparison:
    """Read both sides whole and compare. Changes nothing but the mirror. Raises ``Stopped``."""
    made = Comparison()
    async with shop.opened(solution_id) as sides:
        sides.refuse_when_stopped()
        made.left_out += [each for each in sides.checks if each.stops]
        for kind in KINDS:
            await refresh(sides, kind, full=True)
            sides = await _compared(sides, kind, made)
    return made


async def _compared(sides: Sides, kind: Kind, made: Comparison) -> Sides:
    """One kind. Returns the sides without those whose Globe+ stopped answering; what administrations share is compared
    where all of them can be asked. Raises ``GlobeAway`` when nobody is left."""
    while True:
        made.counts[kind.name] = Counter()
        made.differences = [each for each in made.differences if each.kind != kind.name]
        together = any(shared(kind, scope) for scope in sides.scopes.values())
        if together and (sides.away or len(sides.globes) < len(sides.scopes)):
            return sides
        try:
            seen = await _of_kind(sides, kind, made, together)
            await _only_right(sides, kind, seen, made)
        except GlobeAway as away:
            sides = sides.without(away.administration)
            if not sides.globes:
                raise
            made.left_out.append(silent_globe(away))
        else:
            return sides


async def _of_kind(sides: Sides, kind: Kind, made: Comparison, together: bool) -> set[str]:
    found = {code: await asyncio.to_thread(globe.stamps, kind.name) for code, globe in sides.globes.items()}
    seen: set[str] = set()
    terms = Terms(first_load=True)
    groups: list[dict[str, list[Stamp]]] = []
    if together:
        by_code: dict[str, dict[str, list[Stamp]]] = {}
        for administration, stamps in found.items():
            for each in stamps:
                by_code.setdefault(each.code, {}).setdefault(administration, []).append(each)
        groups += [
            {c: [s for code in chunk for s in by_code[code].get(c, ())] for c in found}
            for chunk in chunks(sorted(by_code), CHUNK)
        ]
    else:
        groups += [{c: list(chunk)} for c, stamps in found.items() for chunk in chunks(stamps, CHUNK)]
    for wanted in groups:
        for verdict in await weigh(sides, kind, wanted, terms):
            seen.add(verdict.external_id)
            _count(kind, verdict, made)
    return seen


def _count(kind: Kind, verdict: Verdict, made: Comparison) -> None:
    def difference(how: str, fields: tuple[str, ...] = ()) -> None:
        made.add(Difference(kind.name, verdict.administration, verdict.external_id, how, fields))

    if verdict.action == "none":
        made.counts[kind.name]["identical"] += 1
    elif verdict.before is None and verdict.action in WRITES:
        difference("only left")
    elif verdict.action in WRITES and verdict.after is not None:
        difference("differs", tuple(p for p, _, _ in payloads.changes(kind, verdict.before, verdict.after)))
    elif verdict.action == "warn" or verdict.rule == "R237":
        difference("differs", (verdict.rule,))
    else:
        made.counts[kind.name]["left out"] += 1


async def _only_right(sides: Sides, kind: Kind, seen: set[str], made: Comparison) -> None:
    """What Purchase to Pay has of these administrations, active, and Globe+ has not."""
    async with sides.pool.acquire() as conn:
        there = [
            each for each in await memory.external_ids(conn, sides.client_id, kind.name) if each not in seen
        ]
        for chunk in chunks(there, CHUNK):
            for external_id, payload in (
                await memory.mirrored(conn, sides.client_id, kind.name, chunk)
            ).items():
                owner = _owner(kind, external_id, sides)
                if owner is not None and payload.get("active", True):
                    made.add(Difference(kind.name, owner, external_id, "only right"))


def _owner(kind: Kind, external_id: str, sides: Sides) -> str | None:
    """The administration an external id belongs to; of those known by code alone, any; None: not one of ours."""
    if any(shared(kind, scope) for scope in sides.scopes.values()):
        return "*"
    head, hyphen, _ = external_id.partition("-")
    return head if hyphen and head in sides.globes else None
