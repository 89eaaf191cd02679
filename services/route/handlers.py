"""What route does with events: every lawful invoice gets its receiver, or waits."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceValidated
from libs.db.types import Connection, Pool
from libs.errors import Park, Reject
from libs.messaging import PROMPT, Decided
from services.route import facts
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
