"""The package first, and by e-mail what it does not take in the time its receiver chose: never both.

::

    queued, by its package ── too long, or refused ──▶ queued, by e-mail
           │                                             (the same row: one channel, one fence, one state)
           └── an attempt of unknown end stands ──▶ stays: only its own channel finds out whether it arrived

Both ways are one delivery. Whoever moves it has its row, in a state in which no attempt is under way, and only when every
attempt so far is known to have failed; a process that still held one would have left it *attempting* or *unresolved*.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from libs.contracts.parts import Words
from libs.db.types import Connection, Pool
from libs.messaging import outbox
from libs.service import Wake
from services.deliver import facts, plan
from services.deliver.parcel import Parcel
from services.deliver.store import parcel_of

MOST = 200
"""Deliveries of one transaction."""

WHY = Words(
    nl="Het pakket van de ontvanger nam de factuur niet aan in de tijd die daarvoor is afgesproken. Zij gaat nu per "
    "e-mail.",
    en="The receiver's package did not take the invoice in the time agreed for that. It goes by e-mail now.",
)

_NOW = """
UPDATE delivery SET fallback_at = now()
 WHERE delivery_id = ANY ($1::uuid[]) AND state = 'queued' AND channel <> 'smtp' AND NOT unresolved
"""


async def hasten(conn: Connection, ids: Collection[UUID]) -> None:
    """The package takes these at no time: nothing is waited for."""
    if ids:
        await conn.execute(_NOW, list(ids))


_OVERDUE = """
SELECT d.*, p.body FROM delivery d JOIN parcel p USING (delivery_id)
 WHERE d.state = 'queued' AND d.fallback_at <= now() AND NOT d.unresolved AND NOT d.stopped AND d.channel <> 'smtp'
 ORDER BY d.fallback_at LIMIT $1 FOR NO KEY UPDATE OF d SKIP LOCKED
"""
_SWITCH = """
WITH switched AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[]) AS t (delivery_id, lane, body)
), moved AS (
    UPDATE delivery d
       SET channel = 'smtp', lane = t.lane, due_at = now(), released_at = now(), failures = 0, fallback_at = NULL,
           sequence = d.sequence + 1
      FROM switched t
     WHERE d.delivery_id = t.delivery_id AND d.state = 'queued' AND NOT d.unresolved AND d.channel <> 'smtp'
    RETURNING d.delivery_id, d.sequence
), packed AS (
    UPDATE parcel p SET body = t.body FROM switched t JOIN moved USING (delivery_id)
     WHERE p.delivery_id = t.delivery_id
)
SELECT delivery_id, sequence FROM moved
"""
_STAY = "UPDATE delivery SET fallback_at = NULL WHERE delivery_id = ANY ($1::uuid[])"


class Fallbacks:
    """The schedule. ``pool`` has the worker role."""

    def __init__(self, pool: Pool, wake: Wake) -> None:
        self._pool = pool
        self._wake = wake

    async def look(self) -> None:
        """Until nothing has been with its package for too long."""
        while await self._some() == MOST:
            pass

    async def _some(self) -> int:
        async with self._pool.acquire() as conn, conn.transaction():
            rows = await conn.fetch(_OVERDUE, MOST)
            if not rows:
                return 0
            going = [(row, way) for row in rows if (way := _by_mail(row)) is not None]
            moved = await conn.fetch(
                _SWITCH,
                [row["delivery_id"] for row, _ in going],
                [lane for _, (lane, _) in going],
                [parcel.model_dump(mode="json") for _, (_, parcel) in going],
            )
            numbers = {row["delivery_id"]: row["sequence"] for row in moved}
            # What cannot be read, so that it is not looked at for ever.
            await conn.execute(
                _STAY, [row["delivery_id"] for row in rows if row["delivery_id"] not in numbers]
            )
            told = [
                facts.switched(row, numbers[row["delivery_id"]], WHY)
                for row, _ in going
                if row["delivery_id"] in numbers
            ]
            await outbox.append(conn, told)
        self._wake()
        return len(rows)


def _by_mail(row: Any) -> tuple[str, Parcel] | None:
    """Its lane and its parcel by e-mail; None when that cannot be read."""
    parcel, broken = parcel_of(row)
    way = plan.by_mail(parcel.settings)
    if broken or way is None:
        return None
    return way.lane, parcel.model_copy(update={"settings": dict(way.settings)})
