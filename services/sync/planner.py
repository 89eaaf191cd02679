"""Makes a plan: reads both sides, weighs what may have changed, writes down what is to be done. Changes nothing else.

Which records are weighed:

========  ==========================================================================================================
changes   those whose stamp in Globe+ is not the one remembered (new ones too), those that Purchase to Pay says were
          changed there, those that are gone; kinds of a few records whole. Stamps are compared for being *equal*,
          so no clock has to be right. After a change of settings (``basis``): every record of Globe+
full      every record of both sides
load      the records of one administration and kind that a first load takes
========  ==========================================================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from libs.contracts.parts import Words
from libs.db.types import Connection
from libs.errors import BadInput, HubError
from libs.telemetry import tracing
from services.sync import basis, clients, memory, plans, standstill
from services.sync.basis import TOGETHER
from services.sync.beside import beside
from services.sync.checks import Check
from services.sync.clients import Member, Solution
from services.sync.failures import named
from services.sync.globe.filters import compiled
from services.sync.globe.reader import Globe, GlobeAway, Stamp
from services.sync.globe.tables import SOURCES
from services.sync.mappings import BY_NAME, KINDS, Kind
from services.sync.mappings.field import Name
from services.sync.noting import GivenUp, Made
from services.sync.planning import WRITES, Guard, Terms, Verdict, administration_gone, shared
from services.sync.plans import Plan
from services.sync.sides import Sides, chunks, refresh, silent_globe
from services.sync.weighing import CHUNK, weigh
from services.sync.workshop import Workshop, open_globe

Mode = Literal["changes", "full", "load"]


@dataclass(frozen=True, slots=True)
class Load:
    """What a first load takes: one kind of one administration."""

    administration: str
    kind: Name


async def plan(
    shop: Workshop,
    solution_id: UUID,
    mode: Mode = "changes",
    *,
    load: Load | None = None,
    deleted: Collection[str] = (),
) -> Plan:
    """Make a plan. ``deleted``: administrations that were deleted in Globe+ (R241). Raises ``Stopped`` with
    the checks, and whatever says that a side is away; the plan is kept then too, as failed and with the reason."""
    async with shop.pool.acquire() as conn:
        solution = await clients.solution(conn, shop.seal, solution_id)
        plan_id = await begin(shop, conn, solution, mode)
    return await make(shop, plan_id, solution, mode, load=load, deleted=deleted)


async def begin(shop: Workshop, conn: Connection, solution: Solution, mode: Mode) -> UUID:
    """Note that a plan is going to be made."""
    seconds = shop.settings.lease_seconds
    return await plans.begin(conn, solution, mode, tracing.current_traceparent(), seconds)


async def make(
    shop: Workshop,
    plan_id: UUID,
    solution: Solution,
    mode: Mode,
    *,
    load: Load | None = None,
    deleted: Collection[str] = (),
) -> Plan:
    """Make the plan that was begun, or as much of it as there is when somebody stops it."""

    async def alive() -> None:
        async with shop.pool.acquire() as conn:
            await plans.alive(conn, plan_id, shop.settings.lease_seconds)

    try:
        with named("plan", str(plan_id)), contextlib.suppress(GivenUp):
            async with beside(shop.settings.lease_seconds / 4, alive, "sync plan"):
                await _Planning(shop, plan_id, mode, load, deleted).of(solution)
    except HubError as failed:
        async with shop.pool.acquire() as conn:
            await plans.move(conn, plan_id, "failed", ("making",), Words(**failed.words))
        raise
    async with shop.pool.acquire() as conn:
        return await plans.one(conn, plan_id)


class _Planning:
    """One plan being made."""

    def __init__(
        self, shop: Workshop, plan_id: UUID, mode: Mode, load: Load | None, deleted: Collection[str]
    ) -> None:
        self._shop = shop
        self._pool = shop.pool
        self._plan_id = plan_id
        self._mode = mode
        self._load = load
        self._deleted = deleted
        self._globes: dict[str, Globe] = {}
        """Those that answer."""
        self._away: set[str] = set()
        self._silent: list[Check] = []
        """Told of those that stopped answering meanwhile."""
        self._anew: set[str] = set()
        """Administrations, and what they share, that were last weighed with other settings."""

    async def of(self, solution: Solution) -> None:
        await self._are_deleted(solution)
        guard = Guard(self._shop.settings.most_deactivations, self._shop.settings.most_share)
        async with self._shop.opened(solution.solution_id, self._deleted) as sides:
            async with self._pool.acquire() as conn:
                await plans.checked(conn, self._plan_id, sides.checks)
            sides.refuse_when_stopped()
            made = Made(sides, self._plan_id, self._shop.settings.lease_seconds)
            self._globes = dict(sides.globes)
            self._away = set(sides.away)
            marks = basis.marks(solution.settings, sides.same_cost_types, list(self._globes))
            self._anew = {each for each, mark in marks.items() if solution.looked.get(each) != mark}
            for kind in [BY_NAME[self._load.kind]] if self._load else KINDS:
                async for verdicts in self._of_kind(sides, kind):
                    await made.add(kind, verdicts)
                if self._deleted and kind.name == "cost_centre":
                    await made.add(kind, await self._administrations_gone(sides, kind))
            async with self._pool.acquire() as conn:
                await plans.checked(conn, self._plan_id, (*sides.checks, *self._silent))
                known = await memory.count(conn, sides.client_id)
                if not self._load:
                    weighed = {*self._globes} | (set() if self._away else {TOGETHER})
                    held = {each: mark for each, mark in marks.items() if each in weighed & self._anew}
                    await clients.looked(conn, solution.solution_id, held)
                # Who starts a first load has said yes to it.
                writes = any(made.counts[action] for action in WRITES)
                objections = [] if self._load else guard.objections(made.counts, known)
                state: plans.State = "asking" if objections else "ready"
                if self._load:
                    state = "approved" if writes else "applied"
                await plans.ready(conn, self._plan_id, state, made.counts, objections)

    async def _are_deleted(self, solution: Solution) -> None:
        """Raises ``BadInput`` for a slip of the finger: a code nobody knows, or one that Globe+ still has."""
        members = {each.code: each for each in solution.members}
        for code in self._deleted:
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
        globe = open_globe(member)
        try:
            return await asyncio.to_thread(globe.administration) is not None
        except GlobeAway:
            return False  # its database went along with it
        finally:
            globe.close()

    async def _of_kind(self, sides: Sides, kind: Kind) -> AsyncIterator[list[Verdict]]:
        """Verdicts of one kind, a chunk at a time. An administration whose Globe+ stops answering is left out from then
        on, and what administrations share waits until all of them can be asked: the others would overwrite it."""
        await refresh(sides, kind, full=self._mode == "full")
        terms = replace(sides.terms, first_load=self._load is not None)
        if self._load:
            terms = replace(terms, only=frozenset({self._load.administration}))
        async with self._pool.acquire() as conn:
            narrowed = await plans.filters(conn, sides.solution.solution_id, kind.name)
        ticked = [code for code in self._globes if narrowed.get(code, (True, ""))[0]]  # R226
        if any(shared(kind, sides.scopes[code]) for code in ticked):
            try:
                if self._away and self._load:
                    raise GlobeAway
                if not self._away:
                    async for verdicts in self._shared(sides, kind, ticked, narrowed, terms):
                        yield verdicts
            except GlobeAway as away:
                self._leave_out(away)
            return
        for code in ticked:
            if self._load and code != self._load.administration:
                continue
            try:
                whole = self._mode != "changes" or code in self._anew
                sums = await self._sums(code, kind, narrowed, whole=whole)
                if await self._stands_still(sides, kind, {code: sums}):
                    continue
                found = await self._stamps(code, kind)
                compared = await self._compared(sides, code, kind, found, sums, whole=whole)
                wanted = await self._candidates(code, kind, found, compared, narrowed, whole=whole)
                for chunk in chunks(sorted(wanted.values(), key=_order), CHUNK):
                    yield await weigh(sides, kind, {code: chunk}, terms)
            except GlobeAway as away:
                self._leave_out(away)

    def _leave_out(self, away: GlobeAway) -> None:
        """Raises it when nobody is left."""
        self._globes.pop(away.administration, None)
        if self._load or not self._globes:
            raise away
        self._away.add(away.administration)
        self._silent.append(silent_globe(away))

    async def _stamps(self, code: str, kind: Kind) -> dict[str, Stamp]:
        found = await asyncio.to_thread(self._globes[code].stamps, kind.name)
        return {each.record_id: each for each in found}

    async def _sums(
        self, code: str, kind: Kind, filters: Mapping[str, tuple[bool, str]], *, whole: bool
    ) -> str:
        """All stamps together; empty: each is to be looked at. What a filter leaves out is never as remembered."""
        if whole or SOURCES[kind.name].stamp is None or filters.get(code, (True, ""))[1]:
            return ""
        return await asyncio.to_thread(self._globes[code].sums, kind.name)

    async def _stands_still(self, sides: Sides, kind: Kind, sums: Mapping[str, str]) -> bool:
        """Whether nothing of a kind was changed in any of these administrations."""
        async with self._pool.acquire() as conn:
            for code, each in sums.items():
                if not each or not await standstill.holds(conn, sides.client_id, code, kind.name, each):
                    return False
        return True

    async def _compared(
        self, sides: Sides, code: str, kind: Kind, present: Mapping[str, Stamp], sums: str, *, whole: bool
    ) -> list[memory.Compared]:
        """What is not as it is remembered; what never went over and is gone is forgotten."""
        together = shared(kind, sides.scopes[code])
        async with self._pool.acquire() as conn:
            found = await memory.compared(
                conn,
                sides.client_id,
                code,
                kind.name,
                list(present),
                [each.stamp for each in present.values()],
                [each.code for each in present.values()] if together else (),
                whole=whole or SOURCES[kind.name].stamp is None,
            )
            if sums and all(each.alike for each in found):
                await standstill.note(conn, sides.client_id, code, kind.name, sums)
            lost = [each.record_id for each in found if each.gone and not each.went_over]
            await memory.forget(conn, sides.client_id, code, kind.name, lost)
        return found

    async def _candidates(
        self,
        code: str,
        kind: Kind,
        present: Mapping[str, Stamp],
        compared: Sequence[memory.Compared],
        filters: Mapping[str, tuple[bool, str]],
        *,
        whole: bool,
    ) -> dict[str, Stamp]:
        """Records to be weighed, of those that are there and those that were."""
        load = self._mode == "load"
        text = filters.get(code, (True, ""))[1]
        narrowed = await _narrowed(self._globes[code], kind, text) if text else None
        wanted: dict[str, Stamp] = {}
        for each in compared:
            if each.gone:
                if each.went_over and not load:
                    wanted[each.record_id] = Stamp(each.record_id, "", "")
            elif (whole or not each.alike or SOURCES[kind.name].stamp is None) and (
                narrowed is None or each.record_id in narrowed or (each.went_over and not load)
            ):
                wanted[each.record_id] = present[each.record_id]
        return wanted

    async def _shared(
        self,
        sides: Sides,
        kind: Kind,
        ticked: Sequence[str],
        filters: Mapping[str, tuple[bool, str]],
        terms: Terms,
    ) -> AsyncIterator[list[Verdict]]:
        """What is a candidate anywhere is weighed with what every administration says of it. What a record is called in
        Purchase to Pay is its code, or the one it had when it went over: it may have been renumbered since."""
        whole = self._mode != "changes" or TOGETHER in self._anew
        wanted: dict[str, dict[str, Stamp]] = {}
        called: dict[str, dict[str, list[Stamp]]] = {}
        sums = {code: await self._sums(code, kind, filters, whole=whole) for code in ticked}
        if await self._stands_still(sides, kind, sums):
            return
        for code in ticked:
            present = await self._stamps(code, kind)
            asked = not self._load or code == self._load.administration
            compared = await self._compared(sides, code, kind, present, sums[code], whole=whole and asked)
            if asked:
                wanted[code] = await self._candidates(code, kind, present, compared, filters, whole=whole)
            names = {each.record_id: each.external_id for each in compared if each.went_over}
            called[code] = {}
            for each in present.values():  # one administration may have a code twice, under two names
                called[code].setdefault(names.get(each.record_id, each.code), []).append(each)
        asked_for = {code: set(stamps) for code, stamps in wanted.items()}
        externals = sorted(
            {
                external_id
                for code, named in called.items()
                for external_id, stamps in named.items()
                if external_id and any(e.code and e.record_id in asked_for.get(code, ()) for e in stamps)
            }
        )
        for chunk in chunks(externals, CHUNK):
            those = {
                code: [stamp for each in chunk for stamp in named.get(each, ())]
                for code, named in called.items()
            }
            yield await weigh(sides, kind, those, terms)
        nameless = {
            code: [each for each in stamps.values() if not each.code] for code, stamps in wanted.items()
        }
        if any(nameless.values()):
            still = {external_id for named in called.values() for external_id in named}
            # While somebody still has it, nothing happened to it.
            yield [
                replace(each, action="none", after=None)
                if each.action == "deactivate" and each.external_id in still
                else each
                for each in await weigh(sides, kind, nameless, terms)
            ]

    async def _administrations_gone(self, sides: Sides, kind: Kind) -> list[Verdict]:
        """R241: with an administration its cost centres become inactive."""
        made: list[Verdict] = []
        for code in self._deleted:
            async with self._pool.acquire() as conn:
                remembered = await memory.stamps(conn, sides.client_id, code, kind.name)
                over = [record for record, (_, went_over, _) in remembered.items() if went_over]
                known = await memory.known(conn, sides.client_id, code, kind.name, over)
                mirror = await memory.mirrored(
                    conn, sides.client_id, kind.name, [k.external_id for k in known.values()]
                )
            made += administration_gone(kind, code, known, mirror)
        return made


def _order(stamp: Stamp) -> tuple[int, str]:
    """Whole numbers by size, the rest as text."""
    return (len(stamp.record_id), stamp.record_id)


async def _narrowed(globe: Globe, kind: Kind, text: str) -> set[str]:
    """Record ids a saved filter takes."""
    condition = compiled(text, kind.name)
    return {each.record_id for each in await asyncio.to_thread(globe.stamps, kind.name, condition)}
