"""What became of records, committed: the outcome, what both sides agree on now, and the events that tell it, in one
transaction and under the fence."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from libs.contracts.envelope import Event, new_event
from libs.contracts.masterdata import RecordSettled, RunEnded
from libs.contracts.parts import Words
from libs.db.types import Connection
from libs.messaging import outbox
from services.sync import clients, memory, payloads, plans
from services.sync.leases import Held
from services.sync.plans import Item, Plan, Result
from services.sync.sides import Sides
from services.sync.workshop import Workshop

SOURCE = "/postbode/sync"

MOVED = Words(
    nl="Dit gegeven is sinds het plan gewijzigd: maak een nieuw plan.",
    en="This record changed since the plan was made: make a new plan.",
)

_log = structlog.get_logger(__name__)


async def settle(
    shop: Workshop, plan: Plan, held: Held, sides: Sides, items: Sequence[Item], results: Sequence[Result]
) -> None:
    """Commit these results of these items. Raises ``Lost``."""
    if not results:
        return
    outcome = {each.sequence: each for each in results}
    settled = [
        each for each in items if each.sequence in outcome and outcome[each.sequence].state != "planned"
    ]
    applied = [each for each in settled if outcome[each.sequence].state == "applied"]
    events = [told(plan, each, outcome[each.sequence].state, outcome[each.sequence].code) for each in settled]
    async with shop.pool.acquire() as conn, conn.transaction():
        await held.fenced(conn)
        await plans.finish(conn, plan.plan_id, results)
        await _remember(conn, plan, sides, applied)
        await outbox.append(conn, events)
    shop.wake()


async def _remember(conn: Connection, plan: Plan, sides: Sides, applied: Sequence[Item]) -> None:
    """What both sides agree on now."""
    for name in dict.fromkeys(each.kind for each in applied if each.of.shared):
        # What other administrations have of a record waited for it to be there (R261): it is weighed again.
        made = [each.external_id for each in applied if each.kind == name and each.action == "create"]
        await memory.touch(conn, plan.client_id, name, made)
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
        _, seen = await memory.cursor(conn, plan.client_id, name)
        await memory.reflect(
            conn,
            plan.client_id,
            plan.account_id,
            name,
            [(each.external_id, {**there.get(each.external_id, {}), **(each.after or {})}) for each in those],
            seen,
        )
        if name == "gl_account":
            await clients.remember_cost_types(conn, plan.solution_id, sides.same_cost_types)


async def end(
    shop: Workshop, plan: Plan, held: Held, state: plans.State, trouble: Words | None = None
) -> None:
    """Close a run, and say so. Raises ``Lost``."""
    async with shop.pool.acquire() as conn, conn.transaction():
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
    shop.wake()
    _log.info("sync run ended", plan_id=str(plan.plan_id), state=state, **counts)


def told(plan: Plan, item: Item, outcome: str, code: str) -> Event:
    """The event that tells what became of a record."""
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
