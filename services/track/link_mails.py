"""SQL of the mails with a one-time link, and of those that a connection lapsed: each statement beside the one function
that runs it.

As notices (``mailings.py``), but simpler: the same mail twice does no harm, since the link in both works once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from libs import clock, lifetimes
from libs.contracts.party import AccountConnectionLapsed, AccountLinkMade
from libs.db.types import Connection, Pool
from services.track.mailings import SAFE

_INSERT = """
INSERT INTO link_mail (link_id, account_id, kind, email, account_name, by_email, language, expires_at, sealed)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::timestamptz[], $9::text[])
ON CONFLICT (link_id) DO NOTHING
"""


async def add(conn: Connection, made: Sequence[AccountLinkMade]) -> None:
    """Make them due; one that is known is left alone."""
    if not made:
        return
    await conn.execute(
        _INSERT,
        [m.link_id for m in made],
        [m.account_id for m in made],
        [m.kind for m in made],
        [m.email for m in made],
        [m.account_name for m in made],
        [m.by for m in made],
        [m.language for m in made],
        [m.expires_at for m in made],
        [m.sealed for m in made],
    )


# Address, name and language are those that the account has when it is sent.
_LAPSED = """
INSERT INTO link_mail (link_id, account_id, kind, email, account_name, language, expires_at, said)
SELECT lapse_id, account_id, 'lapsed', '', '', 'nl', now() + $4::interval, said
  FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[]) AS t (lapse_id, account_id, said)
ON CONFLICT (link_id) DO NOTHING
"""


async def add_lapsed(conn: Connection, lapsed: Sequence[AccountConnectionLapsed]) -> None:
    """Make these due; one that is known is left alone."""
    if not lapsed:
        return
    said = [each.model_dump(mode="json") for each in lapsed]
    ids = [each.lapse_id for each in lapsed]
    await conn.execute(_LAPSED, ids, [each.account_id for each in lapsed], said, lifetimes.LINK_MAIL.kept)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail in hand, its attempt already counted."""

    link_id: UUID
    kind: Literal["sign-up", "known", "invitation", "reset", "key", "lapsed"]
    email: str
    account_name: str
    by_email: str | None
    language: Literal["nl", "en"]
    attempt: int
    sealed: str | None
    """Kind key: its addresses."""
    said: dict[str, Any] | None
    """Kind lapsed: the event."""
    age: timedelta
    until: float
    """On ``clock.boottime``: nothing is sent after it, because somebody else may be about to."""


_FORGET = "DELETE FROM link_mail WHERE expires_at < now() - $1::interval"
_EXPIRE = "UPDATE link_mail SET state = 'expired' WHERE state = 'due' AND expires_at <= now()"
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT link_id, account_id FROM link_mail WHERE state = 'due' AND due_at <= now()
       AND (kind <> 'lapsed' OR EXISTS (SELECT FROM account a WHERE a.account_id = link_mail.account_id))
     ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
UPDATE link_mail m SET attempts = attempts + 1, due_at = now() + $2
  FROM due LEFT JOIN account a USING (account_id) WHERE m.link_id = due.link_id
RETURNING m.link_id, m.kind, m.by_email, m.attempts, m.sealed, m.said, now() - m.created_at AS age,
          CASE m.kind WHEN 'lapsed' THEN a.email ELSE m.email END AS email,
          CASE m.kind WHEN 'lapsed' THEN a.name ELSE m.account_name END AS account_name,
          CASE m.kind WHEN 'lapsed' THEN a.language ELSE m.language END AS language
"""


async def claim(pool: Pool, most: int, lease: timedelta) -> list[Claimed]:
    """Take due mails in hand; what expired meanwhile is not sent any more, and what expired long ago forgotten."""
    until = clock.boottime() + SAFE * lease.total_seconds()
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(_EXPIRE)
        await conn.execute(_FORGET, lifetimes.LINK_MAIL.kept)
        rows = await conn.fetch(_CLAIM, most, lease)
    return [
        Claimed(
            link_id=row["link_id"],
            kind=row["kind"],
            email=row["email"],
            account_name=row["account_name"],
            by_email=row["by_email"],
            language=row["language"],
            attempt=row["attempts"],
            sealed=row["sealed"],
            said=row["said"],
            age=row["age"],
            until=until,
        )
        for row in rows
    ]


_SETTLE = """
UPDATE link_mail SET state = $3, detail = $4, due_at = now() + $5
 WHERE link_id = $1 AND attempts = $2 AND state = 'due'
"""


async def settle(
    pool: Pool,
    claimed: Claimed,
    detail: str,
    *,
    state: Literal["due", "sent", "failed"],
    again: timedelta = timedelta(0),
) -> None:
    """Write down how an attempt ended; ``due``: it is tried ``again`` after that long."""
    await pool.execute(_SETTLE, claimed.link_id, claimed.attempt, state, detail[:500], again)
