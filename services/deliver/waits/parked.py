"""Deliveries that wait because what their receiver takes cannot be made of them, and how they go on.

::

    attempting ── not lawful in the receiver's format ──▶ parked ─┬─ the receiver chose another package ─▶ queued
                                                            ▲     ├─ released by hand ─────────────────▶ queued
                                                            │     └─ taken back, or waited too long ───▶ undeliverable
                                                            └────────── not lawful in that either ◀───── queued

Whoever goes on is planned anew, by what the receiver has now (R52), and stays the same delivery: under the same
Message-ID or file name. The schedule finds those whose receiver has another connection than they were planned by, so
nothing has to be remembered when a connection changes, and a restart forgets nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID

from libs.contracts.envelope import Event
from libs.contracts.parts import Words
from libs.db.types import Connection, Pool
from libs.messaging import outbox
from libs.service import Wake
from services.deliver import facts, plan
from services.deliver.parcel import Move, Refused, Waiting
from services.deliver.receivers import connections
from services.deliver.store import ARM_FALLBACK, parcel_of, reason_of
from services.deliver.waits import belgium, permits, recalls

MOST = 200
"""Deliveries of one transaction."""

CHANGED = Words(
    nl="De ontvanger heeft een ander pakket of formaat gekozen: de factuur wordt daarin opnieuw gemaakt en bezorgd.",
    en="The receiver chose another package or format: the invoice is made in that and delivered.",
)
BY_HAND = Words(
    nl="De factuur is vrijgegeven en wordt opnieuw gemaakt en bezorgd.",
    en="The invoice was released; it is made again and delivered.",
)
PERMITTED = Words(
    nl="De afzender zegt dat de factuur aan deze Belgische ontvanger per e-mail mag: zij wordt bezorgd.",
    en="The sender says that the invoice may go to this Belgian receiver by e-mail: it is delivered.",
)
TAKEN_BACK = Refused(
    "taken-back",
    Words(
        nl="De factuur is teruggenomen. Verbeter haar en stuur haar opnieuw.",
        en="The invoice was taken back. Mend it and send it again.",
    ),
)
WAITED_TOO_LONG = Refused(
    "waited-too-long",
    Words(
        nl="De factuur kon niet worden gemaakt zoals het pakket van de ontvanger haar leest, en dat bleef zo. "
        "Verbeter haar in uw pakket en stuur haar opnieuw, of spreek met de ontvanger een ander formaat af.",
        en="The invoice could not be made the way the receiver's package reads it, and that stayed so. "
        "Mend it in your software and send it again, or agree on another format with the receiver.",
    ),
)
NEVER_TAKEN = Refused(
    "receiver-did-not-act",
    Words(
        nl="De ontvanger heeft aan zijn kant niet gedaan wat nodig was om de factuur aan te nemen. Stuur haar op een "
        "andere manier, of spreek het met de ontvanger af en stuur haar opnieuw.",
        en="The receiver did not do what was needed on its side to take the invoice. Send it some other way, or agree with "
        "the receiver and send it again.",
    ),
)
NO_PARCEL = Refused(
    "no-parcel",
    Words(
        nl="Wat bezorgd moest worden kan de hub niet meer lezen. Stuur de factuur opnieuw.",
        en="The hub cannot read any more what was to be delivered. Send the invoice again.",
    ),
)


_COLUMNS = """
SELECT d.delivery_id, d.invoice_id, d.account_id, d.receiver_id, d.receiver_name, d.channel, d.lane, d.attempts,
       d.unresolved, d.correlation, d.traceparent, p.body
  FROM delivery d LEFT JOIN parcel p USING (delivery_id)
"""
_LOCK = """
 ORDER BY d.delivery_id LIMIT $1 FOR NO KEY UPDATE OF d SKIP LOCKED
"""
_THESE = f"""{_COLUMNS}
 WHERE d.state = 'parked' AND d.delivery_id = ANY ($1::uuid[]) ORDER BY d.delivery_id FOR NO KEY UPDATE OF d
"""
_CHANGED = f"""{_COLUMNS}
  JOIN connection c ON c.party_id = d.receiver_id AND c.ended_at IS NULL
 WHERE d.state = 'parked' AND NOT d.stopped AND p.body IS NOT NULL
   AND c.connection_id IS DISTINCT FROM (p.body ->> 'connection_id')::uuid {_LOCK}
"""
_PERMITTED = f"""{_COLUMNS}
  JOIN permit x ON x.account_id = d.account_id AND x.receiver_id = d.receiver_id AND x.withdrawn_at IS NULL
 WHERE d.state = 'parked' AND NOT d.stopped AND d.reason ->> 'code' = '{belgium.CODE}' {_LOCK}
"""
_OVERDUE = f"{_COLUMNS} WHERE d.state = 'parked' AND d.due_at <= now() {_LOCK}"
_OVERDUE_THERE = f"""{_COLUMNS}
 WHERE d.state = 'parked' AND d.due_at <= now() AND d.reason -> 'receiver' IS NOT NULL {_LOCK}
"""


_STOPPED = f"""{_COLUMNS}
 WHERE d.state = 'parked' AND d.reason ->> 'code' = 'stopped' AND d.account_id = $2
   AND d.receiver_id = ANY ($3::uuid[]) {_LOCK}
"""


async def lock(conn: Connection, ids: Collection[UUID]) -> list[Waiting]:
    """Those of these that are parked; nobody else moves them until this transaction ends."""
    return [waiting_of(row) for row in await conn.fetch(_THESE, list(ids))]


def waiting_of(row: Any) -> Waiting:
    """From a row of a delivery with its parcel."""
    fields = {name: row[name] for name in Waiting.__slots__ if name not in ("parcel", "broken")}
    parcel, broken = parcel_of(row)
    return Waiting(**fields, parcel=parcel, broken=broken)


_PLAN = """
WITH planned AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::jsonb[])
        AS t (delivery_id, channel, lane, reason, body)
), moved AS (
    UPDATE delivery d
       SET state = CASE WHEN t.reason IS NULL THEN 'queued' ELSE 'undeliverable' END, channel = t.channel,
           lane = t.lane, due_at = now(), released_at = now(), failures = 0, reason = t.reason, findings = NULL,
           stopped = false, sequence = d.sequence + 1
      FROM planned t WHERE d.delivery_id = t.delivery_id AND d.state IN ('parked', 'undeliverable')
    RETURNING d.delivery_id, d.sequence
), packed AS (
    UPDATE parcel p SET body = t.body FROM planned t JOIN moved USING (delivery_id)
     WHERE p.delivery_id = t.delivery_id AND t.reason IS NULL
)
SELECT delivery_id, sequence FROM moved
"""


Moving: TypeAlias = Callable[[Connection, Sequence[Waiting]], Awaitable[list[Event]]]


async def by_hand(conn: Connection, waiting: Sequence[Waiting]) -> list[Event]:
    """A person releases these; returns the events to emit. Their rows are locked."""
    return await release(conn, waiting, BY_HAND)


async def permitted(conn: Connection, waiting: Sequence[Waiting], by_user: UUID | None) -> list[Event]:
    """Their sender releases these and says that they may go by e-mail, these and the next (``belgium``); returns the events
    to emit. Their rows are locked."""
    for each in waiting:
        if belgium.domestic(each.parcel):
            await permits.say(conn, each.account_id, each.parcel.receiver.party_id, by_user)
    return await release(conn, waiting, PERMITTED)


async def taken_back(conn: Connection, waiting: Sequence[Waiting]) -> list[Event]:
    """A person takes these back; returns the events to emit. Their rows are locked."""
    return await give_back(conn, waiting, TAKEN_BACK)


async def release(conn: Connection, waiting: Sequence[Waiting], why: Words) -> list[Event]:
    """Plan these anew, by what their receivers have now; returns the events to emit. Their rows are locked."""
    known = await connections.current(conn, sorted({each.parcel.receiver.party_id for each in waiting}))
    return await _move(conn, [_anew(each, known.get(each.parcel.receiver.party_id), why) for each in waiting])


async def give_back(conn: Connection, waiting: Sequence[Waiting], why: Refused) -> list[Event]:
    """These are not delivered any more; returns the events to emit. Their rows are locked."""
    return await _move(
        conn, [Move(each, each.channel, each.lane, each.parcel, why, returned=True) for each in waiting]
    )


def _anew(waiting: Waiting, connection: plan.Connection | None, why: Words) -> Move:
    if waiting.broken:
        return Move(waiting, waiting.channel, waiting.lane, waiting.parcel, NO_PARCEL)
    way = plan.way_to(waiting.account_id, waiting.parcel.receiver, connection)
    if isinstance(way, Refused):
        return Move(waiting, waiting.channel, waiting.lane, waiting.parcel, way)
    if waiting.unresolved:
        # An earlier attempt may have arrived. Only its own channel can find out, or say that it repeats.
        way = plan.same_way(waiting.channel, waiting.lane, waiting.parcel.settings, way)
    planned = {
        "settings": dict(way.settings),
        "connection_id": connection.connection_id if connection else None,
        "package": connection.package if connection else None,
    }
    return Move(waiting, way.channel, way.lane, waiting.parcel.model_copy(update=planned), why)


def _truly(move: Move) -> Move:
    if isinstance(move.how, Refused) and move.waiting.unresolved:
        return replace(move, how=plan.may_have_arrived(move.how))
    return move


async def _move(conn: Connection, moves: Sequence[Move]) -> list[Event]:
    if not moves:
        return []
    moves = [_truly(move) for move in moves]
    rows = await conn.fetch(
        _PLAN,
        [move.waiting.delivery_id for move in moves],
        [move.channel for move in moves],
        [move.lane for move in moves],
        [reason_of(move.how) if isinstance(move.how, Refused) else None for move in moves],
        [move.parcel.model_dump(mode="json") for move in moves],
    )
    numbers = {row["delivery_id"]: row["sequence"] for row in rows}
    mailed_later = [move.waiting.delivery_id for move in moves if move.parcel.fallback]
    if mailed_later:
        await conn.execute(ARM_FALLBACK, mailed_later)
    return [
        facts.moved_on(move, numbers[move.waiting.delivery_id])
        for move in moves
        if move.waiting.delivery_id in numbers
    ]


async def move_stopped(pool: Pool, account: UUID, receivers: Collection[UUID], move: Moving) -> int:
    """Move all that waits between this sender and these receivers since a recall, some at a time; returns how many.
    ``pool`` has the worker role."""
    count = 0
    while True:
        async with pool.acquire() as conn, conn.transaction():
            some = [waiting_of(row) for row in await conn.fetch(_STOPPED, MOST, account, list(receivers))]
            await outbox.append(conn, await move(conn, some))
        count += len(some)
        if len(some) < MOST:
            return count


class Parking:
    """The schedule: releases what may go on, gives back what waited too long."""

    def __init__(
        self, pool: Pool, wake: Wake, patience: timedelta = timedelta(days=30), lease_seconds: float = 20.0
    ) -> None:
        """``pool`` has the worker role: a receiver's package changes deliveries of many accounts."""
        self._pool = pool
        self._wake = wake
        self._patience = patience
        self._lease_seconds = lease_seconds

    async def look(self) -> None:
        """Until nothing may go on and nothing waits too long."""
        async with self._pool.acquire() as conn, conn.transaction():
            stopped = await recalls.settle(conn, self._patience, self._lease_seconds)
            await outbox.append(conn, stopped)
        if stopped:
            self._wake()
        await self._all(_CHANGED, lambda conn, some: release(conn, some, CHANGED))
        await self._all(_PERMITTED, lambda conn, some: release(conn, some, PERMITTED))
        await self._all(_OVERDUE_THERE, lambda conn, some: give_back(conn, some, NEVER_TAKEN))
        await self._all(_OVERDUE, lambda conn, some: give_back(conn, some, WAITED_TOO_LONG))

    async def _all(self, query: str, move: Moving) -> None:
        more = True
        while more:
            async with self._pool.acquire() as conn, conn.transaction():
                some = [waiting_of(row) for row in await conn.fetch(query, MOST)]
                await outbox.append(conn, await move(conn, some))
            more = len(some) == MOST
            if some:
                self._wake()
