"""What route does with events: every lawful invoice gets its receiver, or waits; and whose number is free is noted."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceFact, InvoiceRejected, InvoiceUndeliverable, InvoiceValidated
from libs.db.types import Connection, Pool
from libs.errors import Park, Reject
from libs.messaging import PROMPT, Decided, Plain
from libs.messaging.inbox import oldest_id
from services.route import facts, store
from services.route.companies.sellers import Remembered
from services.route.deciding import links, numbers
from services.route.facts import Known


class Validated:
    """Decides by the directory, read once a batch."""

    queue = "route.validated"
    pace = PROMPT
    heavy = False

    def __init__(self, pool: Pool) -> None:
        """``pool`` has the worker role: the directory knows no accounts."""
        self._pool = pool
        self._remembered = Remembered()

    async def gather(self, events: Sequence[Event]) -> Known:
        validated = [e for e in events if isinstance(e.data, InvoiceValidated)]
        return await facts.know(self._pool, validated, self._remembered, at_once=True)

    def decide(self, event: Event, known: Known) -> facts.Decided:
        return known.decide(event)

    def refused(self, event: Event, word: Reject | Park) -> facts.Decided:
        raise word

    async def write(self, conn: Connection, decided: Sequence[Decided[facts.Decided]]) -> Sequence[Event]:
        return await facts.settle(conn, [d.decision for d in decided])


class Outcomes(Plain[InvoiceFact]):
    """After a rejection or a failed delivery another invoice may have the number (R51, SA21). What route itself gives back
    it knows without being told."""

    queue = "route.outcomes"
    hears = (InvoiceRejected, InvoiceUndeliverable)

    async def write(self, conn: Connection, decided: Sequence[Decided[InvoiceFact]]) -> Sequence[Event]:
        rejected = {
            d.decision.invoice_id: d.event for d in decided if isinstance(d.decision, InvoiceRejected)
        }
        replaced = await numbers.rejected(
            conn, [event.data for event in rejected.values() if isinstance(event.data, InvoiceRejected)]
        )
        gone = {
            d.decision.invoice_id: oldest_id(d.event.time)
            for d in decided
            if isinstance(d.decision, InvoiceUndeliverable)
        }
        ended = await numbers.end(conn, gone, "undeliverable")
        await store.reopen(conn, {invoice_id: gone[invoice_id] for invoice_id in ended})
        return await links.tell(
            conn, [link for old, new in replaced for link in links.both(new, old, rejected[old])]
        )
