"""What validate does with events: every invoice that came in is judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceReceived
from libs.contracts.sandbox import is_sandbox, outcome_of
from libs.db.types import Connection
from libs.documents.store import DocumentMissing, DocumentStore
from libs.einvoice.printed import NOTHING, Printed
from libs.errors import HubError, Park, Refusal, Reject, Retry
from libs.messaging import PROMPT, Decided
from libs.telemetry import metrics
from services.validate import store
from services.validate.judgement import Judgement, fact, judge, rejected_on_purpose, unreadable
from services.validate.pictures import Pictures

SOURCE = "/postbode/validate"

_PATIENCE = 0.1
"""Seconds that a batch waits for PDFs, where each invoice in it has one: nobody else waits for them."""
_AGAIN, _LONGEST = timedelta(seconds=0.25), 7
"""After so long an invoice comes again whose PDF is not read yet; then twice as long, so often."""


class Known(NamedTuple):
    """Of a batch: originals by document id, and what is printed on the PDFs that have been read."""

    documents: Mapping[UUID, bytes | HubError]
    printed: Mapping[UUID, Printed]


class Received:
    """Judges originals by the rules. A document the store cannot give back is that event's trouble alone:
    a missing one is tried again, a damaged one ends as a dead letter with its cause. One whose PDF has to be read
    first comes again by itself, and holds up nobody."""

    queue = "validate.received"
    pace = PROMPT
    heavy = True

    def __init__(self, documents: DocumentStore, pictures: Pictures) -> None:
        self._documents = documents
        self._pictures = pictures

    async def gather(self, events: Sequence[Event]) -> Known:
        received = [event.data for event in events if isinstance(event.data, InvoiceReceived)]
        pictures = [(r.pdf, r.account_id) for r in received if r.pdf is not None]
        if pictures:
            await self._pictures.look(pictures, _PATIENCE if len(pictures) == len(received) else 0)
        printed = {
            picture.document_id: found
            for picture, _ in pictures
            if (found := self._pictures.seen(picture)) is not None
        }
        ready = [r for r in received if r.pdf is None or r.pdf.document_id in printed]
        originals = await self._documents.get([r.original for r in ready], [r.account_id for r in ready])
        return Known(originals, printed)

    def decide(self, event: Event, known: Known) -> Judgement:
        received = _received(event)
        printed = NOTHING if received.pdf is None else known.printed.get(received.pdf.document_id)
        if printed is None:
            raise Retry(_AGAIN * 2 ** min(event.attempt - 1, _LONGEST), "its PDF is not read yet")
        data = known.documents.get(received.original.document_id)
        if data is None:
            raise DocumentMissing
        if isinstance(data, HubError):
            raise data
        try:
            found = judge(data, printed=printed, today=clock.day(event.time))
        except Refusal as refusal:
            return unreadable(refusal)
        wanted = is_sandbox(received.account_id) and outcome_of(found.summary) == "rejected"
        return rejected_on_purpose(found) if wanted else found

    def refused(self, event: Event, word: Reject | Park) -> Judgement:
        raise word

    async def write(self, conn: Connection, decided: Sequence[Decided[Judgement]]) -> Sequence[Event]:
        judged = [(_received(d.event), d.decision) for d in decided]
        sequences = await store.keep(conn, judged)
        _count(judgement for _, judgement in judged)
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


def _count(judged: Iterable[Judgement]) -> None:
    """Which rules reject. A write that is rolled back and done again counts twice: it is a gauge of senders' trouble, the
    verdicts are in the table."""
    broken = Counter(
        rule for each in judged for rule in {f.rule for f in each.findings if f.severity == "fatal"}
    )
    for rule, times in broken.items():
        metrics.rejections.add(times, {"rule": rule})
