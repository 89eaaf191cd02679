"""Facts about invoices: exchange ``invoice.events``.

Each fact stands on one *axis* of the invoice's status. The service that owns the axis numbers its facts
per invoice in its own transaction (``sequence``); a projection keeps the highest number per axis, so any
order and any repetition of delivery gives the same answer.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from libs.contracts.envelope import Payload
from libs.contracts.parts import (
    Agreed,
    Difference,
    DocumentRef,
    Finding,
    InvoiceSummary,
    Receiver,
    ReceiverCandidate,
    Words,
)

ExtraFields = Annotated[
    dict[str, str] | None,
    Field(
        description="extra fields that its sender said beside it, by the names of R121: its word, which counts in the "
        "books of those who match them"
    ),
]


class InvoiceFact(Payload):
    """What every fact about an invoice carries."""

    exchange: ClassVar[str] = "invoice.events"
    axis_name: ClassVar[str]

    invoice_id: UUID
    account_id: UUID = Field(description="the sender's account")
    sequence: int = Field(ge=1, description="number of this fact on its axis of this invoice")

    @property
    def axis(self) -> str:
        return self.axis_name

    @property
    def subject(self) -> str:
        return str(self.invoice_id)


class HandedIn(InvoiceFact):
    """What every fact about what was handed over tells of how it may be answered."""

    submission_id: UUID
    channel: Literal["api", "mail", "portal"]
    silent: bool = Field(
        default=False, description="a program sent it: mailing anybody about it could begin a mail loop"
    )
    reply_to: str | None = Field(
        default=None,
        description="channel mail: the address in From, only where DMARC passed; answered beside the account's own",
    )


class InvoiceReceived(HandedIn):
    """Stored and acknowledged."""

    type: ClassVar[str] = "invoice.received.v1"
    axis_name: ClassVar[str] = "ingest"

    syntax: str = Field(
        description="what the root element says: ubl-invoice, ubl-creditnote, cii, eexact, finvoice"
    )
    original: DocumentRef
    pdf: DocumentRef | None = None
    source: DocumentRef | None = Field(
        default=None, description="the file it was taken out of: one of many invoices, a hybrid PDF"
    )
    fields: ExtraFields = None


class InvoiceQuarantined(HandedIn):
    """Came by mail and is not an invoice the hub can take; the original is kept, the account is told."""

    type: ClassVar[str] = "invoice.quarantined.v1"
    axis_name: ClassVar[str] = "ingest"

    code: str
    reason: Words
    filename: str | None = None
    original: DocumentRef | None = None
    pdf: DocumentRef | None = Field(default=None, description="the PDF of its name, kept with it")


class InvoiceDuplicate(HandedIn):
    """The same bytes came again while the first is open or delivered: one invoice, nothing is done twice.

    ``invoice_id`` is the *first* invoice, ``submission_id`` the submission that came again. The fact belongs in the
    timeline of the first and changes no status.
    """

    type: ClassVar[str] = "invoice.duplicate.v1"
    axis_name: ClassVar[str] = "repeat"

    filename: str | None = None
    pdf: DocumentRef | None = Field(
        default=None, description="a PDF that came this time and not the first: kept, not delivered"
    )


ACCOUNT_DIFFERS, GACCOUNT_UNNAMED = "POSTBODE-IBAN-PDF", "POSTBODE-GACCOUNT-PDF"
"""Rules about an account to pay to that the PDF does not name: any, and the blocked one beside an ordinary one it names."""


class InvoiceErased(InvoiceFact):
    """It was kept as long as it must be, and its documents are gone. Whoever holds anything of it deletes that too."""

    type: ClassVar[str] = "invoice.erased.v1"
    axis_name: ClassVar[str] = "retention"


class InvoiceValidated(InvoiceFact):
    """Lawful: no fatal finding."""

    type: ClassVar[str] = "invoice.validated.v1"
    axis_name: ClassVar[str] = "validation"

    rule_pack: str
    original: DocumentRef
    pdf: DocumentRef | None = None
    summary: InvoiceSummary
    warnings: int = Field(default=0, description="how many warnings there are in all")
    findings: tuple[Finding, ...] = Field(default=(), description="the first of them")
    pdf_accounts: tuple[str, ...] = Field(
        default=(),
        description="the accounts (IBAN) that its PDF names, where one it is to be paid into is not among them: a "
        "person must look at it",
    )
    fields: ExtraFields = None


class InvoiceRejected(InvoiceFact):
    """At least one fatal finding: the sender must mend it and send it again."""

    type: ClassVar[str] = "invoice.rejected.v1"
    axis_name: ClassVar[str] = "validation"

    rule_pack: str
    summary: InvoiceSummary
    fatals: int = Field(ge=1, description="how many fatal findings there are in all")
    findings: tuple[Finding, ...] = Field(description="the first of them, fatal ones first")


class InvoiceRouted(InvoiceFact):
    """The receiver is known, and why."""

    type: ClassVar[str] = "invoice.routed.v1"
    axis_name: ClassVar[str] = "routing"

    receiver: Receiver
    explanation: Words
    original: DocumentRef
    pdf: DocumentRef | None = None
    summary: InvoiceSummary
    lifted: int = Field(
        default=0,
        description="how many recalls between this sender and receiver are over: a person said that it may go",
    )
    warnings: tuple[Words, ...] = Field(
        default=(), description="what the receiver should know before it pays"
    )
    fields: ExtraFields = None


class InvoiceParked(InvoiceFact):
    """Waits for a fact (a party, an identifier) or for a person."""

    type: ClassVar[str] = "invoice.parked.v1"
    axis_name: ClassVar[str] = "routing"

    code: str
    reason: Words
    candidates: tuple[ReceiverCandidate, ...] = ()
    summary: InvoiceSummary
    first: UUID | None = Field(
        default=None, description="the invoice that has its number already and says something else"
    )
    differences: tuple[Difference, ...] = Field(
        default=(), description="the first terms in which it differs from that one"
    )
    return_on: date | None = Field(
        default=None, description="a reminder: the day on which it is given back unless something changes"
    )


class InvoiceReleased(InvoiceFact):
    """A parked invoice goes on; a routing fact follows."""

    type: ClassVar[str] = "invoice.released.v1"
    axis_name: ClassVar[str] = "routing"

    by: str
    reason: Words | None = Field(default=None, description="what it waited for, and no longer does")


class InvoiceReturned(InvoiceFact):
    """An invoice was given back to its sender: a parked one, or one that says what another of its number said already
    (``duplicate``: the first one's answer is its answer)."""

    type: ClassVar[str] = "invoice.returned.v1"
    axis_name: ClassVar[str] = "routing"

    code: str
    reason: Words
    first: UUID | None = Field(default=None, description="code duplicate: the invoice that counts")


class InvoiceRecalled(InvoiceFact):
    """It went to somebody it was not for. From here on nothing goes from this sender to that receiver until a person says
    so. Changes no status."""

    type: ClassVar[str] = "invoice.recalled.v1"
    axis_name: ClassVar[str] = "recall"

    receiver: Receiver = Field(description="who got it")
    places: tuple[UUID, ...] = Field(
        description="the receiver's company and its places of business: all are stopped"
    )
    number: int = Field(ge=1, description="which of the stops of this sender it is: they are counted")
    not_theirs: tuple[str, ...] = Field(
        default=(), description="on one invoice of a recall: the numbers of all, which the receiver is told"
    )
    reason: Words


class InvoiceLinked(InvoiceFact):
    """Two invoices of one number belong together. In the timeline of each; changes no status."""

    type: ClassVar[str] = "invoice.linked.v1"
    axis_name: ClassVar[str] = "link"

    relation: Literal["replaces", "replaced_by", "repeated_by"]
    other: UUID
    reason: Words


class DeliveryFact(InvoiceFact):
    """What every fact about one delivery (invoice, receiver, channel) carries."""

    delivery_id: UUID
    channel: Literal["smtp", "folder", "sftp", "https", "pull", "exact_online", "sandbox"]
    receiver_id: UUID
    receiver_name: str
    attempt: int = Field(ge=1)

    @property
    def axis(self) -> str:
        return f"delivery:{self.channel}:{self.receiver_id}"


class InvoiceHandedOver(DeliveryFact):
    """The other side took it: SMTP 250, HTTP 2xx, file renamed into place. The user reads *sent*."""

    type: ClassVar[str] = "invoice.handed_over.v1"
    receipt: str = Field(description="what the other side said, or the name it was stored under")
    repeated: bool = Field(
        default=False, description="an earlier attempt of unknown end was repeated: it may be there twice"
    )
    agreed: Agreed | None = Field(default=None, description="how its receiver wanted it")
    warnings: tuple[Words, ...] = Field(
        default=(), description="about the way it went, as its receiver was told"
    )


class InvoiceConfirmed(DeliveryFact):
    """The receiver is known to have it: the file was taken away, a positive DSN. The user reads *arrived*."""

    type: ClassVar[str] = "invoice.confirmed.v1"
    evidence: str


class InvoiceBounced(DeliveryFact):
    """Handed over, then given back by the other side. Unless it is sent again, ``invoice.undeliverable`` follows."""

    type: ClassVar[str] = "invoice.bounced.v1"
    code: str | None = Field(default=None, description="why, stable")
    reason: Words


class InvoiceDeliveryParked(DeliveryFact):
    """What the receiver's package takes cannot be made of it: it waits for another package, or for a person."""

    type: ClassVar[str] = "invoice.delivery_parked.v1"
    code: str
    reason: Words
    findings: tuple[Finding, ...] = Field(
        default=(), description="the first things wrong with it in the receiver's format; without lines"
    )


class InvoiceDeliveryReleased(DeliveryFact):
    """A parked delivery goes on, by the channel the receiver has now; a fact of how it ends follows."""

    type: ClassVar[str] = "invoice.delivery_released.v1"
    reason: Words


class InvoiceDeliverySwitched(DeliveryFact):
    """The receiver's package did not take it: it goes by ``channel`` from now on, and no more by ``before``."""

    type: ClassVar[str] = "invoice.delivery_switched.v1"
    before: Literal["folder", "sftp", "https", "pull", "exact_online"]
    reason: Words


class InvoiceUndeliverable(DeliveryFact):
    """No attempt helped and none will follow; the sender is told."""

    type: ClassVar[str] = "invoice.undeliverable.v1"
    code: str
    reason: Words
    returned: bool = Field(default=False, description="it was parked, and given back to its sender")


class AccountingFact(InvoiceFact):
    """What a receiver's package reports about an invoice it took. Nobody assumes it (R54)."""

    axis_name: ClassVar[str] = "accounting"

    delivery_id: UUID
    channel: Literal["smtp", "folder", "sftp", "https", "pull", "exact_online", "sandbox"]
    receiver_id: UUID
    receiver_name: str
    evidence: str = Field(description="what the package said, or the name of what was read there")


class InvoiceImported(AccountingFact):
    """It stands in the receiver's books."""

    type: ClassVar[str] = "invoice.imported.v1"

    entry_number: str | None = Field(
        default=None, description="where it stands there, as its people know it (boekstuknummer)"
    )
    booked_at: datetime | None = Field(default=None, description="when, as the package says")


class PaymentFact(AccountingFact):
    """What is paid of an invoice, as one of its two parties knows it. An axis of its own: what is paid hides neither that
    it was imported nor that nobody ever said so. ``paid`` and ``open`` add up to what was due."""

    axis_name = "payment"

    by: Literal["receiver", "sender"] = Field(
        default="receiver", description="whose word it is: who has to pay, or who is paid"
    )
    source: Literal["hand", "file", "exact_online"] | None = Field(
        default=None, description="by hand, from a bank statement, or from its books in Exact Online"
    )
    paid: Decimal | None = Field(default=None, description="what is paid by now, in all; in `currency`")
    open: Decimal | None = Field(
        default=None, description="what is still to be paid; below zero: too much was paid"
    )
    currency: str | None = Field(default=None, description="ISO 4217")
    paid_on: date | None = Field(default=None, description="the day of the payment, or of its reversal")


class InvoicePaid(PaymentFact):
    """Paid, or a part of it (``open`` says how much not). After a reversal it may be paid again."""

    type: ClassVar[str] = "invoice.paid.v1"

    @property
    def in_part(self) -> bool:
        """Whether something is left to pay."""
        if self.open is None or self.paid is None:
            return False
        return self.open * (self.paid + self.open) > 0


class InvoiceReversed(PaymentFact):
    """A payment was undone, and less is paid than before: something is open again."""

    type: ClassVar[str] = "invoice.reversed.v1"


class SaleFact(InvoiceFact):
    """What becomes of a sender's own invoice in its own books. It says nothing of the receiver: not that the invoice went
    there, and not that it stands in the receiver's books."""

    axis_name: ClassVar[str] = "own_books"

    sale_id: UUID
    channel: Literal["exact_online"]


class InvoiceSaleBooked(SaleFact):
    """It stands in the sender's own books, as a sales entry that was read back."""

    type: ClassVar[str] = "invoice.sale_booked.v1"

    evidence: str = Field(
        description="what the books said: number of the entry, and what differs from what was sent"
    )


class InvoiceSaleParked(SaleFact):
    """It could not be booked there yet, and waits for a person; the delivery goes on by itself."""

    type: ClassVar[str] = "invoice.sale_parked.v1"

    code: str
    reason: Words


class InvoiceAnswered(InvoiceFact):
    """What its receiver says of the invoice itself, which is neither whether it arrived nor whether it is paid. It may say
    something else later: the last word counts."""

    type: ClassVar[str] = "invoice.answered.v1"
    axis_name: ClassVar[str] = "business"

    delivery_id: UUID
    receiver_id: UUID
    receiver_name: str
    answer: Literal["accepted", "queried", "rejected"]
    code: str | None = Field(
        default=None, description="why, as Peppol's Invoice Response has it (OPStatusReason)"
    )
    said: str | None = Field(
        default=None, description="in the receiver's own words; always there unless accepted"
    )


ALL: tuple[type[InvoiceFact], ...] = (
    InvoiceReceived,
    InvoiceQuarantined,
    InvoiceDuplicate,
    InvoiceErased,
    InvoiceValidated,
    InvoiceRejected,
    InvoiceRouted,
    InvoiceParked,
    InvoiceReleased,
    InvoiceReturned,
    InvoiceLinked,
    InvoiceRecalled,
    InvoiceHandedOver,
    InvoiceConfirmed,
    InvoiceBounced,
    InvoiceDeliveryParked,
    InvoiceDeliveryReleased,
    InvoiceDeliverySwitched,
    InvoiceUndeliverable,
    InvoiceImported,
    InvoicePaid,
    InvoiceReversed,
    InvoiceSaleBooked,
    InvoiceSaleParked,
    InvoiceAnswered,
)
