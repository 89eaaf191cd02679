"""SQL and rules of first loads: a tick, a filter that must be saved, a start, a state (R226–R231, C19)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement

from libs import clock
from libs.db.types import Connection, Record
from libs.errors import BadInput, Conflict
from services.sync import basis, clients, planner, plans
from services.sync.globe.filters import compiled
from services.sync.globe.reader import Stamp
from services.sync.globe.tables import SOURCES
from services.sync.mappings import BY_NAME
from services.sync.mappings.field import Name
from services.sync.plans import Plan
from services.sync.workshop import Workshop, open_globe

_ADD = """
INSERT INTO load (load_id, solution_id, account_id, administration, kind)
SELECT $1, $2, account_id, $3, $4 FROM solution WHERE solution_id = $2
ON CONFLICT (solution_id, administration, kind) DO NOTHING
"""
_HOLD = """
SELECT l.load_id, l.ticked, l.filter, l.plan_id, p.state, p.alive_until > now() AS alive
  FROM load l LEFT JOIN plan p USING (plan_id)
 WHERE l.solution_id = $1 AND l.administration = $2 AND l.kind = $3 FOR UPDATE OF l
"""
_SAVE = "UPDATE load SET ticked = $2, filter = $3, plan_id = NULL, saved_at = now() WHERE load_id = $1"


async def save(
    conn: Connection, solution_id: UUID, administration: str, kind: Name, ticked: bool, text: str
) -> None:
    """Save tick and filter; only then can a load start (R228). Raises ``BadFilter``, and ``Conflict`` while one runs."""
    _condition(kind, text)
    if not await clients.has_member(conn, solution_id, administration):
        raise no_member(administration)
    async with conn.transaction():
        await conn.execute(_ADD, clock.uuid7(), solution_id, administration, kind)
        (row,) = await conn.fetch(_HOLD, solution_id, administration, kind)
        if _how_far(row) == "running":
            raise _running()
        await conn.execute(_SAVE, row["load_id"], ticked, text)
        if (row["ticked"], row["filter"]) != (ticked, text):  # what was not looked at for a while
            await clients.look_again(conn, solution_id, [administration, basis.TOGETHER])


def _running() -> Conflict:
    """Also while nobody can tell yet whether its process is still there: stopping it takes it out of its hands."""
    return Conflict(
        "This load is running. Stop it first (load-stop), also when its process is gone: then it can be started anew at "
        "once, and nothing is sent twice.",
        nl="Deze lading loopt. Stop haar eerst (load-stop), ook als haar proces er niet meer is: daarna is ze meteen "
        "opnieuw te starten, en er wordt niets dubbel verstuurd.",
        code="load-running",
    )


def _condition(kind: Name, text: str) -> ColumnElement[bool] | None:
    """A filter; None: there is none. Raises ``BadFilter``, and ``BadInput`` for a kind nobody knows."""
    if kind not in BY_NAME:
        known = ", ".join(BY_NAME)
        raise BadInput(
            f"There is no kind {kind}; these are: {known}.",
            nl=f"Er is geen soort {kind}; wel: {known}.",
            code="unknown-kind",
        )
    return compiled(text, kind) if text else None


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
    failed: int
    """Of those done: told why in the plan."""
    total: int


_LIST = """
SELECT l.administration, l.kind, l.ticked, l.filter, l.plan_id, p.state, p.alive_until > now() AS alive,
       (SELECT count(*) FROM item i WHERE i.plan_id = l.plan_id AND i.settled_at IS NOT NULL) AS done,
       (SELECT count(*) FROM item i WHERE i.plan_id = l.plan_id AND i.state IN ('failed', 'moved')) AS failed,
       (SELECT count(*) FROM item i WHERE i.plan_id = l.plan_id AND i.state <> 'noted') AS total
  FROM load l LEFT JOIN plan p USING (plan_id) WHERE l.solution_id = $1 ORDER BY l.administration, l.kind
"""


async def saved(conn: Connection, solution_id: UUID) -> list[Saved]:
    return [
        Saved(
            administration=row["administration"],
            kind=row["kind"],
            ticked=row["ticked"],
            filter=row["filter"],
            state=_how_far(row),
            plan_id=row["plan_id"],
            done=row["done"],
            failed=row["failed"],
            total=row["total"],
        )
        for row in await conn.fetch(_LIST, solution_id)
    ]


def _how_far(row: Record) -> Literal["saved", "running", "stopped", "done"]:
    """How far a load is, by the plan it made last: one that died while it was made can be started anew."""
    if row["plan_id"] is None:
        return "saved"
    if row["state"] in ("approved", "applying") or (row["state"] == "making" and row["alive"]):
        return "running"
    return "done" if row["state"] == "applied" else "stopped"


_BEGIN = "UPDATE load SET plan_id = $2 WHERE load_id = $1"


async def begin(
    shop: Workshop, solution_id: UUID, administration: str, kind: Name, text: str, *, resume: bool = False
) -> Plan:
    """Start a load: plan it, and approve the plan. By itself it starts from the beginning, which is harmless; with
    ``resume`` the one that was stopped goes on (C19), from the beginning when its plan was not complete.

    ``text``: the filter as it stands on the screen; one that is not the saved one cannot be started (R228).
    Raises ``Conflict`` when it is not saved, not ticked, or running already (R231).
    """
    async with shop.pool.acquire() as conn:
        solution = await clients.solution(conn, shop.seal, solution_id)
        async with conn.transaction():  # who starts it too waits here, and then sees that it runs
            row = await conn.fetchrow(_HOLD, solution_id, administration, kind)
            if row is None or not row["ticked"] or row["filter"] != text:
                raise Conflict(
                    "Save first, with the tick on and the filter as it is.",
                    nl="Bewaar eerst, met het vinkje aan en het filter zoals het er staat.",
                    code="not-saved",
                )
            if _how_far(row) == "running":
                raise _running()
            if resume and row["plan_id"] is not None:
                before = await plans.one(conn, row["plan_id"])
                if before.state == "stopped" and before.hash:
                    await plans.approve(conn, before.plan_id, before.hash)
                    return await plans.one(conn, before.plan_id)
            plan_id = await planner.begin(shop, conn, solution, "load")
            await conn.execute(_BEGIN, row["load_id"], plan_id)
    return await planner.make(shop, plan_id, solution, "load", load=planner.Load(administration, kind))


async def stop(conn: Connection, solution_id: UUID, administration: str, kind: Name) -> bool:
    """Closing the settings stops a load (R231); one that does not run is left as it is."""
    async with conn.transaction():
        row = await conn.fetchrow(_HOLD, solution_id, administration, kind)
        return row is not None and row["plan_id"] is not None and await plans.stop(conn, row["plan_id"])


async def preview(
    shop: Workshop, solution_id: UUID, administration: str, kind: Name, text: str, limit: int = 50
) -> tuple[int, Sequence[dict[str, Any]]]:
    """How many rows a filter takes, and the first of them as Globe+ has them. Nothing is saved."""
    condition = _condition(kind, text)
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
