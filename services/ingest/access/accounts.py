"""SQL of accounts: each statement beside the one function that runs it."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass
from typing import Any, Literal
from uuid import UUID

from libs import clock
from libs.contracts.envelope import new_event
from libs.contracts.party import AccountRegistered
from libs.contracts.sandbox import IN_SQL, sandbox_of
from libs.db.pools import tenant
from libs.db.types import Connection, Pool
from libs.einvoice.formats.eexact import Sender
from libs.einvoice.model import PostalAddress
from libs.messaging import outbox
from services.ingest.uploads.submissions import SOURCE

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
    language: Literal["nl", "en"] = "nl"
    address: dict[str, Any] | None = None
    """``street``, ``post_code``, ``city``, ``country``: the seller's, on invoices that name none (eExact)."""


async def open_account(pool: Pool, claims: Claims) -> UUID:
    """Open an account and tell the others (``account.registered``)."""
    account_id = clock.uuid7()
    async with pool.acquire() as conn, conn.transaction():
        await add_account(conn, account_id, claims)
    return account_id


async def add_account(conn: Connection, account_id: UUID, claims: Claims) -> None:
    """As ``open_account``, inside a transaction of the worker."""
    await conn.execute(_INSERT_ACCOUNT, account_id, *astuple(claims))
    await _tell(conn, account_id, 1, claims)


_CHANGE = """
UPDATE account SET name = $2, email = $3, kvk = $4, vat = $5, iban = $6, language = $7, address = $8,
                   sequence = sequence + 1
 WHERE account_id = $1 AND closed_at IS NULL RETURNING sequence
"""


async def change(conn: Connection, account_id: UUID, claims: Claims) -> None:
    """It says something else about itself from now on, and the others are told."""
    sequence = await conn.fetchval(_CHANGE, account_id, *astuple(claims))
    if sequence is not None:
        await _tell(conn, account_id, sequence, claims)


async def _tell(conn: Connection, account_id: UUID, sequence: int, claims: Claims) -> None:
    said = asdict(claims)
    del said["address"]
    registered = AccountRegistered(account_id=account_id, sequence=sequence, **said)
    await outbox.append(conn, [new_event(registered, source=SOURCE, account=account_id)])


_OPEN_SANDBOX = """
INSERT INTO account (account_id, name, email, kvk, vat, iban, language, address)
SELECT $2, name, email, kvk, vat, iban, language, address FROM account WHERE account_id = $1
ON CONFLICT (account_id) DO UPDATE SET name = excluded.name, kvk = excluded.kvk, vat = excluded.vat,
   iban = excluded.iban, address = excluded.address
"""


async def open_sandbox(pool: Pool, account_id: UUID) -> UUID:
    """The account's sandbox, under the names the account has now. Nobody else hears of it: there is nothing to know.
    ``pool`` has the worker role."""
    sandbox = sandbox_of(account_id)
    await pool.execute(_OPEN_SANDBOX, account_id, sandbox)
    return sandbox


_CLOSE = (
    "UPDATE account SET closed_at = now() WHERE account_id = $1 AND closed_at IS NULL",
    "UPDATE api_key SET revoked_at = now() WHERE account_id = $1 AND revoked_at IS NULL",
    "UPDATE mailbox SET revoked_at = now() WHERE account_id = $1 AND revoked_at IS NULL",
    "UPDATE session SET ended_at = now() WHERE account_id = $1 AND ended_at IS NULL",
    "UPDATE account_user SET removed_at = now(), password_hash = '' WHERE account_id = $1 AND removed_at IS NULL",
    "UPDATE link SET ended_at = now() WHERE account_id = $1 AND ended_at IS NULL",
)


async def close(conn: Connection, account_id: UUID) -> None:
    """Nobody comes in any more, by key, password, session, link or mail. What was handed over goes on, and is kept as
    long as the law asks."""
    for statement in _CLOSE:
        await conn.execute(statement, account_id)


_ALL = """
SELECT account_id, sequence, name, email, kvk, vat, iban, language FROM account
 WHERE account_id > $1 AND NOT {sandbox} ORDER BY account_id LIMIT 500
""".format(sandbox=IN_SQL.format(column="account_id"))


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
