"""From uploads to rows, documents and events: what a submission *is*, before anything is stored. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import UUID

from opentelemetry import trace

from libs import clock
from libs.contracts.envelope import Event, Payload, new_event
from libs.contracts.invoice import InvoiceDuplicate, InvoiceQuarantined, InvoiceReceived
from libs.contracts.sandbox import marked
from libs.documents.store import NewDocument, ref
from libs.einvoice.formats import eexact
from libs.einvoice.formats.eexact import Sender
from libs.telemetry.tracing import current_traceparent
from services.ingest.uploads.idempotency import Key
from services.ingest.uploads.intake import Refused, Upload
from services.ingest.uploads.part import Part

SOURCE = "/postbode/ingest"
Channel = Literal["api", "mail", "portal"]


@dataclass(frozen=True, slots=True)
class Item:
    """One invoice of a submission, or one refused part of a mail."""

    invoice_id: UUID
    position: int
    sha256: bytes
    documents: tuple[NewDocument, ...]
    event: Event
    upload: Upload | None
    refused: Refused | None = None
    source: NewDocument | None = None
    """The file it was taken out of, which other items may share."""

    @property
    def filename(self) -> str | None:
        part = self.upload.original if self.upload else self.refused.part if self.refused else None
        return part.filename if part else None

    @property
    def fields(self) -> Mapping[str, str] | None:
        """Extra fields that were said beside it."""
        return self.upload.fields if self.upload else None

    @property
    def pdf(self) -> NewDocument | None:
        """Its picture, if it came with one."""
        return self.documents[1] if len(self.documents) > 1 else None


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is kept of the mail a submission came in; nothing of it is believed (R20)."""

    sender: str | None = None
    """The envelope's."""
    message_id: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    head: bytes = b""


@dataclass(frozen=True, slots=True)
class Submission:
    """Everything one caller or one mail handed over at once."""

    submission_id: UUID
    account_id: UUID
    channel: Channel
    items: tuple[Item, ...]
    mail: Arrival | None = None
    traceparent: str | None = None
    key: Key | None = None
    """What its caller calls it, to be told the same when it tries again."""
    silent: bool = False
    """A program sent it: nobody is mailed about it."""
    reply_to: str | None = None
    """Who is told beside the account: the address in From, of a mail for which its domain answers (DMARC)."""

    @property
    def size(self) -> int:
        """Bytes of its documents."""
        return sum(len(document.data) for item in self.items for document in item.documents)

    def event(self, payload: Payload) -> Event:
        return new_event(
            payload,
            source=SOURCE,
            account=self.account_id,
            correlation_id=str(self.submission_id),
            traceparent=self.traceparent,
        )

    def repeated(self, item: Item, first: UUID, sequence: int, left_out: NewDocument | None = None) -> Event:
        """The fact that ``item`` is the invoice ``first``, handed over again; ``left_out`` is a PDF that
        the first did not have."""
        picture = item.upload.pdf if item.upload else None
        return self.event(
            InvoiceDuplicate(
                invoice_id=first,
                account_id=self.account_id,
                sequence=sequence,
                submission_id=self.submission_id,
                channel=self.channel,
                silent=self.silent,
                reply_to=self.reply_to,
                filename=item.filename,
                pdf=ref(left_out, picture.filename if picture else None) if left_out else None,
            )
        )


def compose(
    account_id: UUID,
    channel: Channel,
    uploads: Sequence[Upload],
    refused: Sequence[Refused] = (),
    *,
    seller: Sender | None = None,
    key: Key | None = None,
    mail: Arrival | None = None,
    silent: bool = False,
    reply_to: str | None = None,
) -> Submission:
    """Give everything its ids and its event. Reads the current trace, so call it where the request is.

    ``seller`` is the account as the seller of invoices that name none (``wants_seller``).
    """
    submission = Submission(
        submission_id=clock.uuid7(),
        account_id=account_id,
        channel=channel,
        items=(),
        mail=mail,
        traceparent=current_traceparent(),
        key=key,
        silent=silent,
        reply_to=reply_to,
    )
    # A file that several invoices were taken out of is kept once.
    sources = {id(u.source): _source(u.source) for u in uploads if u.source is not None}
    items = [
        _received(submission, position, upload, sources.get(id(upload.source)), seller)
        for position, upload in enumerate(uploads)
    ]
    items += [_quarantined(submission, len(items) + n, part) for n, part in enumerate(refused)]
    span = trace.get_current_span()
    if span.is_recording():
        ids = [str(item.invoice_id) for item in items]
        span.set_attribute("hub.invoice.id", ids[0] if len(ids) == 1 else ids)
    return replace(submission, items=tuple(items))


def wants_seller(uploads: Sequence[Upload]) -> bool:
    """Whether one of them names no seller, so that the sender's account has to."""
    return any(upload.syntax == "eexact" for upload in uploads)


def _source(part: Part) -> NewDocument:
    return NewDocument(clock.uuid7(), part.data, "application/pdf" if part.is_pdf else "application/xml")


def _received(
    submission: Submission, position: int, upload: Upload, source: NewDocument | None, seller: Sender | None
) -> Item:
    data = upload.original.data
    if upload.syntax == "eexact" and seller is not None:
        data = eexact.signed(data, seller)
    original = NewDocument(clock.uuid7(), data, "application/xml")
    pdf = NewDocument(clock.uuid7(), upload.pdf.data, "application/pdf") if upload.pdf else None
    invoice_id = marked(clock.uuid7(), submission.account_id)
    return Item(
        invoice_id=invoice_id,
        position=position,
        # What the sender made: its own address may change between two times it sends the same file.
        sha256=original.sha256
        if data is upload.original.data
        else hashlib.sha256(upload.original.data).digest(),
        documents=(original, pdf) if pdf else (original,),
        source=source,
        event=submission.event(
            InvoiceReceived(
                invoice_id=invoice_id,
                account_id=submission.account_id,
                sequence=1,
                submission_id=submission.submission_id,
                channel=submission.channel,
                silent=submission.silent,
                reply_to=submission.reply_to,
                syntax=upload.syntax,
                original=ref(original, upload.original.filename),
                pdf=ref(pdf, upload.pdf.filename) if pdf and upload.pdf else None,
                source=ref(source, upload.source.filename) if source and upload.source else None,
                fields=dict(upload.fields) if upload.fields else None,
            )
        ),
        upload=upload,
    )


def _quarantined(submission: Submission, position: int, refused: Refused) -> Item:
    media_type = "application/pdf" if refused.part.is_pdf else "application/octet-stream"
    original = NewDocument(clock.uuid7(), refused.part.data, media_type)
    pdf = NewDocument(clock.uuid7(), refused.pdf.data, "application/pdf") if refused.pdf else None
    invoice_id = marked(clock.uuid7(), submission.account_id)
    return Item(
        invoice_id=invoice_id,
        position=position,
        sha256=original.sha256,
        documents=(original, pdf) if pdf else (original,),
        event=submission.event(
            InvoiceQuarantined(
                invoice_id=invoice_id,
                account_id=submission.account_id,
                sequence=1,
                submission_id=submission.submission_id,
                channel=submission.channel,
                silent=submission.silent,
                reply_to=submission.reply_to,
                code=refused.code,
                reason=refused.reason,
                filename=refused.part.filename,
                original=ref(original, refused.part.filename),
                pdf=ref(pdf, refused.pdf.filename) if pdf and refused.pdf else None,
            )
        ),
        upload=None,
        refused=refused,
    )
