"""SQL of an account's users: each statement beside the one function that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast
from uuid import UUID

from libs.contracts.parts import Words
from libs.db.types import Connection, Pool
from libs.errors import Conflict
from services.ingest.access.roles import Role

LAST_OWNER = Words(
    nl="Dit is de laatste eigenaar van het account. Maak eerst een collega eigenaar.",
    en="This is the last owner of the account. Make a colleague owner first.",
)

_FIND = "SELECT user_id, account_id, role, language, password_hash FROM find_user($1)"


@dataclass(frozen=True, slots=True)
class FoundUser:
    user_id: UUID
    account_id: UUID
    role: Role
    language: Literal["nl", "en"]
    password_hash: str


async def find(pool: Pool, email: str) -> FoundUser | None:
    """A user by address, whosever; ``email`` in small letters."""
    row = await pool.fetchrow(_FIND, email)
    return FoundUser(*row.values()) if row else None


_ADD = """
INSERT INTO account_user (user_id, account_id, email, role, language, password_hash) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (email) WHERE removed_at IS NULL DO NOTHING RETURNING user_id
"""


async def add(
    conn: Connection,
    user_id: UUID,
    account_id: UUID,
    email: str,
    role: str,
    language: str,
    password_hash: str,
) -> bool:
    """False when somebody has that address already."""
    return bool(await conn.fetchval(_ADD, user_id, account_id, email, role, language, password_hash))


# An invitation stands among the users, under the id its user will have.
_ALL = """
SELECT user_id, email, role, 'active' AS state, created_at, NULL::timestamptz AS expires_at
  FROM account_user WHERE removed_at IS NULL
 UNION ALL
SELECT user_id, email, payload ->> 'role', 'invited', created_at, expires_at
  FROM link WHERE kind = 'invitation' AND ended_at IS NULL AND expires_at > now()
 ORDER BY created_at, user_id
"""


async def users(conn: Connection) -> list[dict[str, Any]]:
    """Users and open invitations of the account set on ``conn``."""
    return [dict(row) for row in await conn.fetch(_ALL)]


_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('account_user ' || $1::text, 0))"
_SET_ROLE = """
UPDATE account_user SET role = $2 WHERE user_id = $1 AND removed_at IS NULL
RETURNING user_id, email, role, 'active' AS state, created_at
"""
_OWNERS = """
SELECT count(*) FROM account_user WHERE account_id = $1 AND role = 'owner' AND removed_at IS NULL
"""


async def set_role(conn: Connection, account_id: UUID, user_id: UUID, role: Role) -> dict[str, Any] | None:
    """The user as it is now; None when the account set on ``conn`` has none. Raises ``Conflict``: the last owner."""
    await conn.execute(_ONE_AT_A_TIME, str(account_id))
    row = await conn.fetchrow(_SET_ROLE, user_id, role)
    await _owned(conn, account_id, row is not None)
    return dict(row) if row else None


_REMOVE = """
UPDATE account_user SET removed_at = now(), password_hash = '' WHERE user_id = $1 AND removed_at IS NULL RETURNING 1
"""
_WITHDRAW = """
UPDATE link SET ended_at = now() WHERE user_id = $1 AND kind = 'invitation' AND ended_at IS NULL RETURNING 1
"""


async def remove(conn: Connection, account_id: UUID, user_id: UUID) -> bool:
    """A user, or an invitation, of the account set on ``conn``. Raises ``Conflict``: the last owner."""
    await conn.execute(_ONE_AT_A_TIME, str(account_id))
    removed = bool(await conn.fetchval(_REMOVE, user_id))
    await _owned(conn, account_id, removed)
    return removed or bool(await conn.fetchval(_WITHDRAW, user_id))


async def _owned(conn: Connection, account_id: UUID, changed: bool) -> None:
    if changed and not await conn.fetchval(_OWNERS, account_id):
        raise Conflict(LAST_OWNER.en, nl=LAST_OWNER.nl, code="last-owner")


_CHANGE_HASH = """
UPDATE account_user SET password_hash = $2 WHERE user_id = $1 AND removed_at IS NULL RETURNING role
"""
_SIGN_OUT = "UPDATE session SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL"
_NO_RESETS = """
UPDATE link SET ended_at = now() WHERE user_id = $1 AND kind IN ('reset', 'known') AND ended_at IS NULL
"""


async def set_password(conn: Connection, user_id: UUID, password_hash: str) -> Role | None:
    """The user's role; None when it was removed. All its sessions and reset links end."""
    role = await conn.fetchval(_CHANGE_HASH, user_id, password_hash)
    await conn.execute(_SIGN_OUT, user_id)
    await conn.execute(_NO_RESETS, user_id)
    return cast("Role | None", role)


_HASH = "SELECT email, password_hash FROM account_user WHERE user_id = $1 AND removed_at IS NULL"


async def stored(conn: Connection, user_id: UUID) -> tuple[str, str] | None:
    """Address and password hash of a user of the account set on ``conn``."""
    row = await conn.fetchrow(_HASH, user_id)
    return (row["email"], row["password_hash"]) if row else None
