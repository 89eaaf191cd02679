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

import structlog
from opentelemetry.trace import SpanKind

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.masterdata import RecordSettled, RunEnded
from libs.contracts.parts import Words
from libs.db.types import Connection, Pool
from libs.errors import Conflict
from libs.messaging import outbox
from libs.service import Wake
from libs.telemetry import tracing
from services.sync import clients, leases, memory, payloads, plans
from services.sync.clients import Seal
from services.sync.globe.reader import GlobeAway, Stamp
from services.sync.leases import Held
from services.sync.p2p.client import P2PAway, P2PRefused, P2PRefusesUs, P2PUnknown
from services.sync.planning import Verdict
from services.sync.plans import Item, Plan, Result
from services.sync.settings import SyncSettings
from services.sync.sides import Connect, Open, Sides, Stopped, opened, refresh
from services.sync.weighing import weigh

SOURCE = "/postbode/sync"
TRIES = 3
"""Attempts at one record within a batch."""

WITH_ADMINISTRATION = "R241"
"""Rule of a cost centre whose administration was deleted: there is no Globe+ to look again in."""

_log = structlog.get_logger(__name__)

MOVED = Words(
    nl="Dit gegeven is sinds het plan gewijzigd: maak een nieuw plan.",
    en="This record changed since the plan was made: make a new plan.",
)
LEFT_OUT = Words(
    nl="Deze administratie voldoet niet meer aan de voorwaarden: zie de controles.",
    en="This administration does not meet the conditions any more: see the checks.",
)
AWAY = Words(nl=P2PAway.dutch, en=(P2PAway.__doc__ or "").strip())


class Applier:
    def __init__(
        self, settings: SyncSettings, pool: Pool, seal: Seal, connect: Connect, open_globe: Open, wake: Wake
    ) -> None:
        """``pool`` has the worker role."""
        self._settings = settings
        self._pool = pool
        self._seal = seal
        self._connect = connect
        self._open = open_globe
        self._wake = wake

    async def apply(self, plan_id: UUID) -> Plan:
        """Apply an approved plan, or go on with one that was cut short. Returns it as it ended.

        Raises ``Busy`` when somebody else writes of one of its administrations.
        """
        async with self._pool.acquire() as conn:
            plan = await plans.one(conn, plan_id)
            solution = await clients.solution(conn, self._seal, plan.solution_id)
            codes = await plans.administrations(conn, plan_id)
        async with leases.held(
            self._pool, plan.client_id, plan.account_id, codes, self._settings.lease_seconds
        ) as held:
            async with self._pool.acquire() as conn:
                if not await plans.move(conn, plan_id, "applying", ("approved", "applying")):
                    raise Conflict(
                        "This plan is not approved, or has ended.",
                        nl="Dit plan is niet goedgekeurd, of al afgelopen.",
                    )
            with tracing.span(
                "sync apply", SpanKind.INTERNAL, {"hub.stage": "sync", "hub.plan": str(plan_id)}
            ):
                try:
                    async with opened(solution, self._connect, self._open) as sides:
                        sides.refuse_when_stopped()
                        run = _Run(self._settings, self._pool, sides, plan, codes, held, self._wake)
                        await run.work()
                except (P2PAway, P2PRefusesUs, GlobeAway, Stopped) as away:
                    tracing.record_failure("sync apply", away)
                    words = Words(**away.words)
                    await end(self._pool, plan, held, "stopped", words, self._wake)
        async with self._pool.acquire() as conn:
            return await plans.one(conn, plan_id)

    async def undo(self, plan_id: UUID, sequence: int) -> Result:
        """Take one applied change back, while nothing newer lies on it. Raises ``Conflict`` otherwise."""
        async with self._pool.acquire() as conn:
            plan = await plans.one(conn, plan_id)
            solution = await clients.solution(conn, self._seal, plan.solution_id)
            found = [
                each
                for each in await plans.items(conn, plan_id, sequence - 1, 1)
                if each.sequence == sequence
            ]
            newer = bool(found) and await plans.newer(conn, plan, found[0])
        if not found or found[0].state != "applied":
            raise Conflict(
                "Only an applied change can be undone.",
                nl="Alleen een uitgevoerde wijziging is terug te draaien.",
            )
        item = found[0]
        back = _back(item)
        if newer or back is None:
            raise Conflict(
                "Something newer lies on this change, or it cannot be taken back: change the record itself.",
                nl="Op deze wijziging ligt een nieuwere, of ze is niet terug te draaien: wijzig het gegeven zelf.",
                code="not-undoable",
            )
        async with (
            leases.held(
                self._pool,
                plan.client_id,
                plan.account_id,
                [item.administration],
                self._settings.lease_seconds,
            ) as held,
            opened(solution, self._connect, self._open) as sides,
        ):
            await refresh(self._pool, sides, item.of)
            async with self._pool.acquire() as conn:
                there = await memory.mirrored(conn, plan.client_id, item.kind, [item.external_id])
            now = there.get(item.external_id)
            if payloads.digest(item.of, now) != payloads.digest(item.of, item.after):
                raise Conflict(MOVED.en, nl=MOVED.nl, code="moved")
            held.check()
            await sides.p2p.update(item.of.resource, back)
            async with self._pool.acquire() as conn, conn.transaction():
                await held.fenced(conn)
                await plans.undone(conn, plan_id, sequence)
                await memory.hold(
                    conn, plan.client_id, item.administration, item.kind, item.record_id, item.ours
                )
                await memory.reflect(
                    conn,
                    plan.client_id,
                    plan.account_id,
                    item.kind,
                    [(item.external_id, {**(now or {}), **back})],
                    0,
                )
                await outbox.append(conn, [_settled(plan, item, "undone", "")])
        self._wake()
        return Result(sequence, "applied", "undone")


def _back(item: Item) -> dict[str, object] | None:
    """What takes a change back: what was there, or what was made, switched off."""
    if item.before is not None:
        return dict(item.before)
    return {**item.after, "active": False} if item.after and item.of.has_active else None


class _Run:
    """One apply under way."""

    def __init__(
        self,
        settings: SyncSettings,
        pool: Pool,
        sides: Sides,
        plan: Plan,
        codes: Sequence[str],
        held: Held,
        wake: Wake,
    ) -> None:
        """``codes``: the administrations it writes of."""
        self._settings = settings
        self._pool = pool
        self._sides = sides
        self._plan = plan
        self._held = held
        self._wake = wake
        load = plan.mode == "load"
        self._terms = replace(sides.terms, first_load=load, only=frozenset(codes if load else ()))
        self._fresh: dict[str, float] = {}

    async def work(self) -> None:
        if self._plan.started_at is None and (moved := await self._moved()):
            await end(self._pool, self._plan, self._held, "refused", moved, self._wake)
            return
        while batch := await self._next():
            async with self._pool.acquire() as conn:
                state = (await plans.one(conn, self._plan.plan_id)).state
            if state != "applying":
                return  # somebody stopped it
            await self._batch(batch)
        await end(self._pool, self._plan, self._held, "applied", None, self._wake)

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
            to_do = [each for each in items if each.state == "planned" and each.rule != WITH_ADMINISTRATION]
            for kind in dict.fromkeys(each.kind for each in to_do):
                own = [
                    each for each in to_do if each.kind == kind and each.administration in self._sides.globes
                ]
                verdicts = await self._weigh(own)
                moved += [each.external_id for each in own if not _same(each, verdicts.get(_key(each)))]
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

    async def _weigh(self, items: Sequence[Item]) -> dict[tuple[str, str], Verdict]:
        if not items:
            return {}
        kind = items[0].of
        if clock.monotonic() - self._fresh.get(kind.name, -1e9) > self._settings.mirror_seconds:
            await refresh(self._pool, self._sides, kind)
            self._fresh[kind.name] = clock.monotonic()
        wanted: dict[str, list[Stamp]] = {}
        if kind.shared or (kind.name == "gl_account" and self._sides.same_cost_types):
            wanted = await self._shared(items)
        else:
            for each in items:
                wanted.setdefault(each.administration, []).append(Stamp(each.record_id, "", each.stamp))
        verdicts = await weigh(self._pool, self._sides, kind, wanted, self._terms)
        return {(each.administration, each.record_id): each for each in verdicts}

    async def _shared(self, items: Sequence[Item]) -> dict[str, list[Stamp]]:
        """A record known by code alone is weighed with what every administration says of it."""
        kind = items[0].kind
        stamps = {_key(each): each.stamp for each in items}
        written: list[object] = []
        for code in dict.fromkeys(each.administration for each in items):
            ids = [each.record_id for each in items if each.administration == code]
            written += await asyncio.to_thread(self._sides.globes[code].codes, kind, ids)
        wanted: dict[str, list[Stamp]] = {}
        for code, globe in self._sides.globes.items():
            found = await asyncio.to_thread(globe.of_codes, kind, written) if written else []
            there = {each.record_id for each in found}
            gone = [e.record_id for e in items if e.administration == code and e.record_id not in there]
            wanted[code] = [
                Stamp(each.record_id, each.code, stamps.get((code, each.record_id), "")) for each in found
            ] + [Stamp(record, "", "") for record in gone]
        return wanted

    async def _batch(self, batch: Sequence[Item]) -> None:
        results: list[Result] = []
        to_send: list[Item] = []
        inside = [
            each
            for each in batch
            if each.administration in self._sides.globes and each.rule != WITH_ADMINISTRATION
        ]
        if any(each.state == "started" for each in inside):
            self._fresh.clear()
        verdicts = await self._weigh(inside)
        for each in batch:
            verdict = verdicts.get(_key(each))
            if each.rule == WITH_ADMINISTRATION or _same(each, verdict):
                to_send.append(each)
            elif each not in inside:
                results.append(Result(each.sequence, "failed", "administration-out", LEFT_OUT))
            elif each.attempts and verdict is not None and verdict.action == "none":
                results.append(Result(each.sequence, "applied", "found"))
            else:
                results.append(Result(each.sequence, "moved", "moved", MOVED))
        if to_send:
            async with self._pool.acquire() as conn, conn.transaction():
                await self._held.fenced(conn)
                await plans.start(conn, self._plan.plan_id, [each.sequence for each in to_send])
            self._held.check()
            results += await self._send(to_send)
        await self._commit(batch, results)

    async def _send(self, items: Sequence[Item]) -> list[Result]:
        done = await asyncio.gather(*(self._one(each) for each in items), return_exceptions=True)
        results = [each for each in done if isinstance(each, Result)]
        failures = [each for each in done if isinstance(each, BaseException)]
        if failures:
            # What is not known stays started: the next run looks what became of it.
            by_sequence = {each.sequence: each for each in items}
            await self._commit([by_sequence[each.sequence] for each in results], results)
            raise failures[0]
        if all(each.code == "p2p-away" for each in results):
            await self._sides.p2p.sign_in()  # away altogether: stop here, nothing is failed for it
        return results

    async def _one(self, item: Item) -> Result:
        attributes: dict[str, str | int] = {
            "hub.stage": "sync",
            "hub.kind": item.kind,
            "hub.external_id": item.external_id,
            "hub.attempt": item.attempts + 1,
        }
        with tracing.span(f"sync {item.action}", SpanKind.CLIENT, attributes):
            for attempt in range(TRIES):
                if attempt:
                    await asyncio.sleep(self._settings.retry_seconds * 2**attempt)
                    self._held.check()
                try:
                    await self._sides.p2p.update(item.of.resource, item.after or {})
                except P2PRefused as refused:
                    return Result(
                        item.sequence, "failed", refused.code, Words(nl=refused.message, en=refused.message)
                    )
                except P2PUnknown:
                    if await self._stands(item):
                        return Result(item.sequence, "applied", "found")
                except P2PAway:
                    continue
                else:
                    return Result(item.sequence, "applied")
        return Result(item.sequence, "failed", "p2p-away", AWAY)

    async def _stands(self, item: Item) -> bool:
        """Whether what was sent is there: Purchase to Pay broke off before it said so."""
        await refresh(self._pool, self._sides, item.of)
        async with self._pool.acquire() as conn:
            there = await memory.mirrored(conn, self._plan.client_id, item.kind, [item.external_id])
        return payloads.digest(item.of, there.get(item.external_id)) == payloads.digest(item.of, item.after)

    async def _commit(self, items: Sequence[Item], results: Sequence[Result]) -> None:
        if not results:
            return
        outcome = {each.sequence: each for each in results}
        applied = [
            each for each in items if each.sequence in outcome and outcome[each.sequence].state == "applied"
        ]
        events = [
            _settled(self._plan, each, outcome[each.sequence].state, outcome[each.sequence].code)
            for each in items
            if each.sequence in outcome
        ]
        async with self._pool.acquire() as conn, conn.transaction():
            await self._held.fenced(conn)
            await plans.finish(conn, self._plan.plan_id, results)
            await remember(conn, self._plan, self._sides, applied)
            await outbox.append(conn, events)
        self._wake()


async def remember(conn: Connection, plan: Plan, sides: Sides, applied: Sequence[Item]) -> None:
    """What both sides agree on now."""
    for code in dict.fromkeys(each.administration for each in applied):
        own = [each for each in applied if each.administration == code]
        for name in dict.fromkeys(each.kind for each in own):
            those = [each for each in own if each.kind == name]
            gone = [each.record_id for each in those if not each.stamp and not each.ours]
            await memory.forget(conn, plan.client_id, code, name, gone)
            await memory.remember(
                conn,
                plan.client_id,
                plan.account_id,
                code,
                name,
                [
                    (
                        each.record_id,
                        each.external_id,
                        each.stamp,
                        each.ours,
                        each.after if name == "supplier" else None,
                    )
                    for each in those
                    if each.record_id not in gone
                ],
            )
    for name in dict.fromkeys(each.kind for each in applied):
        those = [each for each in applied if each.kind == name]
        there = await memory.mirrored(conn, plan.client_id, name, [each.external_id for each in those])
        cursor = await memory.cursor(conn, plan.client_id, name)
        await memory.reflect(
            conn,
            plan.client_id,
            plan.account_id,
            name,
            [(each.external_id, {**there.get(each.external_id, {}), **(each.after or {})}) for each in those],
            cursor[1] if cursor else 0,
        )
        if name == "gl_account":
            await clients.remember_cost_types(conn, plan.solution_id, sides.same_cost_types)


async def end(
    pool: Pool, plan: Plan, held: Held, state: plans.State, trouble: Words | None, wake: Wake
) -> None:
    """Close a run, and say so."""
    async with pool.acquire() as conn, conn.transaction():
        await held.fenced(conn)
        if not await plans.move(conn, plan.plan_id, state, ("applying",), trouble):
            return
        counts = await plans.outcomes(conn, plan.plan_id)
        data = RunEnded.model_validate(
            {"plan_id": plan.plan_id, "solution_id": plan.solution_id, "state": state, "counts": counts}
        )
        await outbox.append(
            conn,
            [new_event(data, source=SOURCE, account=plan.account_id, correlation_id=str(plan.plan_id))],
        )
    wake()
    _log.info("sync run ended", plan_id=str(plan.plan_id), state=state, **counts)


def _key(item: Item) -> tuple[str, str]:
    return item.administration, item.record_id


def _same(item: Item, verdict: Verdict | None) -> bool:
    """Whether a record is still to be written as the plan said."""
    return (
        verdict is not None
        and verdict.action == item.action
        and verdict.external_id == item.external_id
        and payloads.digest(item.of, verdict.after) == payloads.digest(item.of, item.after)
        and payloads.digest(item.of, verdict.before) == payloads.digest(item.of, item.before)
    )


def _settled(plan: Plan, item: Item, outcome: str, code: str) -> Event:
    data = RecordSettled.model_validate(
        {
            "plan_id": plan.plan_id,
            "administration": item.administration,
            "kind": item.kind,
            "external_id": item.external_id,
            "action": item.action,
            "outcome": outcome,
            "rule": item.rule,
            "code": code,
            "payload_hash": payloads.digest(item.of, item.after),
        }
    )
    return new_event(data, source=SOURCE, account=plan.account_id, correlation_id=str(plan.plan_id))
