"""Dead letters: events that no retry helped, as rows in the consumer's own schema, with their cause.

Listed, replayed or dropped by a person, whose name stays with the row (``dead_cli``). What the *broker* gave
up on (a message that crashed its consumer again and again) is collected from ``<queue>.dead`` into the same
table::

    <queue>.dead ──collect──▶ open, goes again at ──due, none other of this service under way──▶ outbox, alone
                        │                                                      │ the limit again
                        ▼ had its rounds                                       ▼
                      open, waits for a person ◀───────────────────────── <queue>.dead

It may just have been in hand whenever something else killed, so it gets a *second round* by itself. The row that
counts the round is written with the letter and closed in the transaction that sends the event out again: whatever
dies later, no event gets more rounds than it may have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson

from libs.contracts.envelope import ALONE, ATTEMPT
from libs.contracts.topology import DELIVERY_LIMIT, Rounds
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
_COLUMNS = """id, queue, event_id, account, subject, type, attempts, cause, detail, died_at,
       again_at, replayed_at, replayed_by, dropped_at, dropped_by, dropped_why"""
_LIST = f"""
SELECT {_COLUMNS} FROM dead
 WHERE ($5 OR (replayed_at IS NULL AND dropped_at IS NULL)) AND ($1::text IS NULL OR queue = $1)
   AND ($2::uuid IS NULL OR account = $2) AND ($3::text IS NULL OR subject = $3)
   AND ($4::text IS NULL OR cause = $4)
 ORDER BY id DESC LIMIT $6
"""  # noqa: S608 - constant columns
_COUNT = """
SELECT cause, count(*) FROM dead
 WHERE queue = $1 AND replayed_at IS NULL AND dropped_at IS NULL AND again_at IS NULL
 GROUP BY cause
"""
_SHOW = f"SELECT {_COLUMNS}, body FROM dead WHERE id = $1"  # noqa: S608 - constant columns
_REPLAY = """
UPDATE dead SET replayed_at = now(), replayed_by = $2 WHERE id = $1 AND replayed_at IS NULL
RETURNING queue, event_id, account, subject, body
"""
_GOES_AGAIN = """
UPDATE dead SET again_at = now() + $3
 WHERE queue = $1 AND event_id = ANY ($2::uuid[]) AND replayed_at IS NULL AND dropped_at IS NULL
   AND (SELECT count(*) FROM dead before
         WHERE before.queue = dead.queue AND before.event_id = dead.event_id AND before.again_at IS NOT NULL) < $4
"""
_ONE_AT_A_TIME = """
SELECT pg_try_advisory_xact_lock(hashtext('postbode.second_round'), hashtext(current_schema()))
"""
# Settled: its inbox row is there again. One that is put off by its handler is not waited for without end.
_DUE = """
SELECT id FROM dead
 WHERE queue = $1 AND again_at <= now() AND replayed_at IS NULL AND dropped_at IS NULL
   AND NOT EXISTS (
       SELECT FROM dead out
        WHERE out.again_at IS NOT NULL AND out.replayed_at > now() - $2::interval
          AND NOT EXISTS (SELECT FROM inbox WHERE inbox.queue = out.queue AND inbox.event_id = out.event_id))
 ORDER BY again_at, id LIMIT 1
"""
BY_ITSELF = "postbode"
"""Who replays what gets another round."""
_DROP = """
UPDATE dead SET dropped_at = now(), dropped_by = $2, dropped_why = $3
 WHERE id = $1 AND replayed_at IS NULL AND dropped_at IS NULL RETURNING id
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
    """A dead letter and what was done about it; open while it was neither replayed nor dropped, and of the open ones
    those wait for no person that go again by themselves."""

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
    again_at: datetime | None = None
    replayed_at: datetime | None = None
    replayed_by: str | None = None
    dropped_at: datetime | None = None
    dropped_by: str | None = None
    dropped_why: str | None = None

    @property
    def state(self) -> Literal["open", "waiting", "replayed", "dropped"]:
        """Where it stands; a replay takes back that it was dropped."""
        if self.replayed_at is not None:
            return "replayed"
        if self.dropped_at is not None:
            return "dropped"
        return "open" if self.again_at is None else "waiting"


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


async def collect(pool: Pool, queue: str, message: Message, rounds: Rounds) -> None:
    """Take over what the broker gave up on. Twice the same changes nothing. What is no JSON cannot go again."""
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
        again = [unread.event_id for unread in found if unread.event_id in fresh and unread.is_object]
        await conn.execute(_GOES_AGAIN, queue, again, rounds.after, rounds.most)


async def again(pool: Pool, queue: str, rounds: Rounds) -> bool:
    """Send the letter out again whose second round is due, if none of this schema's is under way: should it be the
    one that kills, it kills none of those that died with it before. True: one went."""
    async with pool.acquire() as conn, conn.transaction():
        if not await conn.fetchval(_ONE_AT_A_TIME):
            return False
        letter_id = await conn.fetchval(_DUE, queue, rounds.after)
        return letter_id is not None and await _send_again(conn, letter_id, BY_ITSELF)


async def letters(
    pool: Pool,
    *,
    queue: str | None = None,
    account: UUID | None = None,
    subject: str | None = None,
    cause: str | None = None,
    closed: bool = False,
    limit: int = 100,
) -> list[Letter]:
    """Dead letters, newest first: the open ones, with ``closed`` also what was replayed or dropped."""
    rows = await pool.fetch(_LIST, queue, account, subject, cause, closed, limit)
    return [Letter(**dict(row.items())) for row in rows]


async def count(pool: Pool, queue: str) -> dict[str, int]:
    """How many of a queue's dead letters wait for a person, by cause."""
    return {row["cause"]: row["count"] for row in await pool.fetch(_COUNT, queue)}


async def show(pool: Pool, letter_id: int) -> tuple[Letter, Any]:
    """One dead letter with its event, parsed where it can be. Raises ``NotFound``."""
    row = await pool.fetchrow(_SHOW, letter_id)
    if row is None:
        raise NotFound("there is no such dead letter")
    fields = dict(row.items())
    body = fields.pop("body")
    try:
        return Letter(**fields), orjson.loads(body)
    except orjson.JSONDecodeError:
        return Letter(**fields), body.decode("utf-8", "replace")


async def replay(pool: Pool, letter_id: int, *, by: str) -> None:
    """Send it once more, to the queue that failed and to no other, with a fresh count of attempts; also one
    that was dropped. ``by`` is kept with the row. Raises ``NotFound``, and ``HubError`` for what is no JSON."""
    async with pool.acquire() as conn, conn.transaction():
        if not await _send_again(conn, letter_id, by):
            raise NotFound("there is no such dead letter that could be replayed")


async def drop(pool: Pool, letter_id: int, *, by: str, why: str) -> None:
    """Give it up; the row stays, with who did it and why. Raises ``NotFound``."""
    if await pool.fetchval(_DROP, letter_id, by, why) is None:
        raise NotFound("there is no such open dead letter")


async def _send_again(conn: Connection, letter_id: int, by: str) -> bool:
    row = await conn.fetchrow(_REPLAY, letter_id, by)
    if row is None:
        return False
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
    return True


def _first_attempt(body: bytes) -> bytes:
    """Tried anew, and handled with nothing else in hand: it may be what kills."""
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError as bad:
        raise HubError("this dead letter is not JSON: it cannot be replayed, only dropped") from bad
    if isinstance(raw, dict):
        raw.pop(ATTEMPT, None)
        raw[ALONE] = True
    return orjson.dumps(raw)
