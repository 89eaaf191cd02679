"""What validate does with events: every invoice that came in is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceReceived
from libs.db.types import Connection
from libs.documents.store import DocumentMissing, DocumentStore
from libs.errors import HubError, Park, Refusal, Reject
from libs.messaging import PROMPT, Decided
from services.validate import store
from services.validate.judgement import Judgement, fact, judge, unreadable

SOURCE = "/postbode/validate"

Documents = Mapping[UUID, bytes | HubError]


class Received:
    """Judges originals by the rules. A document the store cannot give back is that event's trouble alone:
    a missing one is tried again, a damaged one ends as a dead letter with its cause."""

    queue = "validate.received"
    pace = PROMPT
    heavy = True

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def gather(self, events: Sequence[Event]) -> Documents:
        received = [event.data for event in events if isinstance(event.data, InvoiceReceived)]
        return await self._documents.get([r.original for r in received], [r.account_id for r in received])

    def decide(self, event: Event, known: Documents) -> Judgement:
        received = _received(event)
        data = known.get(received.original.document_id)
        if data is None:
            raise DocumentMissing
        if isinstance(data, HubError):
            raise data
        try:
            return judge(data)
        except Refusal as refusal:
            return unreadable(refusal)

    def refused(self, event: Event, word: Reject | Park) -> Judgement:
        raise word

    async def write(self, conn: Connection, decided: Sequence[Decided[Judgement]]) -> Sequence[Event]:
        judged = [(_received(d.event), d.decision) for d in decided]
        sequences = await store.keep(conn, judged)
        return [
            new_event(
                fact(judgement, received, sequence),
                source=SOURCE,
                account=received.account_id,
                cause=d.event,
            )
            for d, (received, judgement), sequence in zip(decided, judged, sequences, strict=True)
        ]


def _received(event: Event) -> InvoiceReceived:
    if not isinstance(event.data, InvoiceReceived):
        raise TypeError(f"{event.type} is not invoice.received")
    return event.data
