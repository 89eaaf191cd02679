"""SQL of the packages receivers have connected: each statement beside the one function that runs it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from libs import clock
from libs.db.types import Connection, Pool
from libs.errors import Conflict
from services.deliver import plan

_CURRENT = """
SELECT party_id, channel, settings, connection_id, package FROM connection
 WHERE party_id = ANY ($1::uuid[]) AND ended_at IS NULL
"""


async def current(pool: Connection | Pool, parties: Sequence[UUID]) -> dict[UUID, plan.Connection]:
    """The connection each of these parties has now, if any."""
    rows = await pool.fetch(_CURRENT, parties)
    return {
        row["party_id"]: plan.Connection(
            row["channel"], row["settings"], row["connection_id"], row["package"]
        )
        for row in rows
    }


_FOLDER = """
INSERT INTO folder (name, party_id) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET party_id = folder.party_id RETURNING party_id
"""
_END = "UPDATE connection SET ended_at = now() WHERE party_id = $1 AND ended_at IS NULL RETURNING account_id"
_CONNECT = """
INSERT INTO connection (connection_id, party_id, account_id, package, channel, settings)
VALUES ($1, $2, $3, $4, $5, $6)
"""


async def connect(
    pool: Pool, party_id: UUID, account_id: UUID | None, package: str, channel: str, settings: dict[str, Any]
) -> None:
    """Give a party a connection; the one it had becomes history. ``account_id``: who may change it from now
    on; None keeps who could. Raises ``Conflict`` for a folder that is another party's."""
    try:
        async with pool.acquire() as conn, conn.transaction():
            if channel == "folder":
                owner = await conn.fetchval(_FOLDER, settings["folder"], party_id)
                if owner != party_id:
                    raise Conflict(
                        "this folder belongs to another party: choose another name",
                        nl="deze map hoort bij een andere partij: kies een andere naam",
                        code="folder-taken",
                    )
            await replace(conn, party_id, account_id, package, channel, settings)
    except asyncpg.UniqueViolationError as lost:
        raise Conflict(
            "somebody else changed this connection just now: look, and try again",
            nl="iemand anders wijzigde deze koppeling zojuist: kijk, en probeer het opnieuw",
        ) from lost


# A party that becomes another account's leaves no link with Exact Online behind by which the first could take it back.
_LEFT_BEHIND = """
UPDATE exact_link SET ended_at = now() WHERE party_id = $1 AND ended_at IS NULL AND account_id <> $2
"""


async def replace(
    conn: Connection,
    party_id: UUID,
    account_id: UUID | None,
    package: str,
    channel: str,
    settings: dict[str, Any],
) -> None:
    """The same inside a transaction, for what needs no folder of its own. Raises ``asyncpg.UniqueViolationError``."""
    before = await end_of(conn, party_id)
    whose = account_id or before
    if whose is not None:
        await conn.execute(_LEFT_BEHIND, party_id, whose)
    await conn.execute(_CONNECT, clock.uuid7(), party_id, whose, package, channel, settings)


async def end_of(conn: Connection, party_id: UUID) -> UUID | None:
    """A party has no connection any more; the account it belonged to."""
    account_id: UUID | None = await conn.fetchval(_END, party_id)
    return account_id


_ENDED = "UPDATE connection SET ended_at = now() WHERE connection_id = ANY ($1::uuid[]) AND ended_at IS NULL"


async def end(conn: Connection, connections: Collection[UUID | None]) -> None:
    """Nothing more is planned by these: their receivers said so."""
    await conn.execute(_ENDED, list(connections))


_ONE = """
SELECT party_id, account_id, package, channel, settings, created_at FROM connection
 WHERE party_id = $1 AND ended_at IS NULL
"""


async def one(conn: Connection | Pool, party_id: UUID) -> dict[str, Any] | None:
    """A party's connection; on an ``api`` connection only if it is the account's own."""
    row = await conn.fetchrow(_ONE, party_id)
    return dict(row.items()) if row else None
