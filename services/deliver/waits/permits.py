"""SQL of what senders have said about mail to Belgian receivers (``belgium``), until they take it back."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeAlias
from uuid import UUID

from libs.db.types import Connection, Pool

Pair: TypeAlias = tuple[UUID, UUID]
"""The sender's account, and the receiver."""

_AMONG = """
SELECT account_id, receiver_id FROM permit
  JOIN unnest($1::uuid[], $2::uuid[]) AS t (account_id, receiver_id) USING (account_id, receiver_id)
 WHERE withdrawn_at IS NULL
"""


async def among(conn: Connection | Pool, pairs: Collection[Pair]) -> frozenset[Pair]:
    """Those of these between whom mail is permitted; no question where none is asked about."""
    if not pairs:
        return frozenset()
    rows = await conn.fetch(_AMONG, [account for account, _ in pairs], [receiver for _, receiver in pairs])
    return frozenset((row["account_id"], row["receiver_id"]) for row in rows)


_SAY = """
INSERT INTO permit (account_id, receiver_id, by_user) VALUES ($1, $2, $3)
ON CONFLICT (account_id, receiver_id) DO UPDATE SET withdrawn_at = NULL, said_at = now(), by_user = excluded.by_user
"""


async def say(conn: Connection, account_id: UUID, receiver_id: UUID, by_user: UUID | None) -> None:
    """The sender says that mail to this receiver is permitted."""
    await conn.execute(_SAY, account_id, receiver_id, by_user)


_WITHDRAW = """
UPDATE permit SET withdrawn_at = now() WHERE account_id = $1 AND receiver_id = $2 AND withdrawn_at IS NULL RETURNING true
"""


async def withdraw(conn: Connection | Pool, account_id: UUID, receiver_id: UUID) -> bool:
    """The sender takes it back; whether it stood. What is not sent yet waits again."""
    return bool(await conn.fetchval(_WITHDRAW, account_id, receiver_id))
