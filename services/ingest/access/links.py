"""One-time links: made with the event that has them mailed, used once, and what each of them does.

::

    sign-up ────▶ account and its owner          invitation ─▶ a user with the role that was offered
    reset, known ─▶ a new password; all sessions of that user end

The person chooses the password when using the link, never before: whoever knows it has read the mail. So nobody can open an
account in advance with the address of somebody else and wait for its owner to confirm it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from libs import clock, lifetimes
from libs.contracts.envelope import new_event
from libs.contracts.party import AccountLinkMade
from libs.db.types import Connection
from libs.errors import NotFound
from libs.messaging import outbox
from services.ingest.access import accounts, users
from services.ingest.uploads.submissions import SOURCE

Kind = Literal["sign-up", "known", "invitation", "reset"]


class LinkOver(NotFound):
    """This link was used before, has expired, or is not whole: ask for a new one."""

    slug = "link-over"
    dutch = "Deze link is al gebruikt, verlopen of niet heel: vraag een nieuwe aan."


class AddressTaken(LinkOver):
    """This address has become a user name in the meantime: sign in, or ask for an invitation to another address."""

    slug = "address-taken"
    dutch = (
        "Dit adres is intussen al een gebruikersnaam: log in, of vraag een uitnodiging voor een ander adres."
    )


@dataclass(frozen=True, slots=True)
class Addressee:
    email: str
    language: Literal["nl", "en"]
    user_id: UUID | None = None


_MAKE = """
INSERT INTO link (link_id, account_id, kind, email, user_id, payload, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, now() + $7::interval) RETURNING expires_at
"""


async def make(
    conn: Connection,
    kind: Kind,
    account_id: UUID,
    account_name: str,
    to: Addressee,
    *,
    payload: Mapping[str, Any] | None = None,
    by: str | None = None,
) -> datetime:
    """Inside a transaction that has ``account_id`` set. Returns when it expires."""
    link_id = clock.uuid7()
    expires_at: datetime = await conn.fetchval(
        _MAKE, link_id, account_id, kind, to.email, to.user_id, dict(payload or {}), lifetimes.LINKS[kind]
    )
    made = AccountLinkMade(
        account_id=account_id,
        link_id=link_id,
        kind=kind,
        email=to.email,
        account_name=account_name,
        by=by,
        language=to.language,
        expires_at=expires_at,
    )
    await outbox.append(conn, [new_event(made, source=SOURCE, account=account_id)])
    return expires_at


async def make_nothing(conn: Connection, account_id: UUID) -> None:
    """For an address nobody has: as much work, and no mail."""
    await conn.fetchval(_MAKE, clock.uuid7(), account_id, "nobody", None, None, {}, lifetimes.RESET.kept)


@dataclass(frozen=True, slots=True)
class Used:
    """What a link did."""

    kind: Kind
    account_id: UUID
    email: str
    role: str


_USE = """
UPDATE link SET ended_at = now()
 WHERE link_id = $1 AND ended_at IS NULL AND expires_at > now() AND kind <> 'nobody'
RETURNING kind, account_id, email, user_id, payload
"""
_OPEN = "SELECT 1 FROM account WHERE account_id = $1 AND closed_at IS NULL FOR SHARE"


async def use(conn: Connection, link_id: UUID, password_hash: str) -> Used:
    """Inside a transaction of the worker: ``link_id`` was proven by its token. Raises ``LinkOver``."""
    row = await conn.fetchrow(_USE, link_id)
    if row is None:
        raise LinkOver
    kind, account_id, email = row["kind"], row["account_id"], row["email"]
    payload: Mapping[str, Any] = row["payload"]
    if kind == "sign-up":
        claims = accounts.Claims(**payload)
        await accounts.add_account(conn, account_id, claims)
        await _add(conn, clock.uuid7(), account_id, email, "owner", claims.language, password_hash)
        return Used(kind, account_id, email, "owner")
    if not await conn.fetchval(_OPEN, account_id):
        raise LinkOver
    if kind == "invitation":
        role = payload["role"]
        await _add(conn, row["user_id"], account_id, email, role, payload["language"], password_hash)
        return Used(kind, account_id, email, role)
    found = await users.set_password(conn, row["user_id"], password_hash)
    if found is None:
        raise LinkOver
    return Used(kind, account_id, email, found)


async def _add(
    conn: Connection,
    user_id: UUID,
    account_id: UUID,
    email: str,
    role: str,
    language: str,
    password_hash: str,
) -> None:
    if not await users.add(conn, user_id, account_id, email, role, language, password_hash):
        raise AddressTaken
