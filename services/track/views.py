"""What the API shows of an invoice: from rows and facts to what people read. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from libs.contracts import invoice
from libs.contracts.envelope import Event
from libs.contracts.invoice import DeliveryFact, InvoiceFact
from libs.contracts.parts import Finding, Words
from services.track.facts import value_of, words
from services.track.labels import LABELS, Headline


class Axis(BaseModel):
    """One axis of the status: ``validation``, ``delivery:folder:<receiver>`` and so on (DESIGN §6)."""

    value: str
    sequence: int = Field(description="number of the fact this stands on, on its axis")
    at: datetime
    source: str = Field(description="the service that said so")


class Item(BaseModel):
    """Where one invoice is."""

    invoice_id: UUID
    status: Headline
    label: Words
    reason: Words = Field(description="the sentence behind the status")
    number: str | None
    issue_date: date | None
    sender: str | None = Field(description="the seller's name, as the invoice has it")
    receiver: str | None
    filename: str | None
    axes: dict[str, Axis]
    received_at: datetime
    updated_at: datetime


class Items(BaseModel):
    """A page of invoices, newest first."""

    invoices: list[Item]
    next: str | None = Field(description="`after` of the next page; null on the last one")


class Moment(BaseModel):
    """Something that happened."""

    event_id: UUID
    type: str
    label: Words
    words: Words
    at: datetime
    recorded_at: datetime
    source: str
    axis: str
    sequence: int
    value: str | None = Field(description="the value it gave its axis; null: it changed no status")
    channel: str | None = None
    receiver: str | None = None
    attempt: int | None = None
    other: UUID | None = Field(default=None, description="another invoice of the same number")
    proof: str | None = Field(default=None, description="what the other side said, as it said it")
    findings: list[Finding] = []
    trace_id: str | None


class Step(BaseModel):
    """One of the steps of a good journey (R53). ``at`` is null while nobody has reported it (R54)."""

    step: Literal["received", "sent", "arrived", "imported", "paid"]
    label: Words
    at: datetime | None


class Detail(Item):
    """One invoice with everything that happened to it."""

    steps: list[Step]
    timeline: list[Moment]
    trace_id: str | None = Field(description="trace of the moment it came in")


_TITLES: Mapping[str, Words] = {
    invoice.InvoiceReceived.type: Words(nl="Ontvangen", en="Received"),
    invoice.InvoiceQuarantined.type: Words(nl="In quarantaine", en="Quarantined"),
    invoice.InvoiceDuplicate.type: Words(nl="Dubbel aangeboden", en="Duplicate"),
    invoice.InvoiceValidated.type: Words(nl="Goedgekeurd", en="Valid"),
    invoice.InvoiceRejected.type: Words(nl="Afgekeurd", en="Rejected"),
    invoice.InvoiceRouted.type: Words(nl="Ontvanger bepaald", en="Receiver found"),
    invoice.InvoiceParked.type: Words(nl="Geparkeerd", en="Parked"),
    invoice.InvoiceReleased.type: Words(nl="Vrijgegeven", en="Released"),
    invoice.InvoiceReturned.type: Words(nl="Teruggegeven", en="Returned"),
    invoice.InvoiceRecalled.type: Words(nl="Teruggeroepen", en="Recalled"),
    invoice.InvoiceLinked.type: Words(nl="Zelfde nummer", en="Same number"),
    invoice.InvoiceHandedOver.type: Words(nl="Verzonden", en="Sent"),
    invoice.InvoiceConfirmed.type: Words(nl="Aangekomen", en="Arrived"),
    invoice.InvoiceBounced.type: Words(nl="Teruggestuurd door de ontvanger", en="Bounced"),
    invoice.InvoiceDeliveryParked.type: Words(nl="Geparkeerd", en="Parked"),
    invoice.InvoiceDeliveryReleased.type: Words(nl="Vrijgegeven", en="Released"),
    invoice.InvoiceDeliverySwitched.type: Words(nl="Langs een andere weg", en="By another way"),
    invoice.InvoiceUndeliverable.type: Words(nl="Onbezorgbaar", en="Undeliverable"),
    invoice.InvoiceImported.type: Words(nl="Geïmporteerd", en="Imported"),
    invoice.InvoicePaid.type: Words(nl="Betaald", en="Paid"),
    "partly_paid": Words(nl="Deels betaald", en="Paid in part"),
    invoice.InvoiceReversed.type: Words(nl="Betaling teruggedraaid", en="Payment undone"),
    invoice.InvoiceSaleBooked.type: Words(nl="In uw eigen boeken", en="In your own books"),
    invoice.InvoiceSaleParked.type: Words(nl="Niet in uw eigen boeken", en="Not in your own books"),
    invoice.InvoiceAnswered.type: Words(nl="Antwoord van de ontvanger", en="Answer of the receiver"),
}

_TOLD_AS = {
    "returned": invoice.InvoiceReturned.type,
    "duplicate": invoice.InvoiceDuplicate.type,
    "partly_paid": "partly_paid",
}
"""By value, where that says more than the type."""

_STEPS: tuple[tuple[Literal["received", "sent", "arrived", "imported", "paid"], str], ...] = (
    ("received", "received"),
    ("sent", "handed_over"),
    ("arrived", "confirmed"),
    ("imported", "imported"),
    ("paid", "paid"),
)


_PAYING = ("paid", "partly_paid", "reversed")


def item(row: Any) -> dict[str, Any]:
    """The fields of an ``Item`` from a row of ``status``."""
    return {
        "invoice_id": row["invoice_id"],
        "status": row["headline"],
        "label": LABELS[row["headline"]],
        **{
            name: row[name]
            for name in (
                "reason", "number", "issue_date", "sender", "receiver", "filename", "axes", "received_at",
                "updated_at",
            )
        },
    }  # fmt: skip


def moment(event: Event, recorded_at: datetime) -> Moment:
    """An entry of the timeline. ``event.data`` is an ``InvoiceFact``."""
    data = event.data
    if not isinstance(data, InvoiceFact):
        raise TypeError(f"{event.type} is not a fact about an invoice")
    delivery = data if isinstance(data, DeliveryFact) else None
    value = value_of(data)
    told_as = _TOLD_AS.get(value or "", event.type)
    return Moment(
        event_id=event.id,
        type=event.type,
        label=_TITLES.get(told_as) or Words(nl=event.type, en=event.type),
        words=words(data),
        at=event.time,
        recorded_at=recorded_at,
        source=event.source,
        axis=data.axis,
        sequence=data.sequence,
        value=value,
        channel=delivery.channel if delivery else None,
        receiver=delivery.receiver_name if delivery else None,
        attempt=delivery.attempt if delivery else None,
        other=getattr(data, "other", None) or getattr(data, "first", None),
        proof=getattr(data, "receipt", None) or getattr(data, "evidence", None),
        findings=list(getattr(data, "findings", ())),
        trace_id=trace_id(event.traceparent),
    )


def trace_id(traceparent: str | None) -> str | None:
    """The trace id of a W3C ``traceparent``."""
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) == 4 else None


def _counting(moments: Sequence[Moment]) -> list[Moment]:
    """What is told of payments since one was last undone, or only in part: paid is what is paid now."""
    told = sorted((m for m in moments if m.value in _PAYING), key=lambda m: (m.axis, m.sequence))
    since = [n for n, m in enumerate(told) if m.value != "paid"]
    return told[since[-1] + 1 :] if since else told


def steps(moments: Sequence[Moment]) -> list[Step]:
    """When each step was taken. With several receivers a step is taken when the last of those known took
    it, just as the headline says *arrived* only when it arrived everywhere."""
    axes = {m.axis for m in moments if m.axis.startswith("delivery:")}
    receivers = {axis.rpartition(":")[2] for axis in axes}
    found = []
    for step, value in _STEPS:
        firsts: dict[str, datetime] = {}
        for m in _counting(moments) if step == "paid" else moments:
            if m.value == value:
                who = m.axis.rpartition(":")[2]
                firsts[who] = min(m.at, firsts.get(who, m.at))
        everywhere = value not in ("handed_over", "confirmed") or receivers <= firsts.keys()
        at = max(firsts.values()) if firsts and everywhere else None
        found.append(Step(step=step, label=LABELS[step], at=at))
    return found
