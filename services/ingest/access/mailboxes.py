"""SQL of key mailboxes: each statement beside the one function that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs import clock
from libs.contracts.parts import Words
from libs.db.types import Connection, Pool
from libs.errors import Conflict
from services.ingest.access.credentials import Vault, new_local_part

MOST = 10
"""Live ones of an account: for branches, and to change from one to another."""

TOO_MANY = Words(
    nl="Dit account heeft al tien sleutelmailboxen. Trek er eerst een in die niet meer wordt gebruikt.",
    en="This account has ten key mailboxes already. Revoke one that is no longer used first.",
)

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('mailbox ' || $1::text, 0))"

_INSERT_MAILBOX = """
INSERT INTO mailbox (mailbox_id, account_id, address_hash, address_encrypted) VALUES ($1, $2, $3, $4)
"""


async def add_mailbox(conn: Connection, account_id: UUID, vault: Vault) -> tuple[UUID, str]:
    """Inside a transaction: its id, and what stands before the @ of its addresses. Raises ``Conflict`` when the account has
    ``MOST`` live ones."""
    await conn.execute(_ONE_AT_A_TIME, str(account_id))
    if len(await mailboxes(conn)) >= MOST:
        raise Conflict(TOO_MANY.en, nl=TOO_MANY.nl, code="too-many-mailboxes")
    mailbox_id, local = clock.uuid7(), new_local_part()
    await conn.execute(_INSERT_MAILBOX, mailbox_id, account_id, vault.digest(local), vault.encrypt(local))
    return mailbox_id, local


_MAILBOXES = """
SELECT mailbox_id, address_encrypted, created_at, expires_at FROM mailbox
 WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
 ORDER BY created_at, mailbox_id
"""


async def mailboxes(conn: Connection) -> list[dict[str, Any]]:
    """The live key mailboxes of the account set on ``conn``; addresses still encrypted."""
    return [dict(row) for row in await conn.fetch(_MAILBOXES)]


_LET_EXPIRE = """
UPDATE mailbox SET expires_at = least(expires_at, now() + $2::interval)
 WHERE mailbox_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
RETURNING expires_at
"""


async def let_expire(conn: Connection, mailbox_id: UUID, overlap: timedelta) -> datetime | None:
    """A live one of the account set on ``conn`` gets an end, no later than it had; None when there is none."""
    found: datetime | None = await conn.fetchval(_LET_EXPIRE, mailbox_id, overlap)
    return found


_REVOKE = """
UPDATE mailbox SET revoked_at = coalesce(revoked_at, now()) WHERE mailbox_id = $1 RETURNING revoked_at
"""


async def revoke(conn: Connection, mailbox_id: UUID) -> datetime | None:
    """When it was revoked; None when the account set on ``conn`` has none of that id."""
    found: datetime | None = await conn.fetchval(_REVOKE, mailbox_id)
    return found


_LET_LOOSE = "UPDATE account SET loose_pdf = $2 WHERE account_id = $1"


async def let_loose(pool: Pool, account_id: UUID, loose: bool) -> None:
    """``loose``: a PDF of another name may come along (R25). ``pool`` has the worker role."""
    await pool.execute(_LET_LOOSE, account_id, loose)


_FIND_MAILBOX = "SELECT mailbox_id, account_id, loose_pdf FROM find_mailbox($1)"


@dataclass(frozen=True, slots=True)
class FoundMailbox:
    mailbox_id: UUID
    account_id: UUID
    loose_pdf: bool = False
    """The only PDF of a mail belongs to its only invoice, whatever their names (R25)."""


async def find_mailbox(pool: Pool, address_hash: bytes) -> FoundMailbox | None:
    """A live mailbox by the keyed hash of its local part."""
    row = await pool.fetchrow(_FIND_MAILBOX, address_hash)
    return FoundMailbox(row["mailbox_id"], row["account_id"], row["loose_pdf"]) if row else None
