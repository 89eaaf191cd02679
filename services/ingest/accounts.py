"""SQL of accounts, API keys and key mailboxes: each statement beside the one function that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs import clock
from libs.contracts.envelope import new_event
from libs.contracts.parts import Words
from libs.contracts.party import AccountRegistered
from libs.db.pools import tenant
from libs.db.types import Connection, Pool
from libs.einvoice.formats.eexact import Sender
from libs.einvoice.model import PostalAddress
from libs.errors import Conflict
from libs.messaging import outbox
from services.ingest.submissions import SOURCE

_INSERT_ACCOUNT = """
INSERT INTO account (account_id, name, email, kvk, vat, iban, language, address)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


@dataclass(frozen=True, slots=True)
class Claims:
    """What an account says about itself; nothing of it is proven."""

    name: str
    email: str
    kvk: str | None = None
    vat: str | None = None
    iban: str | None = None
    language: str = "nl"
    address: dict[str, Any] | None = None
    """``street``, ``post_code``, ``city``, ``country``: the seller's, on invoices that name none (eExact)."""


async def open_account(pool: Pool, claims: Claims) -> UUID:
    """Open an account and tell the others (``account.registered``)."""
    account_id = clock.uuid7()
    registered = AccountRegistered.model_validate(
        {
            "account_id": account_id,
            "sequence": 1,
            "name": claims.name,
            "email": claims.email,
            "kvk": claims.kvk,
            "vat": claims.vat,
            "iban": claims.iban,
            "language": claims.language,
        }
    )
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(
            _INSERT_ACCOUNT,
            account_id,
            claims.name,
            claims.email,
            claims.kvk,
            claims.vat,
            claims.iban,
            claims.language,
            claims.address,
        )
        await outbox.append(conn, [new_event(registered, source=SOURCE, account=account_id)])
    return account_id


_ALL = """
SELECT account_id, sequence, name, email, kvk, vat, iban, language FROM account
 WHERE account_id > $1 ORDER BY account_id LIMIT 500
"""


async def tell_all(pool: Pool) -> int:
    """Tell about every account again, under the number its last change had: who knows it changes nothing, who
    lost it has it back. ``pool`` has the worker role. Returns how many."""
    count, after = 0, UUID(int=0)
    while True:
        async with pool.acquire() as conn, conn.transaction():
            rows = await conn.fetch(_ALL, after)
            if not rows:
                return count
            claims = [AccountRegistered.model_validate(dict(row.items())) for row in rows]
            await outbox.append(
                conn, [new_event(each, source=SOURCE, account=each.account_id) for each in claims]
            )
        count += len(rows)
        after = rows[-1]["account_id"]


_ACCOUNT = "SELECT account_id, name, email, kvk, vat, iban, language, address, created_at FROM account"


async def account(conn: Connection) -> dict[str, Any] | None:
    """The account set on ``conn``."""
    row = await conn.fetchrow(_ACCOUNT)
    return dict(row) if row else None


async def sender(pool: Pool, account_id: UUID) -> Sender | None:
    """The account as the seller of invoices that name none; ``pool`` has the api role."""
    async with tenant(pool, account_id) as conn:
        row = await account(conn)
    if row is None:
        return None
    address = row["address"] or {}
    return Sender(
        name=row["name"],
        kvk=row["kvk"],
        vat=row["vat"],
        iban=row["iban"],
        email=row["email"],
        address=PostalAddress(
            address_line_1=address.get("street"),
            city=address.get("city"),
            post_code=address.get("post_code"),
            country_code=address.get("country"),
        )
        if address
        else None,
    )


MOST_KEYS = 2
"""Live ones of an account: one in use, and one to change to. More than that is keys nobody remembers."""

TOO_MANY_KEYS = Words(
    nl="Er zijn al twee API-sleutels in gebruik. Trek eerst de sleutel in die u niet meer gebruikt.",
    en="Two API keys are in use already. Revoke the one you no longer use first.",
)

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('api_key ' || $1::text, 0))"

_LIVE_KEYS = "SELECT count(*) FROM api_key WHERE account_id = $1 AND revoked_at IS NULL"

_INSERT_KEY = """
INSERT INTO api_key (key_id, account_id, secret_hash, label, scopes) VALUES ($1, $2, $3, $4, $5)
"""


async def add_key(
    conn: Connection, key_id: str, account_id: UUID, secret_hash: bytes, label: str, scopes: Sequence[str]
) -> None:
    """Add a key, inside a transaction. Raises ``Conflict`` when the account has two live ones."""
    # Or two requests at once would each count the same keys.
    await conn.execute(_ONE_AT_A_TIME, str(account_id))
    if await conn.fetchval(_LIVE_KEYS, account_id) >= MOST_KEYS:
        raise Conflict(TOO_MANY_KEYS.en, nl=TOO_MANY_KEYS.nl, code="too-many-keys")
    await conn.execute(_INSERT_KEY, key_id, account_id, secret_hash, label, list(scopes))


_KEYS = "SELECT key_id, label, scopes, created_at, revoked_at FROM api_key ORDER BY created_at, key_id"


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


_FIND_KEY = "SELECT account_id, secret_hash, scopes FROM find_key($1)"


@dataclass(frozen=True, slots=True)
class FoundKey:
    account_id: UUID
    secret_hash: bytes
    scopes: frozenset[str]


async def find_key(pool: Pool, key_id: str) -> FoundKey | None:
    """A live key by its id, whosever it is."""
    row = await pool.fetchrow(_FIND_KEY, key_id)
    return FoundKey(row["account_id"], row["secret_hash"], frozenset(row["scopes"])) if row else None


_INSERT_MAILBOX = """
INSERT INTO mailbox (mailbox_id, account_id, address_hash, address_encrypted) VALUES ($1, $2, $3, $4)
"""


async def add_mailbox(
    conn: Connection, account_id: UUID, address_hash: bytes, address_encrypted: bytes
) -> UUID:
    mailbox_id = clock.uuid7()
    await conn.execute(_INSERT_MAILBOX, mailbox_id, account_id, address_hash, address_encrypted)
    return mailbox_id


_MAILBOXES = """
SELECT mailbox_id, address_encrypted, created_at FROM mailbox WHERE revoked_at IS NULL
 ORDER BY created_at, mailbox_id
"""


async def mailboxes(conn: Connection) -> list[dict[str, Any]]:
    """The live key mailboxes of the account set on ``conn``; addresses still encrypted."""
    return [dict(row) for row in await conn.fetch(_MAILBOXES)]


_FIND_MAILBOX = "SELECT mailbox_id, account_id FROM find_mailbox($1)"


@dataclass(frozen=True, slots=True)
class FoundMailbox:
    mailbox_id: UUID
    account_id: UUID


async def find_mailbox(pool: Pool, address_hash: bytes) -> FoundMailbox | None:
    """A live mailbox by the keyed hash of its local part."""
    row = await pool.fetchrow(_FIND_MAILBOX, address_hash)
    return FoundMailbox(row["mailbox_id"], row["account_id"]) if row else None
