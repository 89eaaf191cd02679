"""SQL of sessions: each statement beside the one function that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.db.types import Connection, Pool

_BEGIN = """
INSERT INTO session (session_id, account_id, key_id, secret_hash, scopes, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6)) RETURNING expires_at
"""
_FORGET = "DELETE FROM session WHERE expires_at < now() - interval '1 day'"


async def begin(
    conn: Connection,
    session_id: str,
    account_id: UUID,
    key_id: str,
    secret_hash: bytes,
    scopes: Sequence[str],
    seconds: float,
) -> datetime:
    """Returns when it ends by itself. The account's sessions that ended so a day ago are forgotten."""
    await conn.execute(_FORGET)
    expires_at: datetime = await conn.fetchval(
        _BEGIN, session_id, account_id, key_id, secret_hash, list(scopes), seconds
    )
    return expires_at


_END = "UPDATE session SET ended_at = coalesce(ended_at, now()) WHERE session_id = $1"


async def end(conn: Connection, session_id: str) -> None:
    """End a session of the account set on ``conn``."""
    await conn.execute(_END, session_id)


_FIND = "SELECT account_id, secret_hash, scopes, expires_at FROM find_session($1)"


@dataclass(frozen=True, slots=True)
class FoundSession:
    account_id: UUID
    secret_hash: bytes
    scopes: frozenset[str]
    expires_at: datetime


async def find(pool: Pool, session_id: str) -> FoundSession | None:
    """A session that has not ended, of a key that was not revoked, whosever it is."""
    row = await pool.fetchrow(_FIND, session_id)
    if row is None:
        return None
    return FoundSession(row["account_id"], row["secret_hash"], frozenset(row["scopes"]), row["expires_at"])
