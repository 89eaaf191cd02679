"""What route does with events: every lawful invoice gets its receiver, or waits; and whose number is free is noted."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceFact, InvoiceRejected, InvoiceUndeliverable, InvoiceValidated
from libs.db.types import Connection, Pool
from libs.errors import Park, Reject
from libs.messaging import AT_LEISURE, PROMPT, Decided
from services.route import facts, links, numbers
from services.route.decision import Decision
from services.route.facts import Known


class Validated:
    """Decides by the directory, read once a batch."""

    queue = "route.validated"
    pace = PROMPT
    heavy = False

    def __init__(self, pool: Pool) -> None:
        """``pool`` has the worker role: the directory knows no accounts."""
        self._pool = pool

    async def gather(self, events: Sequence[Event]) -> Known:
        async with self._pool.acquire() as conn:
            return await facts.know(conn, [e for e in events if isinstance(e.data, InvoiceValidated)])

    def decide(self, event: Event, known: Known) -> Decision:
        return known.decide(event)

    def refused(self, event: Event, word: Reject | Park) -> Decision:
        raise word

    async def write(self, conn: Connection, decided: Sequence[Decided[Decision]]) -> Sequence[Event]:
        return await facts.settle(conn, [facts.Decided(d.event, d.decision) for d in decided])


class Outcomes:
    """After a rejection or a failed delivery another invoice may have the number (R51, SA21). What route itself gives back
    it knows without being told."""

    queue = "route.outcomes"
    pace = AT_LEISURE
    heavy = False

    async def gather(self, events: Sequence[Event]) -> None:
        return None

    def decide(self, event: Event, known: None) -> InvoiceFact:
        if not isinstance(event.data, InvoiceRejected | InvoiceUndeliverable):
            raise TypeError(f"{event.type} does not end an invoice")
        return event.data

    def refused(self, event: Event, word: Reject | Park) -> InvoiceFact:
        raise word

    async def write(self, conn: Connection, decided: Sequence[Decided[InvoiceFact]]) -> Sequence[Event]:
        rejected = {
            d.decision.invoice_id: d.event for d in decided if isinstance(d.decision, InvoiceRejected)
        }
        replaced = await numbers.rejected(
            conn, [event.data for event in rejected.values() if isinstance(event.data, InvoiceRejected)]
        )
        gone = [d.decision.invoice_id for d in decided if isinstance(d.decision, InvoiceUndeliverable)]
        await numbers.end(conn, gone, "undeliverable")
        return await links.tell(
            conn, [link for old, new in replaced for link in links.both(new, old, rejected[old])]
        )
