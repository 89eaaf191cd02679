"""Makes a plan: reads both sides, weighs what may have changed, writes down what is to be done. Changes nothing else.

Which records are weighed:

========  ==========================================================================================================
changes   those whose stamp in Globe+ is not the one remembered (new ones too), those that Purchase to Pay says were
          changed there, those that are gone; kinds of a few records whole. Stamps are compared for being *equal*,
          so no clock has to be right
full      every record of both sides
load      the records of one administration and kind that a first load takes
========  ==========================================================================================================
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from libs import clock
from libs.contracts.parts import Words
from libs.db.types import Connection, Pool
from libs.errors import BadInput, HubError
from libs.telemetry import tracing
from services.sync import clients, memory, plans
from services.sync.clients import Member, Seal, Solution
from services.sync.globe.filters import compiled
from services.sync.globe.reader import Globe, GlobeAway, Stamp
from services.sync.globe.tables import SOURCES
from services.sync.mappings import BY_NAME, KINDS, Kind
from services.sync.mappings.field import Name
from services.sync.planning import Guard, Terms, Verdict, shared
from services.sync.plans import Plan
from services.sync.sides import Connect, Open, Sides, chunks, opened, refresh
from services.sync.weighing import CHUNK, weigh

Mode = Literal["changes", "full", "load"]


@dataclass(frozen=True, slots=True)
class Load:
    """What a first load takes: one kind of one administration."""

    administration: str
    kind: Name


class Planner:
    def __init__(self, pool: Pool, seal: Seal, connect: Connect, open_globe: Open, guard: Guard) -> None:
        """``pool`` has the worker role."""
        self._pool = pool
        self._seal = seal
        self._connect = connect
        self._open = open_globe
        self._guard = guard

    async def plan(
        self,
        solution_id: UUID,
        mode: Mode = "changes",
        *,
        load: Load | None = None,
        deleted: Collection[str] = (),
    ) -> Plan:
        """Make a plan. ``deleted``: administrations that were deleted in Globe+ (R241). Raises ``Stopped`` with
        the checks, and whatever says that a side is away; the plan is kept then too, as failed and with the reason."""
        async with self._pool.acquire() as conn:
            solution = await clients.solution(conn, self._seal, solution_id)
            plan_id = clock.uuid7()
            await plans.begin(conn, plan_id, solution, mode, tracing.current_traceparent())
        try:
            return await self._made(plan_id, solution, mode, load, deleted)
        except HubError as failed:
            async with self._pool.acquire() as conn:
                await plans.move(conn, plan_id, "failed", ("making",), Words(**failed.words))
            raise

    async def _made(
        self, plan_id: UUID, solution: Solution, mode: Mode, load: Load | None, deleted: Collection[str]
    ) -> Plan:
        await self._are_deleted(solution, deleted)
        async with opened(solution, self._connect, self._open, deleted) as sides:
            async with self._pool.acquire() as conn:
                await plans.checked(conn, plan_id, sides.checks)
            sides.refuse_when_stopped()
            made = _Made(self._pool, sides, plan_id)
            kinds = [BY_NAME[load.kind]] if load else KINDS
            for kind in kinds:
                async for verdicts in self._of_kind(sides, kind, mode, load):
                    await made.add(kind, verdicts)
                if deleted and kind.name == "cost_centre":
                    await made.add(kind, await self._administrations_gone(sides, kind, deleted))
            async with self._pool.acquire() as conn:
                known = await memory.count(conn, sides.client_id)
                objections = [] if mode == "load" else self._guard.objections(made.counts, known)
                await plans.ready(conn, plan_id, made.counts, objections)
                return await plans.one(conn, plan_id)

    async def _are_deleted(self, solution: Solution, deleted: Collection[str]) -> None:
        """Raises ``BadInput`` for a slip of the finger: a code nobody knows, or one that Globe+ still has."""
        members = {each.code: each for each in solution.members}
        for code in deleted:
            async with self._pool.acquire() as conn:
                known = code in members or await memory.knows(conn, solution.client_id, code)
            if not known:
                raise BadInput(
                    f"Nothing of administration {code} ever went over: look at its code.",
                    nl=f"Van administratie {code} is nooit iets overgegaan: kijk de code na.",
                    code="unknown-administration",
                )
            if code in members and await self._is_there(members[code]):
                raise BadInput(
                    f"Administration {code} is still in Globe+: nothing of it is switched off.",
                    nl=f"Administratie {code} staat nog in Globe+: daarvan wordt niets op niet-actief gezet.",
                    code="administration-not-deleted",
                )

    async def _is_there(self, member: Member) -> bool:
        globe = self._open(member)
        try:
            return await asyncio.to_thread(globe.administration) is not None
        except GlobeAway:
            return False  # its database went along with it
        finally:
            globe.close()

    async def _of_kind(
        self, sides: Sides, kind: Kind, mode: Mode, load: Load | None
    ) -> AsyncIterator[list[Verdict]]:
        """Verdicts of one kind, a chunk at a time."""
        changed = await refresh(self._pool, sides, kind, full=mode == "full")
        terms = replace(sides.terms, first_load=mode == "load")
        if load:
            terms = replace(terms, only=frozenset({load.administration}))
        takers = {load.administration} if load else set(sides.globes)
        found: dict[str, dict[str, Stamp]] = {}
        wanted: dict[str, dict[str, Stamp]] = {}
        async with self._pool.acquire() as conn:
            there = await memory.owners(conn, sides.client_id, kind.name, changed)
            narrowed = await plans.filters(conn, sides.solution.solution_id, kind.name)
        for code, globe in sides.globes.items():
            if narrowed.get(code, (True, ""))[0] is False:
                continue  # not ticked (R226)
            found[code] = {each.record_id: each for each in await asyncio.to_thread(globe.stamps, kind.name)}
            if code in takers:
                text = narrowed.get(code, (True, ""))[1]
                ids = await _narrowed(globe, kind, text) if text else None
                touched = {record for administration, record in there if administration == code}
                wanted[code] = await self._candidates(sides, code, kind, found[code], touched, mode, ids)
        if any(shared(kind, sides.scopes[code]) for code in wanted):
            async for verdicts in self._shared(sides, kind, found, wanted, terms):
                yield verdicts
            return
        for code, candidates in wanted.items():
            for chunk in chunks(sorted(candidates.values(), key=_order), CHUNK):
                yield await weigh(self._pool, sides, kind, {code: chunk}, terms)

    async def _candidates(
        self,
        sides: Sides,
        code: str,
        kind: Kind,
        present: Mapping[str, Stamp],
        touched: Collection[str],
        mode: Mode,
        narrowed: Collection[str] | None,
    ) -> dict[str, Stamp]:
        """Records to be weighed, of those that are there and those that were."""
        whole = mode != "changes" or SOURCES[kind.name].stamp is None
        stamps = [each.stamp for each in present.values()]
        async with self._pool.acquire() as conn:
            compared = await memory.compared(
                conn, sides.client_id, code, kind.name, list(present), stamps, whole=whole
            )
            lost = [each.record_id for each in compared if each.gone and not each.went_over]
            await memory.forget(conn, sides.client_id, code, kind.name, lost)
        wanted: dict[str, Stamp] = {}
        for each in compared:
            if each.gone and each.went_over and mode != "load":
                wanted[each.record_id] = Stamp(each.record_id, "", "")
            elif not each.gone and (
                narrowed is None or each.record_id in narrowed or (mode != "load" and each.remembered)
            ):
                wanted[each.record_id] = present[each.record_id]
        if mode != "load":
            wanted |= {record: present[record] for record in touched if record in present}
        return wanted

    async def _shared(
        self,
        sides: Sides,
        kind: Kind,
        found: Mapping[str, Mapping[str, Stamp]],
        wanted: Mapping[str, Mapping[str, Stamp]],
        terms: Terms,
    ) -> AsyncIterator[list[Verdict]]:
        """A code that is a candidate anywhere is weighed with what every administration says of it."""
        by_code: dict[str, dict[str, list[Stamp]]] = {code: {} for code in found}
        for code, stamps in found.items():
            for each in stamps.values():  # one administration may have a code twice, under two names
                by_code[code].setdefault(each.code, []).append(each)
        codes = sorted({each.code for stamps in wanted.values() for each in stamps.values() if each.code})
        for chunk in chunks(codes, CHUNK):
            those = {
                code: [stamp for each in chunk for stamp in of_code.get(each, ())]
                for code, of_code in by_code.items()
            }
            yield await weigh(self._pool, sides, kind, those, terms)
        nameless = {
            code: [each for each in stamps.values() if not each.code] for code, stamps in wanted.items()
        }
        if any(nameless.values()):
            verdicts = await weigh(self._pool, sides, kind, nameless, terms)
            still = await self._still_there(sides, kind, found)
            yield [each for each in verdicts if each.external_id not in still or each.action != "deactivate"]

    async def _still_there(
        self, sides: Sides, kind: Kind, found: Mapping[str, Mapping[str, Stamp]]
    ) -> set[str]:
        """What some administration still has."""
        still: set[str] = set()
        async with self._pool.acquire() as conn:
            for code, stamps in found.items():
                remembered = await memory.stamps(conn, sides.client_id, code, kind.name)
                still |= {external for record, (_, _, external) in remembered.items() if record in stamps}
        return still

    async def _administrations_gone(
        self, sides: Sides, kind: Kind, deleted: Collection[str]
    ) -> list[Verdict]:
        """R241: with an administration its cost centres become inactive."""
        made: list[Verdict] = []
        for code in deleted:
            async with self._pool.acquire() as conn:
                remembered = await memory.stamps(conn, sides.client_id, code, kind.name)
                over = [record for record, (_, went_over, _) in remembered.items() if went_over]
                known = await memory.known(conn, sides.client_id, code, kind.name, over)
                mirror = await memory.mirrored(
                    conn, sides.client_id, kind.name, [k.external_id for k in known.values()]
                )
            made += plans.administration_gone(kind, code, known, mirror)
        return made


class _Made:
    """Writes verdicts down as they come, and remembers what needs nothing to be done."""

    def __init__(self, pool: Pool, sides: Sides, plan_id: UUID) -> None:
        self._pool = pool
        self._sides = sides
        self._plan_id = plan_id
        self._sequence = 0
        self.counts: Counter[str] = Counter()

    async def add(self, kind: Kind, verdicts: Sequence[Verdict]) -> None:
        items = [each for each in verdicts if each.action != "none"]
        self.counts.update(each.action for each in verdicts)
        async with self._pool.acquire() as conn, conn.transaction():
            await plans.add_items(conn, self._plan_id, self._sides.account_id, self._sequence, items)
            self._sequence += len(items)
            await self._settle(conn, kind, verdicts)

    async def _settle(self, conn: Connection, kind: Kind, verdicts: Sequence[Verdict]) -> None:
        """What is alike, and what a rule leaves out until it changes, needs no second look."""
        for code in dict.fromkeys(each.administration for each in verdicts):
            own = [each for each in verdicts if each.administration == code]
            quiet = [each for each in own if each.stamp and _settled(each)]
            records = [
                (
                    each.record_id,
                    each.external_id,
                    each.stamp,
                    each.ours if each.action == "none" else "",
                    each.before if each.action == "none" and kind.name == "supplier" else None,
                )
                for each in quiet
                if each.external_id
            ]
            await memory.remember(
                conn, self._sides.client_id, self._sides.account_id, code, kind.name, records
            )
            over = [each.record_id for each in own if not each.stamp and not each.ours and _over(kind, each)]
            await memory.forget(conn, self._sides.client_id, code, kind.name, over)


def _settled(verdict: Verdict) -> bool:
    return verdict.action == "none" or (
        verdict.action == "skip" and verdict.rule in ("R237", "R243", "R244", "C6", "R230", "R260", "undone")
    )


def _over(kind: Kind, verdict: Verdict) -> bool:
    """A deletion that leads to nothing: told once, then forgotten."""
    return verdict.action in ("none", "skip") and verdict.rule == kind.delete_rule


def _order(stamp: Stamp) -> tuple[int, str]:
    """Whole numbers by size, the rest as text."""
    return (len(stamp.record_id), stamp.record_id)


async def _narrowed(globe: Globe, kind: Kind, text: str) -> set[str]:
    """Record ids a saved filter takes."""
    condition = compiled(text, kind.name)
    return {each.record_id for each in await asyncio.to_thread(globe.stamps, kind.name, condition)}
