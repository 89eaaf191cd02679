"""Build the status of every invoice anew from the timeline, while everything runs.

The timeline (``fact``) holds every event as it was published and is never changed, so it is where the truth about
old invoices lives: what services published is kept for days, what track wrote down as long as the invoice. The
status follows from it alone (``status.py``), and comes out the same. Nobody is mailed: only a fact that is new
to the timeline can make a notice due.

Per group of invoices: lock the status rows there are, read their facts, write. Whoever adds a fact meanwhile waits
for the lock and adds it to what was built, or was there first and is read. Rows that are missing are entered in a
transaction of their own, or two who do as ``store.project`` does would wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from libs.contracts.registry import UndecodableEvent, decode
from libs.db.types import Connection, Pool
from services.track import facts, store
from services.track.status import NOTHING, Status, apply_all

GROUP = 500

_NEXT = """
SELECT invoice_id FROM (
    (SELECT DISTINCT invoice_id FROM fact WHERE invoice_id > $1 ORDER BY invoice_id LIMIT $2)
    UNION
    (SELECT invoice_id FROM status WHERE role = 'sender' AND invoice_id > $1 ORDER BY invoice_id LIMIT $2)) t
 ORDER BY invoice_id LIMIT $2
"""
_BODIES = "SELECT invoice_id, account_id, body FROM fact WHERE invoice_id = ANY ($1::uuid[])"


@dataclass(slots=True)
class Rebuilt:
    """How many invoices were looked at, how many status rows were missing or said something else, and how many
    stand on no fact at all: those are kept, for somebody lost facts."""

    invoices: int = 0
    mended: int = 0
    groundless: int = 0


async def rebuild(pool: Pool) -> Rebuilt:
    """Go through all invoices. ``pool`` has the worker role. May be stopped and begun again at any time."""
    done, after = Rebuilt(), UUID(int=0)
    while True:
        async with pool.acquire() as conn:
            group = [row["invoice_id"] for row in await conn.fetch(_NEXT, after, GROUP)]
            if not group:
                return done
            await _mend(conn, group, done)
        done.invoices += len(group)
        after = group[-1]


async def _mend(conn: Connection, group: Sequence[UUID], done: Rebuilt) -> None:
    async with conn.transaction():
        before = await store.locked(conn, group)
        _, built = await _build(conn, list(before))
        wrong = await store.differing(conn, built)
        await store.overwrite(conn, wrong)
    done.mended += len(wrong)
    done.groundless += len(before) - len(built)
    async with conn.transaction():
        accounts, missing = await _build(conn, [each for each in group if each not in before])
        inserted = await store.insert(conn, accounts, missing)
    done.mended += len(inserted)
    late = [each for each in missing if each not in inserted]
    if late:
        # Entered by somebody else meanwhile, who may not have had all facts.
        await _mend(conn, late, done)


async def _build(conn: Connection, invoices: Sequence[UUID]) -> tuple[dict[UUID, UUID], dict[UUID, Status]]:
    """Account and status of those that have facts."""
    accounts: dict[UUID, UUID] = {}
    built: dict[UUID, Status] = {}
    for invoice_id, account_id, body in await conn.fetch(_BODIES, list(invoices)):
        try:
            fact = facts.read(decode(orjson.loads(body)))
        except UndecodableEvent:  # kept for a release that can read it: timeline only
            continue
        if fact is not None:
            accounts[invoice_id] = account_id
            built[invoice_id] = apply_all(built.get(invoice_id, NOTHING), [fact])
    return accounts, dict(sorted(built.items()))
