"""The end of what is kept: due submissions lose their documents, names and answers; and what else has had its time.

::

    submission ─ class of its account, end of the calendar year ─▶ due ─┬ a hold stands ─▶ stays
                                                                       └ locked ▸ documents deleted, as their owner
                                                                                ▸ names and answers too, and committed
                                                                                 with `invoice.erased`

Killed between the two, it finds no documents to delete the next time and does the rest. A hold takes the same lock, so it
is placed in time or told that it is too late. The row itself stays, with the hash and the day: that there was an invoice.
The other services hear of it and delete what they hold (``libs.messaging.erasing``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from libs import lifetimes
from libs.contracts.envelope import new_event
from libs.contracts.invoice import InvoiceErased
from libs.contracts.sandbox import IN_SQL
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection, Pool
from libs.messaging import outbox
from services.ingest.uploads.submissions import SOURCE

AT_ONCE = 200
_SANDBOX = IN_SQL.format(column="s.account_id")
_HERE = "Europe/Amsterdam"
_DAY = timedelta(days=1)

_log = structlog.get_logger(__name__)

# A class that was replaced still holds for what came before.
_YEARS = f"""
coalesce((SELECT max(r.years) FROM retention r
           WHERE r.account_id = s.account_id AND (r.until IS NULL OR r.until > s.received_at)), {lifetimes.YEARS})
"""  # noqa: S608 - constants
_END = f"""
(date_trunc('year', s.received_at AT TIME ZONE '{_HERE}') + make_interval(years => 1 + {_YEARS})) AT TIME ZONE '{_HERE}'
"""
_DUE = """
SELECT s.submission_id, s.account_id, s.received_at FROM submission s
 WHERE s.expired_at IS NULL AND {due}
   AND NOT EXISTS (SELECT FROM hold h
                    WHERE h.account_id = s.account_id AND h.lifted_at IS NULL
                      AND (h.stored_at IS NULL OR h.stored_at = s.received_at))
 ORDER BY s.received_at LIMIT $1 FOR UPDATE OF s SKIP LOCKED
"""
_DUE_LIVE = _DUE.format(
    due=f"s.received_at < now() - make_interval(years => {lifetimes.YEARS}) AND NOT {_SANDBOX} AND {_END} <= now()"
)
_DUE_TRIED = _DUE.format(
    due=f"{_SANDBOX} AND s.received_at < now() - make_interval(days => {lifetimes.SANDBOX.kept.days})"
)

# As the owner of the documents. What is too young is not deleted, whoever asks. An id was made shortly before its row.
_DELETE = f"""
DELETE FROM documents.document d
 USING unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[]) AS t (account, at, low, high)
 WHERE d.account = t.account AND d.created_at = t.at AND d.document_id >= t.low AND d.document_id < t.high
   AND d.created_at < now() - CASE WHEN {IN_SQL.format(column="d.account")}
       THEN make_interval(days => {lifetimes.SANDBOX.kept.days}) ELSE make_interval(years => {lifetimes.YEARS}) END
"""  # noqa: S608 - constants

_FORGET = (
    """UPDATE submission SET expired_at = now(), mail_from = NULL, mail_id = NULL, mail_facts = NULL, mail_head = NULL
        WHERE submission_id = ANY ($1::uuid[])""",
    "UPDATE repeat SET filename = NULL, reason = NULL WHERE submission_id = ANY ($1::uuid[])",
)
# The same bytes are a new invoice from now on: what they would repeat is gone.
_ERASE = """
UPDATE invoice SET outcome = 'erased', filename = NULL, reason = NULL, fields = NULL, open = false,
                   closed_by = coalesce(closed_by, 'expired')
 WHERE submission_id = ANY ($1::uuid[]) AND outcome <> 'erased' RETURNING invoice_id, account_id
"""
_UNREPEAT = "UPDATE repeat SET erased = true WHERE invoice_id = ANY ($1::uuid[])"
_FORGET_KEYS = """
DELETE FROM idempotency i USING unnest($1::uuid[], $2::uuid[]) AS t (account_id, submission_id)
 WHERE i.account_id = t.account_id AND i.submission_id = t.submission_id
"""
_OVER: Sequence[tuple[str, timedelta]] = (
    ("DELETE FROM session WHERE least(ended_at, expires_at) < now() - $1::interval", lifetimes.SESSION.kept),
    ("DELETE FROM link WHERE least(ended_at, expires_at) < now() - $1::interval", lifetimes.LINK.kept),
    ("DELETE FROM guess WHERE used_until < now() - $1::interval", lifetimes.GUESS.kept),
    (
        """DELETE FROM account_user u WHERE removed_at < now() - $1::interval
            AND NOT EXISTS (SELECT FROM session s WHERE s.user_id = u.user_id)""",
        lifetimes.USER.kept,
    ),
)


class Retention:
    """``run`` ends what is due and returns. ``pool`` has ingest's worker role, ``owner`` says where the documents are,
    ``wake`` that there are events."""

    def __init__(self, pool: Pool, owner: DatabaseSettings, wake: Callable[[], object]) -> None:
        self._pool = pool
        self._owner = owner
        self._wake = wake

    async def run(self) -> None:
        """Raises asyncpg's errors and ``OSError`` when a database is away."""
        for statement, kept in _OVER:
            await self._pool.execute(statement, kept)
        for query in (_DUE_LIVE, _DUE_TRIED):
            while await self._expire(query):
                pass

    async def _expire(self, query: str) -> bool:
        """Returns whether there may be more."""
        async with self._pool.acquire() as conn, conn.transaction():
            rows = await conn.fetch(query, AT_ONCE)
            if rows:
                deleted = await self._delete([(row["account_id"], row["received_at"]) for row in rows])
                ids = [row["submission_id"] for row in rows]
                for statement in _FORGET:
                    await conn.execute(statement, ids)
                await conn.execute(_FORGET_KEYS, [row["account_id"] for row in rows], ids)
                await self._tell(conn, ids)
                _log.info("retention is over", submissions=len(rows), documents=deleted)
        self._wake()
        return len(rows) == AT_ONCE

    async def _tell(self, conn: Connection, submissions: Sequence[UUID]) -> None:
        gone = [(row["invoice_id"], row["account_id"]) for row in await conn.fetch(_ERASE, submissions)]
        await conn.execute(_UNREPEAT, [invoice_id for invoice_id, _ in gone])
        erased = [
            (InvoiceErased(invoice_id=invoice_id, account_id=account_id, sequence=1), account_id)
            for invoice_id, account_id in gone
        ]
        await outbox.append(conn, [new_event(each, source=SOURCE, account=of) for each, of in erased])

    async def _delete(self, due: Sequence[tuple[UUID, datetime]]) -> int:
        owner: Connection = await asyncpg.connect(**self._owner.role_url("documents_owner"))
        try:
            done = await owner.execute(
                _DELETE,
                [account for account, _ in due],
                [at for _, at in due],
                [_born(at - _DAY) for _, at in due],
                [_born(at + _DAY) for _, at in due],
            )
        finally:
            await owner.close()
        return int(done.rpartition(" ")[2])


def _born(instant: datetime) -> UUID:
    """The least id made at this instant."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)


_CLASS = "SELECT years FROM retention WHERE until IS NULL"
_REPLACE = "UPDATE retention SET until = now() WHERE account_id = $1 AND until IS NULL"
_SET = "INSERT INTO retention (account_id, years, user_id) VALUES ($1, $2, $3)"
_HOLDS = """
SELECT hold_id, submission_id, reason, placed_at FROM hold WHERE lifted_at IS NULL ORDER BY placed_at, hold_id
"""


async def shown(conn: Connection) -> dict[str, Any]:
    """Class and holds of the account set on ``conn``."""
    years = await conn.fetchval(_CLASS)
    return {
        "years": years or lifetimes.YEARS,
        "holds": [dict(row) for row in await conn.fetch(_HOLDS)],
    }


async def set_years(conn: Connection, account_id: UUID, years: int, user_id: UUID | None) -> None:
    """Inside a transaction."""
    if await conn.fetchval(_CLASS) != years:
        await conn.execute(_REPLACE, account_id)
        await conn.execute(_SET, account_id, years, user_id)


_LOCK = "SELECT received_at, expired_at FROM submission WHERE submission_id = $1 FOR UPDATE"
_HOLD = """
INSERT INTO hold (hold_id, account_id, submission_id, stored_at, reason, user_id) VALUES ($1, $2, $3, $4, $5, $6)
"""
_LIFT = "UPDATE hold SET lifted_at = coalesce(lifted_at, now()) WHERE hold_id = $1 RETURNING 1"


async def held_at(conn: Connection, submission_id: UUID) -> datetime | None:
    """When a submission of the account set on ``conn`` was stored, locked; None when it is not there any more."""
    row = await conn.fetchrow(_LOCK, submission_id)
    return row["received_at"] if row and row["expired_at"] is None else None


async def hold(
    conn: Connection,
    hold_id: UUID,
    account_id: UUID,
    what: tuple[UUID, datetime] | None,
    reason: str,
    user_id: UUID | None,
) -> None:
    """``what``: a submission and when it was stored; None: everything of the account."""
    await conn.execute(_HOLD, hold_id, account_id, *(what or (None, None)), reason, user_id)


async def lift(conn: Connection, hold_id: UUID) -> bool:
    """A hold of the account set on ``conn``; lifting twice is as good as once."""
    return bool(await conn.fetchval(_LIFT, hold_id))
