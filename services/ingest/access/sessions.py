"""SQL of sessions: each statement beside the one function that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs import lifetimes
from libs.db.types import Connection, Pool
from services.ingest.access.roles import Role

_BEGIN = """
INSERT INTO session (session_id, account_id, key_id, user_id, secret_hash, scopes, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7)) RETURNING expires_at
"""
_FORGET = "DELETE FROM session WHERE expires_at < now() - $1::interval"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a session stands for: a key or a user of an account."""

    account_id: UUID
    key_id: str | None = None
    user_id: UUID | None = None


async def begin(
    conn: Connection,
    session_id: str,
    holder: Holder,
    secret_hash: bytes,
    scopes: Sequence[str],
    seconds: float,
) -> datetime:
    """Returns when it ends by itself. The account's sessions that ended so a day ago are forgotten."""
    await conn.execute(_FORGET, lifetimes.SESSION.kept)
    expires_at: datetime = await conn.fetchval(
        _BEGIN,
        session_id,
        holder.account_id,
        holder.key_id,
        holder.user_id,
        secret_hash,
        list(scopes),
        seconds,
    )
    return expires_at


_END = "UPDATE session SET ended_at = coalesce(ended_at, now()) WHERE session_id = $1"


async def end(conn: Connection, session_id: str) -> None:
    """End a session of the account set on ``conn``."""
    await conn.execute(_END, session_id)


_FIND = "SELECT account_id, secret_hash, scopes, expires_at, user_id, role FROM find_session($1)"


@dataclass(frozen=True, slots=True)
class FoundSession:
    account_id: UUID
    secret_hash: bytes
    scopes: frozenset[str]
    expires_at: datetime
    user_id: UUID | None
    role: Role | None


async def find(pool: Pool, session_id: str) -> FoundSession | None:
    """A session that has not ended, of a key or user that has not, whosever it is."""
    row = await pool.fetchrow(_FIND, session_id)
    if row is None:
        return None
    return FoundSession(
        row["account_id"],
        row["secret_hash"],
        frozenset(row["scopes"]),
        row["expires_at"],
        row["user_id"],
        row["role"],
    )
