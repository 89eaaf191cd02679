"""Dead letters: events that no retry helped, as rows in the consumer's own schema, with their cause.

Listed, counted per account, replayed or dropped by a person. What the *broker* gave up on (a message that
crashed its consumer again and again) is collected from ``<queue>.dead`` into the same table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from libs.contracts.topology import DELIVERY_LIMIT
from libs.db.types import Connection, Pool
from libs.errors import HubError, NotFound
from libs.messaging import inbox, outbox
from libs.messaging.pack import Unread, unpack
from libs.messaging.transport import Message

_INSERT = """
INSERT INTO dead (queue, event_id, account, subject, type, attempts, cause, detail, body)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::text[],
                     $8::text[], $9::bytea[])
ON CONFLICT (queue, event_id) WHERE replayed_at IS NULL AND dropped_at IS NULL DO NOTHING
"""
_COLUMNS = "id, queue, event_id, account, subject, type, attempts, cause, detail, died_at"
_LIST = f"""
SELECT {_COLUMNS} FROM dead
 WHERE replayed_at IS NULL AND dropped_at IS NULL AND ($1::text IS NULL OR queue = $1)
   AND ($2::uuid IS NULL OR account = $2)
 ORDER BY id DESC LIMIT $3
"""  # noqa: S608 - constant columns
_SHOW = f"SELECT {_COLUMNS}, body FROM dead WHERE id = $1"  # noqa: S608 - constant columns
_REPLAY = """
UPDATE dead SET replayed_at = now() WHERE id = $1 AND replayed_at IS NULL AND dropped_at IS NULL
RETURNING queue, event_id, account, subject, body
"""
_DROP = """
UPDATE dead SET dropped_at = now() WHERE id = $1 AND replayed_at IS NULL AND dropped_at IS NULL RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Dying:
    """An event about to become a dead letter."""

    unread: Unread
    attempts: int
    cause: str
    detail: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, open."""

    id: int
    queue: str
    event_id: UUID
    account: UUID | None
    subject: str | None
    type: str | None
    attempts: int
    cause: str
    detail: str
    died_at: datetime


async def bury(conn: Connection, queue: str, dying: Sequence[Dying]) -> None:
    """Write the rows, in the transaction that writes their inbox rows."""
    if not dying:
        return
    await conn.execute(
        _INSERT,
        [queue] * len(dying),
        [d.unread.event_id for d in dying],
        [d.unread.account for d in dying],
        [d.unread.attribute("subject") for d in dying],
        [d.unread.attribute("type") for d in dying],
        [d.attempts for d in dying],
        [d.cause for d in dying],
        [d.detail[:2000] for d in dying],
        [d.unread.body for d in dying],
    )


async def collect(pool: Pool, queue: str, message: Message) -> None:
    """Take over what the broker gave up on. Twice the same changes nothing."""
    found = unpack(message)
    async with pool.acquire() as conn, conn.transaction():
        fresh = await inbox.claim(conn, queue, {unread.event_id for unread in found})
        await bury(
            conn,
            queue,
            [
                Dying(
                    unread,
                    DELIVERY_LIMIT + 1,
                    "delivery-limit",
                    "delivered again and again and never settled: it may crash its consumer",
                )
                for unread in found
                if unread.event_id in fresh
            ],
        )


async def letters(
    pool: Pool, *, queue: str | None = None, account: UUID | None = None, limit: int = 100
) -> list[Letter]:
    """Open dead letters, newest first."""
    return [Letter(**dict(row.items())) for row in await pool.fetch(_LIST, queue, account, limit)]


async def show(pool: Pool, letter_id: int) -> tuple[Letter, Any]:
    """One dead letter with its event, parsed where it can be. Raises ``NotFound``."""
    row = await pool.fetchrow(_SHOW, letter_id)
    if row is None:
        raise NotFound(f"no dead letter {letter_id}")
    fields = dict(row.items())
    body = fields.pop("body")
    try:
        return Letter(**fields), orjson.loads(body)
    except orjson.JSONDecodeError:
        return Letter(**fields), body.decode("utf-8", "replace")


async def replay(pool: Pool, letter_id: int) -> None:
    """Send it to its queue once more, with a fresh count of attempts. Raises ``NotFound``."""
    async with pool.acquire() as conn, conn.transaction():
        row = await conn.fetchrow(_REPLAY, letter_id)
        if row is None:
            raise NotFound(f"no open dead letter {letter_id}")
        await inbox.forget(conn, row["queue"], [row["event_id"]])
        await outbox.append_rows(
            conn,
            [
                outbox.Row(
                    event_id=row["event_id"],
                    account=row["account"] or UUID(int=0),
                    exchange="",
                    routing_key=row["queue"],
                    subject=row["subject"] or "",
                    body=_first_attempt(row["body"]),
                    alone=True,
                )
            ],
        )


async def drop(pool: Pool, letter_id: int) -> None:
    """Give it up; the row stays as a record. Raises ``NotFound``."""
    if await pool.fetchval(_DROP, letter_id) is None:
        raise NotFound(f"no open dead letter {letter_id}")


def _first_attempt(body: bytes) -> bytes:
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError as bad:
        raise HubError("this dead letter is not JSON: it cannot be replayed, only dropped") from bad
    if isinstance(raw, dict):
        raw.pop("hubattempt", None)
    return orjson.dumps(raw)
