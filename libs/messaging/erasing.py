"""What a service does when an invoice was kept as long as it must be: everything it holds of it is deleted.

Ingest says when (``invoice.erased``): it keeps the originals, knows their class and the legal holds, and has deleted its
own part. Deleting twice is as good as once, so the event may come again; and whatever of that invoice still lies among
the dead letters goes too.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceErased
from libs.db.types import Connection
from libs.messaging.handler import Decided, Plain

_DEAD = "DELETE FROM dead WHERE subject = ANY ($1::text[])"


async def erase(conn: Connection, invoices: Sequence[UUID], statements: Sequence[str]) -> None:
    """Run the statements, each with the ids of these invoices as its one argument, and forget their dead letters."""
    ids = sorted(set(invoices))
    for statement in statements:
        await conn.execute(statement, ids)
    await conn.execute(_DEAD, [str(each) for each in ids])


class Erasing(Plain[InvoiceErased]):
    """``statements``: each deletes from the tables of one service what belongs to the invoices ``$1``."""

    hears = (InvoiceErased,)

    def __init__(self, queue: str, *statements: str) -> None:
        self.queue = queue
        self._statements = statements

    async def write(self, conn: Connection, decided: Sequence[Decided[InvoiceErased]]) -> Sequence[Event]:
        await erase(conn, [d.decision.invoice_id for d in decided], self._statements)
        return ()
