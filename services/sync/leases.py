"""One writer per administration at a time: a lease with a fence, taken for every administration a run writes of.

The fence grows with every holder. Whoever commits something checks in the same transaction that it still holds all
its leases: a process that slept through its lease finds out before it writes, and its results count for nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from uuid import UUID

import asyncpg

from libs import clock
from libs.db.types import Connection, Pool
from libs.errors import Conflict
from services.sync.beside import beside
from services.sync.clients import Solution
from services.sync.mappings import BY_NAME
from services.sync.mappings.field import Name

SAFE = 0.75
"""Share of a lease after which nothing is begun."""


class Busy(Conflict):
    """Somebody else is writing of this administration right now: try again when that run has ended."""

    slug = "administration-busy"
    dutch = "Een andere uitvoering schrijft nu over deze administratie: probeer het opnieuw als die klaar is."


class Lost(Conflict):
    """The lease was lost: somebody else goes on with this run."""

    slug = "lease-lost"
    dutch = "Deze uitvoering is door een ander overgenomen."


_TAKE = """
INSERT INTO lease (client_id, administration, account_id, holder, fence, until)
SELECT $1, code, $2, $3, 1, now() + make_interval(secs => $5) FROM unnest($4::text[]) AS code ORDER BY code
ON CONFLICT (client_id, administration) DO UPDATE
   SET holder = excluded.holder, fence = lease.fence + 1, until = excluded.until WHERE lease.until <= now()
RETURNING administration, fence
"""
_RENEW = """
UPDATE lease SET until = now() + make_interval(secs => $3)
 WHERE client_id = $1 AND holder = $2 AND administration = ANY ($4::text[]) AND until > now()
"""
_HELD = """
SELECT count(*) FROM (SELECT 1 FROM lease WHERE client_id = $1 AND holder = $2 AND administration = ANY ($3::text[])
                         FOR SHARE) AS held
"""
_RELEASE = "UPDATE lease SET until = now() WHERE client_id = $1 AND holder = $2"


def writers(solution: Solution, touched: Collection[tuple[str, Name]]) -> list[str]:
    """The administrations whose leases are needed to write records of these kinds: of what administrations share, all of
    them, for a run of any may write it. ``touched``: administration and kind."""
    shared = any(
        BY_NAME[kind].shared or (kind == "gl_account" and solution.same_cost_types is not False)
        for _, kind in touched
    )
    members = {each.code for each in solution.members} if shared else set()
    return sorted({code for code, _ in touched} | members)


class Held:
    """The leases of one run."""

    def __init__(self, client_id: UUID, administrations: Sequence[str], seconds: float) -> None:
        self._client_id = client_id
        self._administrations = list(administrations)
        self._seconds = seconds
        self.holder = clock.uuid7()
        self._until = 0.0

    async def take(self, conn: Connection, account_id: UUID) -> None:
        """Raises ``Busy`` when one of them is somebody else's; then none is taken."""
        began = clock.monotonic()
        async with conn.transaction():
            rows = await conn.fetch(
                _TAKE, self._client_id, account_id, self.holder, self._administrations, self._seconds
            )
            if len(rows) != len(self._administrations):
                raise Busy
        self._until = began + SAFE * self._seconds

    async def renew(self, conn: Connection) -> None:
        began = clock.monotonic()
        tag = await conn.execute(_RENEW, self._client_id, self.holder, self._seconds, self._administrations)
        if tag.endswith(f" {len(self._administrations)}"):
            self._until = began + SAFE * self._seconds

    def check(self) -> None:
        """Right before acting. Raises ``Lost``."""
        if clock.monotonic() > self._until:
            raise Lost

    async def fenced(self, conn: Connection) -> None:
        """Inside the transaction that commits something. Raises ``Lost``."""
        if await conn.fetchval(_HELD, self._client_id, self.holder, self._administrations) != len(
            self._administrations
        ):
            raise Lost

    async def release(self, conn: Connection) -> None:
        await conn.execute(_RELEASE, self._client_id, self.holder)


@contextlib.asynccontextmanager
async def held(
    pool: Pool, client_id: UUID, account_id: UUID, administrations: Sequence[str], seconds: float
) -> AsyncIterator[Held]:
    """Hold the leases of these administrations until the block ends. Raises ``Busy``."""
    mine = Held(client_id, sorted(administrations), seconds)
    async with pool.acquire() as conn:
        await mine.take(conn, account_id)

    async def renew() -> None:
        async with pool.acquire() as conn:
            await mine.renew(conn)

    try:
        # One that cannot be renewed runs out, and nothing is begun under it: no more is needed.
        async with beside(seconds / 4, renew, "sync lease"):
            yield mine
    finally:
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            async with pool.acquire() as conn:
                await mine.release(conn)
