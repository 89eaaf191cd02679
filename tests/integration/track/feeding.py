"""Events into track's handlers, as the consumer does it: one transaction a batch."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.envelope import Event
from libs.db.types import Connection, Pool
from libs.messaging import Decided
from services.track.handlers import Accounts, Facts


async def write(conn: Connection, *events: Event) -> None:
    facts = Facts()
    await facts.write(conn, [Decided(event, facts.decide(event, None)) for event in events])


async def feed(pool: Pool, *events: Event) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await write(conn, *events)


async def know(pool: Pool, *events: Event) -> None:
    accounts = Accounts()
    async with pool.acquire() as conn, conn.transaction():
        await accounts.write(conn, [Decided(event, accounts.decide(event, None)) for event in events])


async def projection(pool: Pool) -> Sequence[dict[str, object]]:
    """Every column of every status row."""
    rows = await pool.fetch("SELECT * FROM status ORDER BY invoice_id, role, account_id")
    return [dict(row.items()) for row in rows]
