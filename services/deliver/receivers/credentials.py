"""What receivers' connections need that nobody may read: secrets that sign, keys that log in. SQL and sealing.

Each lies in its row under a key of its own (``libs/keyring.py``). A party may have several that hold at a time: after
it asked for another, the one before goes on signing until ``ends_at``, so that nothing is refused meanwhile. Tokens of
Exact Online lie here under their grant's id in place of a party's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from libs import clock, keyring
from libs.db.types import Connection, Pool
from libs.keyring import CannotOpen, Keys, Sealed, WrappedKey

Purpose = Literal["webhook", "sftp", "exact"]
PAGE = 200


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """``unreadable``: those that no key at hand opens; they stay as they are."""

    done: int
    unreadable: tuple[UUID, ...]


_LIVE = """
SELECT credential_id, party_id, purpose, key_name, wrapped_key, sealed FROM credential
 WHERE party_id = ANY ($1::uuid[]) AND purpose = $2 AND (ends_at IS NULL OR ends_at > now())
 ORDER BY party_id, credential_id DESC
"""


async def of(
    conn: Connection | Pool, keys: Keys, parties: Sequence[UUID], purpose: Purpose
) -> dict[UUID, list[bytes]]:
    """The secrets these parties have now, the newest first. One that cannot be opened is left out: without any, its
    party's deliveries wait, and nobody else's."""
    found: dict[UUID, list[bytes]] = {}
    for row in await conn.fetch(_LIVE, list(parties), purpose):
        try:
            secret = await keyring.unseal(keys, _sealed(row), _about(row))
        except CannotOpen:
            continue
        found.setdefault(row["party_id"], []).append(secret)
    return found


_HAS = """
SELECT EXISTS (SELECT FROM credential WHERE party_id = $1 AND purpose = $2 AND ends_at IS NULL)
"""


async def has(conn: Connection | Pool, party_id: UUID, purpose: Purpose) -> bool:
    return bool(await conn.fetchval(_HAS, party_id, purpose))


_END = """
UPDATE credential SET ends_at = now() + $3 WHERE party_id = $1 AND purpose = $2 AND ends_at IS NULL
"""
_ADD = """
INSERT INTO credential (credential_id, party_id, purpose, key_name, wrapped_key, sealed)
VALUES ($1, $2, $3, $4, $5, $6)
"""


async def put(
    conn: Connection,
    keys: Keys,
    party_id: UUID,
    purpose: Purpose,
    secret: bytes,
    *,
    overlap: timedelta = timedelta(),
) -> None:
    """Give a party a secret, inside a transaction; the one it had holds for ``overlap`` more. Raises
    ``asyncpg.UniqueViolationError`` when somebody else does so at the same time."""
    credential_id = clock.uuid7()
    sealed = await keyring.seal(keys, secret, _context(credential_id, party_id, purpose))
    await conn.execute(_END, party_id, purpose, overlap)
    await conn.execute(_ADD, credential_id, party_id, purpose, sealed.key.name, sealed.key.data, sealed.data)


_BY_KEY = "SELECT key_name, count(*) AS secrets FROM credential GROUP BY key_name ORDER BY key_name"


async def by_key(pool: Pool) -> dict[str, int]:
    """How many secrets each key-encryption key wraps."""
    return {row["key_name"]: row["secrets"] for row in await pool.fetch(_BY_KEY)}


_OTHERS = """
SELECT credential_id, party_id, purpose, key_name, wrapped_key FROM credential
 WHERE key_name <> $1 AND credential_id > $2 ORDER BY credential_id LIMIT $3 FOR UPDATE
"""
_WRAP = """
UPDATE credential c SET key_name = t.key_name, wrapped_key = t.wrapped_key
  FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS t (credential_id, key_name, wrapped_key)
 WHERE c.credential_id = t.credential_id
"""


async def rewrap(pool: Pool, keys: Keys) -> Rewrapped:
    """Wrap under the current key what another wraps, a page at a time. Whoever reads meanwhile has both keys; whoever is
    killed meanwhile goes on where it stopped."""
    after, done = UUID(int=0), 0
    unreadable: list[UUID] = []
    while True:
        async with pool.acquire() as conn, conn.transaction():
            rows = await conn.fetch(_OTHERS, keys.current, after, PAGE)
            if not rows:
                return Rewrapped(done, tuple(unreadable))
            after = rows[-1]["credential_id"]
            made: list[tuple[UUID, WrappedKey]] = []
            for row in rows:
                wrapped = WrappedKey(row["key_name"], row["wrapped_key"])
                try:
                    made.append((row["credential_id"], await keyring.rewrap(keys, wrapped, _about(row))))
                except CannotOpen:
                    unreadable.append(row["credential_id"])
            await conn.execute(
                _WRAP, [c for c, _ in made], [w.name for _, w in made], [w.data for _, w in made]
            )
            done += len(made)


_OVER = "DELETE FROM credential WHERE ends_at <= now()"


async def sweep(pool: Pool) -> None:
    """Remove those that hold no longer."""
    await pool.execute(_OVER)


def _sealed(row: Any) -> Sealed:
    return Sealed(WrappedKey(row["key_name"], row["wrapped_key"]), row["sealed"])


def _about(row: Any) -> bytes:
    return _context(row["credential_id"], row["party_id"], row["purpose"])


def _context(credential_id: UUID, party_id: UUID, purpose: str) -> bytes:
    """Whose and what for: a row's secret moved into another row does not open."""
    return b"deliver credential\0" + credential_id.bytes + party_id.bytes + purpose.encode()
