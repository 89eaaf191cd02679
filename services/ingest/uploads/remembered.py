"""SQL of what callers were told under their keys (``idempotency.py``).

Of two transactions with one key, in whatever processes, one goes on and the other is told so: the lock is tried, never
waited for, because a group of two hundred callers would wait with it. It ends with the transaction, so after a crash
there is either the row or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

from libs.db.pools import tenant
from libs.db.types import Connection, Pool, Record
from libs.errors import HubError
from services.ingest.uploads import idempotency
from services.ingest.uploads.idempotency import Key
from services.ingest.uploads.receipts import Reply
from services.ingest.uploads.submissions import Submission

Told: TypeAlias = Reply | HubError
"""What somebody with a key is told although nothing is stored now: the reply of the first time, or why not."""

_LOCK = """
SELECT t.position, pg_try_advisory_xact_lock(
           hashtextextended('idempotency ' || t.account_id::text || t.key || ' ' || t.item::text, 0)) AS mine
  FROM unnest($1::uuid[], $2::text[], $3::int[]) WITH ORDINALITY AS t (account_id, key, item, position)
"""

# A statement of its own, after the lock: only then it sees what the holder before it has committed.
_LOOK_UP = """
SELECT t.position, i.fingerprint, i.headers, i.body
  FROM unnest($1::uuid[], $2::text[], $3::int[]) WITH ORDINALITY AS t (account_id, key, item, position)
  JOIN idempotency i ON i.account_id = t.account_id AND i.key = t.key AND i.position = t.item
"""

_INSERT = """
INSERT INTO idempotency (account_id, key, position, fingerprint, submission_id, headers, body)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bytea[], $5::uuid[], $6::jsonb[], $7::bytea[])
"""

_ONE = """
SELECT fingerprint, headers, body FROM idempotency WHERE account_id = $1 AND key = $2 AND position = $3
"""


async def claim(conn: Connection, keyed: Sequence[tuple[Submission, Key]]) -> dict[UUID, Told]:
    """Take the keys of these until the transaction ends. Returns, by submission, what those are told that are not to
    be stored."""
    accounts, names = [s.account_id for s, _ in keyed], [key.name for _, key in keyed]
    items = [key.position for _, key in keyed]
    locks = await conn.fetch(_LOCK, accounts, names, items)
    told: dict[UUID, Told] = {
        keyed[row["position"] - 1][0].submission_id: idempotency.running() for row in locks if not row["mine"]
    }
    for row in await conn.fetch(_LOOK_UP, accounts, names, items):
        submission, key = keyed[row["position"] - 1]
        told[submission.submission_id] = _told(row, key)
    return told


async def remember(conn: Connection, replies: Iterable[tuple[Submission, Key, Reply]]) -> None:
    """In the transaction that claimed them."""
    rows = list(replies)
    await conn.execute(
        _INSERT,
        [s.account_id for s, _, _ in rows],
        [key.name for _, key, _ in rows],
        [key.position for _, key, _ in rows],
        [key.fingerprint for _, key, _ in rows],
        [s.submission_id for s, _, _ in rows],
        [dict(reply.headers) for _, _, reply in rows],
        [reply.body for _, _, reply in rows],
    )


async def recall(pool: Pool, account_id: UUID, key: Key) -> Told | None:
    """What was told under this key; ``pool`` has the api role. For files that are refused now: those that were taken
    once get the reply they got then."""
    async with tenant(pool, account_id) as conn:
        row = await conn.fetchrow(_ONE, account_id, key.name, key.position)
    return _told(row, key) if row is not None else None


def _told(row: Record, key: Key) -> Told:
    if row["fingerprint"] != key.fingerprint:
        return idempotency.reused()
    headers: Mapping[str, str] = row["headers"]
    return Reply(row["body"], headers)
