"""The budget of ``budget.py``, kept in Postgres: all workers count together. SQL.

A call takes its place in one short transaction before it is made, and tells how it ended in another. Two rows are locked,
always in one order: the division's, then the endpoint's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.db.types import Connection, Pool
from services.deliver.exact.budget import HOUR, Allowance, Endpoint, Said, Use, Wait, Why

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Place:
    """What a call counts for. ``division`` 0: none. ``person``: the user who consented, or who asked for it."""

    app: str
    person: str
    division: int
    endpoint: str

    @property
    def whose(self) -> str:
        """A division's calls are the app's, whoever makes them; those that belong to none are their person's."""
        return "" if self.division else self.person


_ALLOWANCE = """
SELECT calls, per_minute, per_day, day_used, day_ends, closed_until, closed_why, bookings_until
  FROM exact_allowance WHERE app = $1 AND division = $2 AND person = $3 FOR UPDATE
"""
# A key that is blocked is so in divisions it never called, too.
_NEW = """
INSERT INTO exact_allowance (app, division, person, day_ends, closed_until, closed_why)
SELECT $1, $2, $3, $4, max(closed_until), CASE WHEN max(closed_until) IS NULL THEN 'minute' ELSE 'blocked' END
  FROM exact_allowance WHERE app = $1 AND closed_why = 'blocked'
ON CONFLICT DO NOTHING
"""
_KEEP = """
UPDATE exact_allowance
   SET calls = $4, per_minute = $5, per_day = $6, day_used = $7, day_ends = $8, closed_until = $9, closed_why = $10,
       bookings_until = $11
 WHERE app = $1 AND division = $2 AND person = $3
"""
_ENDPOINT = """
SELECT failed, open FROM exact_endpoint
 WHERE app = $1 AND person = $2 AND division = $3 AND endpoint = $4 FOR UPDATE
"""
_KEEP_ENDPOINT = """
INSERT INTO exact_endpoint (app, person, division, endpoint, failed, open) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (app, person, division, endpoint) DO UPDATE SET failed = EXCLUDED.failed, open = EXCLUDED.open
"""
# Not now(): whoever waited for the row has waited since then.
_NOW = "SELECT clock_timestamp()"


class Allowances:
    """``pool`` has the worker role. ``now``: instead of the database's clock, where time is simulated."""

    def __init__(self, pool: Pool, now: Now | None = None) -> None:
        self._pool = pool
        self._now = now

    async def take(self, place: Place, use: Use, room: int = 1) -> Wait | None:
        """Take a place for one call. None: make it now, and tell ``ended``."""
        async with self._pool.acquire() as conn, conn.transaction():
            allowance, now = await self._locked(conn, place)
            endpoint = await self._endpoint(conn, place)
            wait = endpoint.ask(now) or allowance.ask(now, use, room)
            await _keep(conn, place, allowance)
            if wait is None:
                await _keep_endpoint(conn, place, endpoint)
            return wait

    async def ended(self, place: Place, status: int | None, headers: Mapping[str, str]) -> Wait | None:
        """How a call ended; ``status`` None: without an answer. Returns, after 429, when to come back."""
        said = Said.of(headers)
        async with self._pool.acquire() as conn, conn.transaction():
            allowance, now = await self._locked(conn, place)
            endpoint = await self._endpoint(conn, place)
            allowance.turn(now)
            endpoint.end(now, status)
            wait = None
            if status == 429:
                wait = allowance.refused(said, now)
            elif status is not None:
                allowance.hear(said, now)
            await _keep(conn, place, allowance)
            await _keep_endpoint(conn, place, endpoint)
            return wait

    async def blocked(self, app: str) -> Wait:
        """Exact blocked the key: no call of the app in any division for an hour."""
        async with self._pool.acquire() as conn, conn.transaction():
            until = await self._time(conn) + HOUR
            await conn.execute(_BLOCK, app, until)
            return Wait(until, "blocked")

    async def left(self) -> list[Left]:
        """What is left in every division that was called, the least first."""
        async with self._pool.acquire() as conn:
            now = await self._time(conn)
            rows = await conn.fetch(_ALL)
        found = []
        for row in rows:
            allowance = _allowance(row)
            allowance.turn(now)
            minute, day = allowance.left()
            closed = allowance.closed_until
            why = allowance.closed_why if closed else None
            found.append(Left(row["app"], row["division"], minute, day, closed, why))
        return sorted(found, key=lambda each: (each.day, each.minute))

    async def _locked(self, conn: Connection, place: Place) -> tuple[Allowance, datetime]:
        row = await conn.fetchrow(_ALLOWANCE, place.app, place.division, place.whose)
        now = await self._time(conn)
        if row is None:
            await conn.execute(_NEW, place.app, place.division, place.whose, Allowance.fresh(now).day_ends)
            row = await conn.fetchrow(_ALLOWANCE, place.app, place.division, place.whose)
            now = await self._time(conn)
        return _allowance(row), now

    async def _endpoint(self, conn: Connection, place: Place) -> Endpoint:
        row = await conn.fetchrow(_ENDPOINT, place.app, place.person, place.division, place.endpoint)
        return Endpoint(list(row["failed"]), list(row["open"])) if row else Endpoint()

    async def _time(self, conn: Connection) -> datetime:
        found: datetime = self._now() if self._now is not None else await conn.fetchval(_NOW)
        return found


@dataclass(frozen=True, slots=True)
class Left:
    """Calls that are left in a division now. ``closed_until``: Exact said so, or it is blocked."""

    app: str
    division: int
    minute: int
    day: int
    closed_until: datetime | None
    closed_why: Why | None


_BLOCK = """
UPDATE exact_allowance SET closed_until = greatest(closed_until, $2), closed_why = 'blocked' WHERE app = $1
"""
_ALL = """
SELECT app, division, calls, per_minute, per_day, day_used, day_ends, closed_until, closed_why, bookings_until
  FROM exact_allowance WHERE division <> 0 ORDER BY app, division
"""


def _allowance(row: Any) -> Allowance:
    why: Why = row["closed_why"]
    return Allowance(
        day_ends=row["day_ends"],
        calls=list(row["calls"]),
        per_minute=row["per_minute"],
        per_day=row["per_day"],
        day_used=row["day_used"],
        closed_until=row["closed_until"],
        closed_why=why,
        bookings_until=row["bookings_until"],
    )


async def _keep(conn: Connection, place: Place, a: Allowance) -> None:
    await conn.execute(
        _KEEP, place.app, place.division, place.whose, a.calls, a.per_minute, a.per_day, a.day_used, a.day_ends,
        a.closed_until, a.closed_why, a.bookings_until,
    )  # fmt: skip


async def _keep_endpoint(conn: Connection, place: Place, endpoint: Endpoint) -> None:
    key = (place.app, place.person, place.division, place.endpoint)
    await conn.execute(_KEEP_ENDPOINT, *key, endpoint.failed, endpoint.open)
