"""SQL and rules of first loads: a tick, a filter that must be saved, a start, a state (R226–R231, C19)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs import clock
from libs.db.types import Connection
from libs.errors import BadInput, Conflict
from services.sync import clients, plans
from services.sync.globe.filters import compiled
from services.sync.globe.reader import Stamp
from services.sync.globe.tables import SOURCES
from services.sync.mappings import BY_NAME
from services.sync.mappings.field import Name
from services.sync.planner import Load
from services.sync.plans import Plan
from services.sync.workshop import Workshop, open_globe

_SAVE = """
INSERT INTO load (load_id, solution_id, account_id, administration, kind, ticked, filter)
SELECT $1, $2, account_id, $3, $4, $5, $6 FROM solution WHERE solution_id = $2
ON CONFLICT (solution_id, administration, kind) DO UPDATE SET ticked = excluded.ticked, filter = excluded.filter,
    state = 'saved', saved_at = now() WHERE load.state <> 'running'
RETURNING load_id
"""


async def save(
    conn: Connection, solution_id: UUID, administration: str, kind: Name, ticked: bool, text: str
) -> None:
    """Save tick and filter; only then can a load start (R228). Raises ``BadFilter``, and ``Conflict`` while one runs."""
    if kind not in BY_NAME:
        raise BadInput(f"There is no kind {kind}.", nl=f"Er is geen soort {kind}.", code="unknown-kind")
    if text:
        compiled(text, kind)
    if not await clients.has_member(conn, solution_id, administration):
        raise no_member(administration)
    saved = await conn.fetchval(_SAVE, clock.uuid7(), solution_id, administration, kind, ticked, text)
    if saved is None:
        raise Conflict(
            "A load of this kind is running: stop it first.",
            nl="Er loopt een lading van dit soort: stop die eerst.",
            code="load-running",
        )


def no_member(administration: str) -> BadInput:
    return BadInput(
        f"Administration {administration} is not in this configuration.",
        nl=f"Administratie {administration} zit niet in deze configuratie.",
        code="unknown-administration",
    )


@dataclass(frozen=True, slots=True)
class Saved:
    """One line of the settings: what a load would take, and how far it is."""

    administration: str
    kind: Name
    ticked: bool
    filter: str
    state: str
    plan_id: UUID | None
    done: int
    total: int


_LIST = """
SELECT l.administration, l.kind, l.ticked, l.filter, l.state, l.plan_id,
       (SELECT count(*) FROM item i WHERE i.plan_id = l.plan_id AND i.settled_at IS NOT NULL) AS done,
       (SELECT count(*) FROM item i WHERE i.plan_id = l.plan_id AND i.state <> 'noted') AS total
  FROM load l WHERE l.solution_id = $1 ORDER BY l.administration, l.kind
"""


async def saved(conn: Connection, solution_id: UUID) -> list[Saved]:
    return [Saved(**dict(row.items())) for row in await conn.fetch(_LIST, solution_id)]


_CLAIM = """
UPDATE load SET state = 'running' WHERE solution_id = $1 AND administration = $2 AND kind = $3 AND ticked
   AND state <> 'running' AND filter = $4 RETURNING plan_id
"""
_MARK = """
UPDATE load SET state = $4, plan_id = coalesce($5, plan_id)
 WHERE solution_id = $1 AND administration = $2 AND kind = $3
"""


async def begin(
    shop: Workshop, solution_id: UUID, administration: str, kind: Name, text: str, *, resume: bool = False
) -> Plan:
    """Start a load: plan it, and approve the plan. By itself it starts from the beginning, which is harmless; with
    ``resume`` the one that was stopped goes on (C19).

    ``text``: the filter as it stands on the screen; one that is not the saved one cannot be started (R228).
    Raises ``Conflict`` when it is not saved, not ticked, or running already (R231).
    """
    async with shop.pool.acquire() as conn, conn.transaction():
        row = await conn.fetchrow(_CLAIM, solution_id, administration, kind, text)
        if row is None:
            raise Conflict(
                "Save first, with the tick on; while a load runs it cannot be started again.",
                nl="Bewaar eerst, met het vinkje aan; zolang een lading loopt, is ze niet opnieuw te starten.",
                code="not-saved",
            )
        before: UUID | None = row["plan_id"]
    try:
        if resume and before is not None:
            async with shop.pool.acquire() as conn:
                made = await plans.one(conn, before)
        else:
            made = await shop.planner.plan(solution_id, "load", load=Load(administration, kind))
        async with shop.pool.acquire() as conn:
            await conn.execute(_MARK, solution_id, administration, kind, "running", made.plan_id)
            if made.writes:
                await plans.approve(conn, made.plan_id, made.hash)
            else:
                await conn.execute(_MARK, solution_id, administration, kind, "done", None)
            return await plans.one(conn, made.plan_id)
    except BaseException:
        async with shop.pool.acquire() as conn:
            await conn.execute(_MARK, solution_id, administration, kind, "stopped", None)
        raise


async def stop(conn: Connection, solution_id: UUID, administration: str, kind: Name) -> bool:
    """Closing the settings stops a load (R231)."""
    row = await conn.fetchrow(
        "UPDATE load SET state = 'stopped' WHERE solution_id = $1 AND administration = $2 AND kind = $3"
        " AND state = 'running' RETURNING plan_id",
        solution_id,
        administration,
        kind,
    )
    if row is not None and row["plan_id"] is not None:
        await plans.move(conn, row["plan_id"], "stopped", ("approved", "applying"))
    return row is not None


async def preview(
    shop: Workshop, solution_id: UUID, administration: str, kind: Name, text: str, limit: int = 50
) -> tuple[int, Sequence[dict[str, Any]]]:
    """How many rows a filter takes, and the first of them as Globe+ has them. Nothing is saved."""
    condition = compiled(text, kind) if text else None
    async with shop.pool.acquire() as conn:
        found = await clients.solution(conn, shop.seal, solution_id)
    member = next((each for each in found.members if each.code == administration), None)
    if member is None:
        raise no_member(administration)
    globe = open_globe(member)
    try:
        stamps: list[Stamp] = await asyncio.to_thread(globe.stamps, kind, condition)
        rows = await asyncio.to_thread(
            globe.rows, kind, [each.record_id for each in stamps[:limit]], clock.now().date()
        )
    finally:
        globe.close()
    names = [each.key for each in SOURCES[kind].table.c if each.key != "stamp"]
    return len(stamps), [{name: row.get(name) for name in names} for row in rows.values()]
