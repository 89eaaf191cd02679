"""What ingest does with events: it learns which invoices ended without being delivered."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceFact
from libs.db.types import Connection
from libs.errors import Park, Reject
from libs.messaging import AT_LEISURE, Decided
from services.ingest import store


class Outcomes:
    """After a rejection, a return or a failed delivery the same bytes are a new invoice (SA21)."""

    queue = "ingest.outcomes"
    pace = AT_LEISURE
    heavy = False

    async def gather(self, events: Sequence[Event]) -> None:
        return None

    def decide(self, event: Event, known: None) -> InvoiceFact:
        if not isinstance(event.data, InvoiceFact):
            raise TypeError(f"{event.type} is not a fact about an invoice")
        return event.data

    def refused(self, event: Event, word: Reject | Park) -> InvoiceFact:
        raise word

    async def write(self, conn: Connection, decided: Sequence[Decided[InvoiceFact]]) -> Sequence[Event]:
        await store.close(conn, [(d.decision.invoice_id, d.decision.type) for d in decided])
        return ()
