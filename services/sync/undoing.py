"""Takes one applied change back, while nothing newer lies on it: what was there is written again, or what was made is
switched off.

It is noted first that Globe+'s value is not to be sent again (``held``), then it is written, then the outcome is
committed. Cut short anywhere, it is simply asked for again: what stands back already is not written twice.
"""

from __future__ import annotations

from uuid import UUID

from libs.db.types import Connection
from libs.errors import Conflict
from libs.messaging import outbox
from services.sync import clients, leases, memory, payloads, plans
from services.sync.failures import named
from services.sync.leases import Held
from services.sync.mappings.field import Payload
from services.sync.p2p.client import P2PAway, P2PRefused
from services.sync.plans import Item, Plan
from services.sync.settling import MOVED, told
from services.sync.sides import Sides
from services.sync.workshop import Workshop
from services.sync.writing import mirrored, stands, write


async def undo(shop: Workshop, plan_id: UUID, sequence: int) -> None:
    """Raises ``Conflict`` when it was not applied, cannot be taken back or is not as it was left; ``Busy``; and what
    Purchase to Pay says. When that is away it may be half done: ask again."""
    async with shop.pool.acquire() as conn:
        plan = await plans.one(conn, plan_id)
        solution = await clients.solution(conn, shop.seal, plan.solution_id)
        item = await _applied(conn, plan_id, sequence)
    codes = leases.writers(solution, {(item.administration, item.kind)})
    with named("undo", str(plan_id)):
        async with leases.held(
            shop.pool, plan.client_id, plan.account_id, codes, shop.settings.lease_seconds
        ) as held:
            # Only now nobody else writes of it, and what lies on it stays as it is.
            async with shop.pool.acquire() as conn:
                item = await _applied(conn, plan_id, sequence)
                newer = await plans.newer(conn, plan, item)
            wanted = _wanted(item)
            if newer or wanted is None:
                raise Conflict(
                    "Something newer lies on this change, or it cannot be taken back: change the record itself.",
                    nl="Op deze wijziging ligt een nieuwere, of ze is niet terug te draaien: wijzig het gegeven zelf.",
                    code="not-undoable",
                )
            async with shop.opened(plan.solution_id) as sides:
                sides.refuse_when_stopped()
                await _undo(shop, sides, held, plan, item, wanted)
    shop.wake()


async def _applied(conn: Connection, plan_id: UUID, sequence: int) -> Item:
    item = await plans.item(conn, plan_id, sequence)
    if item is None or item.state != "applied":
        raise Conflict(
            "Only an applied change can be undone.",
            nl="Alleen een uitgevoerde wijziging is terug te draaien.",
        )
    return item


async def _undo(shop: Workshop, sides: Sides, held: Held, plan: Plan, item: Item, wanted: Payload) -> None:
    kind = item.of
    if not await stands(sides, kind, item.external_id, wanted):
        now = await mirrored(sides, kind, item.external_id)
        if not payloads.alike(kind, now, item.after):
            raise Conflict(MOVED.en, nl=MOVED.nl, code="moved")
        await _hold(sides, held, item, item.ours)
        back = payloads.kept(kind, now or {}) | payloads.own(kind, wanted)
        try:
            written = await write(
                sides, kind, item.external_id, back, shop.settings.retry_seconds, held.check
            )
        except P2PRefused:
            await _hold(sides, held, item, "")
            raise
        if written == "p2p-away":
            raise P2PAway
    async with shop.pool.acquire() as conn, conn.transaction():
        await held.fenced(conn)
        await plans.undone(conn, plan.plan_id, item.sequence)
        await _held(conn, sides, item, item.ours)
        await outbox.append(conn, [told(plan, item, "undone", "")])


async def _hold(sides: Sides, held: Held, item: Item, digest: str) -> None:
    async with sides.pool.acquire() as conn, conn.transaction():
        await held.fenced(conn)
        await _held(conn, sides, item, digest)


async def _held(conn: Connection, sides: Sides, item: Item, digest: str) -> None:
    await memory.hold(conn, sides.client_id, item.administration, item.kind, item.record_id, digest)


def _wanted(item: Item) -> Payload | None:
    """What was there, or what was made, switched off; None for what cannot be switched off."""
    if item.before is not None:
        return dict(item.before)
    return {**item.after, "active": False} if item.after and item.of.has_active else None
