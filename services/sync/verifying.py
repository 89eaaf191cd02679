"""Compares both sides, whole, and says how they stand: alike, differing in, only left, only right, left out by rule."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from libs.db.types import Pool
from services.sync import clients, memory, payloads
from services.sync.checks import Check
from services.sync.clients import Seal
from services.sync.globe.reader import Stamp
from services.sync.mappings import KINDS, Kind
from services.sync.planning import WRITES, Terms, Verdict, shared
from services.sync.sides import Connect, Open, Sides, chunks, opened, refresh
from services.sync.weighing import CHUNK, weigh

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


async def verify(pool: Pool, seal: Seal, connect: Connect, open_globe: Open, solution_id: UUID) -> Comparison:
    """Read both sides whole and compare. Changes nothing but the mirror. Raises ``Stopped``."""
    async with pool.acquire() as conn:
        solution = await clients.solution(conn, seal, solution_id)
    made = Comparison()
    async with opened(solution, connect, open_globe) as sides:
        sides.refuse_when_stopped()
        made.left_out += [each for each in sides.checks if each.stops]
        for kind in KINDS:
            made.counts[kind.name] = Counter()
            await refresh(pool, sides, kind, full=True)
            seen = await _of_kind(pool, sides, kind, made)
            await _only_right(pool, sides, kind, seen, made)
    return made


async def _of_kind(pool: Pool, sides: Sides, kind: Kind, made: Comparison) -> set[str]:
    found = {code: await asyncio.to_thread(globe.stamps, kind.name) for code, globe in sides.globes.items()}
    seen: set[str] = set()
    terms = Terms(first_load=True)
    together = any(shared(kind, scope) for scope in sides.scopes.values())
    groups: list[dict[str, list[Stamp]]] = []
    if together:
        codes = sorted({each.code for stamps in found.values() for each in stamps})
        for chunk in chunks(codes, CHUNK):
            taken = set(chunk)
            groups.append({c: [s for s in stamps if s.code in taken] for c, stamps in found.items()})
    else:
        groups += [{c: list(chunk)} for c, stamps in found.items() for chunk in chunks(stamps, CHUNK)]
    for wanted in groups:
        for verdict in await weigh(pool, sides, kind, wanted, terms):
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


async def _only_right(pool: Pool, sides: Sides, kind: Kind, seen: set[str], made: Comparison) -> None:
    """What Purchase to Pay has of these administrations, active, and Globe+ has not."""
    async with pool.acquire() as conn:
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
