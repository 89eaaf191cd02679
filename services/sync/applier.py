"""Applies a plan: exactly what it says to exactly what was seen, or not at all.

::

    approved ─ leases ─ weighed again: anything else than planned? ──▶ refused, and says which records moved
       │
       ▼  a batch: weighed again ─ attempts *started* (committed) ─▶ sent ─▶ results, memory, events (committed)
          │ moved since: that record is left, the rest goes on     │ killed here: the next run looks what became of
          └ refused by Purchase to Pay: failed, the rest goes on   ▼ a started one before it sends anything

Writing is an upsert on the external id, so sending twice would do no harm; all the same nothing is sent twice:
what was started and already stands there as planned counts as applied.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from opentelemetry.trace import SpanKind

from libs import clock
from libs.contracts.parts import Words
from libs.errors import Conflict
from libs.telemetry import tracing
from services.sync import clients, leases, memory, payloads, plans
from services.sync.beside import beside
from services.sync.failures import Unexpected, named
from services.sync.globe.reader import GlobeAway, Stamp
from services.sync.leases import Held, writers
from services.sync.p2p.client import P2PAway, P2PRefused, P2PRefusesUs
from services.sync.planning import Verdict, shared
from services.sync.plans import Item, Plan, Result
from services.sync.settling import MOVED, end, settle
from services.sync.sides import Sides, Stopped, refresh
from services.sync.weighing import weigh
from services.sync.workshop import Workshop
from services.sync.writing import stands, write

WATCH_SECONDS = 0.5
"""How soon it is seen that a run is stopped."""
WITH_ADMINISTRATION = "R241"
"""Rule of a cost centre whose administration was deleted: there is no Globe+ to look again in."""

LEFT_OUT = Words(
    nl="Deze administratie voldoet niet meer aan de voorwaarden: zie de controles.",
    en="This administration does not meet the conditions any more: see the checks.",
)
AWAY = Words(nl=P2PAway.dutch, en=(P2PAway.__doc__ or "").strip())


async def apply(shop: Workshop, plan_id: UUID) -> Plan:
    """Apply an approved plan, or go on with one that was cut short. Returns it as it ended.

    Raises ``Busy`` when somebody else writes of one of its administrations; what our own database says while it is
    away: then it is gone on with later.
    """
    async with shop.pool.acquire() as conn:
        plan = await plans.one(conn, plan_id)
        solution = await clients.solution(conn, shop.seal, plan.solution_id)
        touched = await plans.touched(conn, plan_id)
    codes = sorted({code for code, _ in touched})
    async with leases.held(
        shop.pool, plan.client_id, plan.account_id, writers(solution, touched), shop.settings.lease_seconds
    ) as held:
        async with shop.pool.acquire() as conn:
            if not await plans.move(conn, plan_id, "applying", ("approved", "applying")):
                raise Conflict(
                    "This plan is not approved, or has ended.",
                    nl="Dit plan is niet goedgekeurd, of al afgelopen.",
                )
        with tracing.span("sync apply", SpanKind.INTERNAL, {"hub.stage": "sync", "hub.plan": str(plan_id)}):
            try:
                with named("apply", str(plan_id)):
                    async with shop.opened(plan.solution_id) as sides:
                        sides.refuse_when_stopped()
                        await _Run(shop, sides, plan, codes, held).work()
            except (P2PAway, P2PRefusesUs, GlobeAway, Stopped, Unexpected) as stopped:
                tracing.record_failure("sync apply", stopped)
                await end(shop, plan, held, "stopped", Words(**stopped.words))
    async with shop.pool.acquire() as conn:
        return await plans.one(conn, plan_id)


class _Stopped(Exception):
    """Somebody stopped the run: this record was not sent."""


class _Run:
    """One apply under way."""

    def __init__(self, shop: Workshop, sides: Sides, plan: Plan, codes: Sequence[str], held: Held) -> None:
        """``codes``: the administrations it writes of."""
        self._shop = shop
        self._settings = shop.settings
        self._pool = shop.pool
        self._sides = sides
        self._plan = plan
        self._held = held
        load = plan.mode == "load"
        self._terms = replace(sides.terms, first_load=load, only=frozenset(codes if load else ()))
        self._codes = frozenset(codes)
        self._silent: dict[str, Words] = {}
        """Administrations whose Globe+ stopped answering meanwhile, and what is told of it."""
        self._fresh: dict[str, float] = {}
        self._stopped = False

    async def work(self) -> None:
        async with self._pool.acquire() as conn:
            begun = await plans.begun(conn, self._plan.plan_id)
        if not begun and (moved := await self._moved()):
            await end(self._shop, self._plan, self._held, "refused", moved)
            return
        while batch := await self._next():
            async with self._pool.acquire() as conn:
                state = (await plans.one(conn, self._plan.plan_id)).state
            if state != "applying":
                return  # somebody stopped it
            await self._batch(batch)
        await end(self._shop, self._plan, self._held, "applied")

    async def _moved(self) -> Words | None:
        """Whether anything is not as the plan saw it; the records by name."""
        after = 0
        moved: list[str] = []
        while True:
            async with self._pool.acquire() as conn:
                items = await plans.items(conn, self._plan.plan_id, after, 500)
            if not items:
                break
            after = items[-1].sequence
            to_do = [each for each in items if each.state == "planned"]
            for kind in dict.fromkeys(each.kind for each in to_do):
                own = [each for each in to_do if each.kind == kind]
                verdicts = await self._weigh(own)
                moved += [
                    each.external_id
                    for each in own
                    if self._asked(each) and not _same(each, verdicts.get(_key(each)))
                ]
        if not moved:
            return None
        names = ", ".join(moved[:10]) + (" …" if len(moved) > 10 else "")
        return Words(
            nl=f"Sinds dit plan is er gewijzigd: {names}. Er is niets uitgevoerd; maak een nieuw plan.",
            en=f"Changed since this plan was made: {names}. Nothing was applied; make a new plan.",
        )

    async def _next(self) -> list[Item]:
        """The next records: of one kind, each once, so their order among themselves does not matter."""
        async with self._pool.acquire() as conn:
            items = await plans.to_do(conn, self._plan.plan_id, self._settings.batch)
        batch: list[Item] = []
        for each in items:
            if each.kind != items[0].kind or each.external_id in {other.external_id for other in batch}:
                break
            batch.append(each)
        return batch

    def _asked(self, item: Item) -> bool:
        """Whether there is a Globe+ to look again in. What administrations share waits until all of them can be asked."""
        return (
            item.rule != WITH_ADMINISTRATION
            and item.administration in self._sides.globes
            and not (self._silent and self._together(item))
        )

    def _together(self, item: Item) -> bool:
        return shared(item.of, self._sides.scopes[item.administration])

    async def _weigh(self, items: Sequence[Item]) -> dict[tuple[str, str], Verdict]:
        """What is to be done now about those of one kind that can be looked at. An administration whose Globe+ stops
        answering is left out from then on; raises ``GlobeAway`` when nothing is left to write."""
        while asked := [each for each in items if self._asked(each)]:
            try:
                return await self._weighed(asked)
            except GlobeAway as away:
                left = self._sides.without(away.administration)
                if not self._codes & set(left.globes):
                    raise
                self._sides = left
                self._silent[away.administration] = Words(**away.words)
        return {}

    async def _weighed(self, items: Sequence[Item]) -> dict[tuple[str, str], Verdict]:
        kind = items[0].of
        if clock.monotonic() - self._fresh.get(kind.name, -1e9) > self._settings.mirror_seconds:
            await refresh(self._sides, kind)
            self._fresh[kind.name] = clock.monotonic()
        wanted: dict[str, list[Stamp]] = {}
        if self._together(items[0]):
            wanted = await self._shared(items)
        else:
            for each in items:
                wanted.setdefault(each.administration, []).append(Stamp(each.record_id, "", each.stamp))
        verdicts = await weigh(self._sides, kind, wanted, self._terms)
        return {(each.administration, each.record_id): each for each in verdicts}

    async def _shared(self, items: Sequence[Item]) -> dict[str, list[Stamp]]:
        """A record known by code alone is weighed with what every administration says of it."""
        kind = items[0].kind
        stamps = {_key(each): each.stamp for each in items}
        written: list[object] = []
        for code in dict.fromkeys(each.administration for each in items):
            ids = [each.record_id for each in items if each.administration == code]
            written += await asyncio.to_thread(self._sides.globes[code].codes, kind, ids)
        names = sorted({each.external_id for each in items})
        async with self._pool.acquire() as conn:
            holders = await memory.holders(conn, self._sides.client_id, kind, names)
        wanted: dict[str, list[Stamp]] = {}
        for code, globe in self._sides.globes.items():
            found = await asyncio.to_thread(globe.of_codes, kind, [*written, *names])
            there = {each.record_id for each in found}
            # Gone, or renumbered since it went over: no code leads to it.
            others = [e.record_id for e in items if e.administration == code]
            others += [record for _, whose, record in holders if whose == code]
            wanted[code] = [
                Stamp(each.record_id, each.code, stamps.get((code, each.record_id), "")) for each in found
            ] + [
                Stamp(record, "", stamps.get((code, record), ""))
                for record in dict.fromkeys(others)
                if record not in there
            ]
        return wanted

    async def _batch(self, batch: Sequence[Item]) -> None:
        results: list[Result] = []
        to_send: list[Item] = []
        if any(each.state == "started" for each in batch):
            self._fresh.clear()
        verdicts = await self._weigh(batch)
        for each in batch:
            verdict = verdicts.get(_key(each))
            if each.rule == WITH_ADMINISTRATION or _same(each, verdict):
                to_send.append(each)
            elif not self._asked(each):
                results.append(await self._left_out(each))
            elif each.attempts and verdict is not None and verdict.action == "none":
                results.append(Result(each.sequence, "applied", "found"))
            else:
                results.append(Result(each.sequence, "moved", "moved", MOVED))
        if to_send:
            await self._start(to_send)
            results += await self._send(to_send)
        await settle(self._shop, self._plan, self._held, self._sides, batch, results)

    async def _left_out(self, item: Item) -> Result:
        """What becomes of a record whose administration cannot be asked, and of one it shares with such a one."""
        if item.attempts and await stands(self._sides, item.of, item.external_id, item.after):
            return Result(item.sequence, "applied", "found")
        if item.administration in self._silent or item.administration in self._sides.globes:
            silent = self._silent.get(item.administration) or next(iter(self._silent.values()))
            return Result(item.sequence, "failed", GlobeAway.slug, silent)
        return Result(item.sequence, "failed", "administration-out", LEFT_OUT)

    async def _start(self, items: Sequence[Item]) -> None:
        """Committed before anything is sent: what dies from here on is looked up."""
        async with self._pool.acquire() as conn, conn.transaction():
            await self._held.fenced(conn)
            await plans.start(conn, self._plan.plan_id, [each.sequence for each in items])

    async def _send(self, items: Sequence[Item]) -> list[Result]:
        async with beside(WATCH_SECONDS, self._look, "sync stop"):
            done = await asyncio.gather(*(self._one(each) for each in items), return_exceptions=True)
        results = [each for each in done if isinstance(each, Result)]
        failures = [each for each in done if isinstance(each, BaseException)]
        if failures:
            # What is not known stays started: the next run looks what became of it.
            await settle(self._shop, self._plan, self._held, self._sides, items, results)
            raise failures[0]
        if all(each.code == "p2p-away" for each in results):
            await self._sides.p2p.sign_in()  # away altogether: stop here, nothing is failed for it
        return results

    async def _look(self) -> None:
        """Sees that somebody stops the run, also while a hundred records wait for a slow Purchase to Pay."""
        async with self._pool.acquire() as conn:
            self._stopped |= (await plans.one(conn, self._plan.plan_id)).state != "applying"

    def _right_before(self) -> None:
        self._held.check()
        if self._stopped:
            raise _Stopped

    async def _one(self, item: Item) -> Result:
        attributes: dict[str, str | int] = {
            "hub.stage": "sync",
            "hub.kind": item.kind,
            "hub.external_id": item.external_id,
            "hub.attempt": item.attempts + 1,
        }
        with tracing.span(f"sync {item.action}", SpanKind.CLIENT, attributes):
            try:
                written = await write(
                    self._sides,
                    item.of,
                    item.external_id,
                    item.after or {},
                    self._settings.retry_seconds,
                    self._right_before,
                )
            except _Stopped:
                return Result(item.sequence, "planned")
            except P2PRefused as refused:
                return Result(item.sequence, "failed", refused.code, Words(**refused.words))
        if written == "p2p-away":
            return Result(item.sequence, "failed", written, AWAY)
        return Result(item.sequence, "applied", written)


def _key(item: Item) -> tuple[str, str]:
    return item.administration, item.record_id


def _same(item: Item, verdict: Verdict | None) -> bool:
    """Whether a record is still to be written as the plan said."""
    return (
        verdict is not None
        and verdict.action == item.action
        and verdict.external_id == item.external_id
        and payloads.alike(item.of, verdict.after, item.after)
        and payloads.alike(item.of, verdict.before, item.before)
    )
