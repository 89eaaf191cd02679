"""SQL of API keys: each statement beside the one function that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.contracts.parts import Words
from libs.contracts.sandbox import is_sandbox
from libs.db.types import Connection, Pool
from libs.errors import Conflict
from services.ingest.access.credentials import ApiKey, Vault, new_api_key

MOST_KEYS = 2
"""Live ones of an account: one in use, and one to change to. More than that is keys nobody remembers."""

TOO_MANY_KEYS = Words(
    nl="Er zijn al twee API-sleutels in gebruik. Trek eerst de sleutel in die u niet meer gebruikt.",
    en="Two API keys are in use already. Revoke the one you no longer use first.",
)

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('api_key ' || $1::text, 0))"

_LIVE_KEYS = """
SELECT count(*) FROM api_key
 WHERE account_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""

_INSERT_KEY = """
INSERT INTO api_key (key_id, account_id, secret_hash, label, scopes, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
RETURNING created_at
"""


async def add_key(
    conn: Connection,
    account_id: UUID,
    vault: Vault,
    label: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
) -> tuple[ApiKey, datetime]:
    """Make a key, inside a transaction; and when that was. Raises ``Conflict`` when the account has two live ones."""
    # Or two requests at once would each count the same keys.
    await conn.execute(_ONE_AT_A_TIME, str(account_id))
    if await conn.fetchval(_LIVE_KEYS, account_id) >= MOST_KEYS:
        raise Conflict(TOO_MANY_KEYS.en, nl=TOO_MANY_KEYS.nl, code="too-many-keys")
    key = new_api_key(test=is_sandbox(account_id))
    digest = vault.digest(key.secret)
    return key, await conn.fetchval(
        _INSERT_KEY, key.key_id, account_id, digest, label, list(scopes), expires_at
    )


_KEYS = """
SELECT key_id, label, scopes, created_at, expires_at, last_used_at, revoked_at FROM api_key
 ORDER BY created_at, key_id
"""


async def keys(conn: Connection) -> list[dict[str, Any]]:
    """The keys of the account set on ``conn``; secrets are not kept and so not shown."""
    return [dict(row) for row in await conn.fetch(_KEYS)]


_REVOKE_KEY = """
UPDATE api_key SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = $1 RETURNING revoked_at
"""


async def revoke_key(conn: Connection, key_id: str) -> datetime | None:
    """When the key was revoked; None when the account set on ``conn`` has no such key."""
    revoked: datetime | None = await conn.fetchval(_REVOKE_KEY, key_id)
    return revoked


_SUCCEED = """
UPDATE api_key SET expires_at = least(expires_at, now() + $2::interval)
 WHERE key_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
RETURNING label, scopes, expires_at
"""


async def let_expire(conn: Connection, key_id: str, overlap: timedelta) -> dict[str, Any] | None:
    """A live key of the account set on ``conn`` gets an end, no later than it had; None when there is none."""
    row = await conn.fetchrow(_SUCCEED, key_id, overlap)
    return dict(row) if row else None


_USED = """
UPDATE api_key SET last_used_at = now()
 WHERE key_id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
"""


async def used(conn: Connection, key_id: str) -> None:
    """Somebody came in with it, to the minute: callers are remembered, so it is not written at every request."""
    await conn.execute(_USED, key_id)


_FIND_KEY = "SELECT account_id, secret_hash, scopes, expires_at, stale FROM find_key($1)"


@dataclass(frozen=True, slots=True)
class FoundKey:
    account_id: UUID
    secret_hash: bytes
    scopes: frozenset[str]
    expires_at: datetime | None
    stale: bool
    """That it is used should be written down again."""


async def find_key(pool: Pool, key_id: str) -> FoundKey | None:
    """A live key by its id, whosever it is."""
    row = await pool.fetchrow(_FIND_KEY, key_id)
    if row is None:
        return None
    return FoundKey(
        row["account_id"], row["secret_hash"], frozenset(row["scopes"]), row["expires_at"], row["stale"]
    )
