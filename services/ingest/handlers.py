"""What ingest does with events: it learns which invoices ended without being delivered to whom they were for."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceFact
from libs.db.types import Connection
from libs.messaging import Decided, Plain
from services.ingest import store


class Outcomes(Plain[InvoiceFact]):
    """After a rejection, a return or a failed delivery the same bytes are a new invoice (SA21); after a recall too: the
    directory may have been wrong, and the invoice right."""

    queue = "ingest.outcomes"
    hears = (InvoiceFact,)

    async def write(self, conn: Connection, decided: Sequence[Decided[InvoiceFact]]) -> Sequence[Event]:
        await store.close(conn, [(d.decision.invoice_id, d.decision.type) for d in decided])
        return ()
