"""What deliver tells the others: one event per thing that happened to a delivery. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import (
    AccountingFact,
    DeliveryFact,
    InvoiceBounced,
    InvoiceConfirmed,
    InvoiceDeliveryParked,
    InvoiceDeliveryReleased,
    InvoiceDeliverySwitched,
    InvoiceHandedOver,
    InvoiceUndeliverable,
)
from libs.contracts.parts import Agreed, Words
from libs.db.types import Record
from libs.telemetry.tracing import inherit
from services.deliver import SOURCE
from services.deliver.parcel import HandedOver, Job, Move, Parked, Refused
from services.deliver.store import Planned, Result
from services.deliver.waits import belgium

_REPEATED = " (sent again under the same {key}: an earlier attempt may have arrived as well)"
_KEYS: Mapping[str, str] = {"https": "webhook-id"}


def ended(job: Job, result: Result, sequence: int, outcome: object) -> Event | None:
    """The fact of an attempt's result; None for one after which another follows."""
    fields: dict[str, Any] = {
        "invoice_id": job.invoice_id,
        "account_id": job.account_id,
        "sequence": sequence,
        "delivery_id": job.delivery_id,
        "channel": job.channel,
        "receiver_id": job.parcel.receiver.party_id,
        "receiver_name": job.parcel.receiver.name,
        "attempt": job.number,
    }
    data: DeliveryFact
    if isinstance(outcome, HandedOver):
        again = _REPEATED.format(key=_KEYS.get(job.channel, "Message-ID")) if outcome.repeated else ""
        receipt = (outcome.outward or outcome.receipt) + again
        data = InvoiceHandedOver(
            **fields,
            receipt=receipt,
            repeated=outcome.repeated,
            agreed=job.parcel.agreed,
            warnings=_of_the_way(job),
        )
    elif isinstance(outcome, Parked):
        # Findings are of the sender's own document.
        told = outcome.outward or outcome
        data = InvoiceDeliveryParked(**fields, code=told.code, reason=told.reason, findings=outcome.findings)
    elif result.refused is not None:
        data = InvoiceUndeliverable(**fields, code=result.refused.code, reason=result.refused.reason)
    else:
        return None
    return _event(data, job.correlation, job.traceparent)


def _of_the_way(job: Job) -> tuple[Words, ...]:
    return tuple(each for each in job.parcel.warnings if each == belgium.WARNING)


def no_way(planned: Planned, sequence: int, cause: Event) -> Event:
    """The fact that there is no way to the receiver at all."""
    if planned.refused is None:
        raise ValueError("there is a way")
    data = InvoiceUndeliverable(
        invoice_id=planned.invoice_id,
        account_id=planned.account_id,
        sequence=sequence,
        delivery_id=planned.delivery_id,
        channel=planned.channel,
        receiver_id=planned.parcel.receiver.party_id,
        receiver_name=planned.parcel.receiver.name,
        attempt=1,
        code=planned.refused.code,
        reason=planned.refused.reason,
    )
    return new_event(data, source=SOURCE, account=planned.account_id, cause=cause)


def stopped(row: Record, why: Parked) -> Event:
    """The fact that a delivery waits although nothing is wrong with it; ``row`` as ``recalls.park`` returns it."""
    data = InvoiceDeliveryParked(
        **_of(row),
        attempt=max(row["attempts"], 1),
        code=why.code,
        reason=why.reason,
    )
    return _event(data, row["correlation"], row["traceparent"])


def moved_on(move: Move, sequence: int) -> Event:
    """The fact that a parked delivery waits no longer: it goes on, or it does not."""
    waiting = move.waiting
    fields: dict[str, Any] = {
        "invoice_id": waiting.invoice_id,
        "account_id": waiting.account_id,
        "sequence": sequence,
        "delivery_id": waiting.delivery_id,
        "channel": move.channel,
        "receiver_id": waiting.parcel.receiver.party_id,
        "receiver_name": waiting.parcel.receiver.name,
        # One that was stopped may have been parked before the first.
        "attempt": max(waiting.attempts, 1),
    }
    data: DeliveryFact
    if isinstance(move.how, Refused):
        data = InvoiceUndeliverable(
            **fields, code=move.how.code, reason=move.how.reason, returned=move.returned
        )
    else:
        data = InvoiceDeliveryReleased(**fields, reason=move.how)
    return _event(data, waiting.correlation, waiting.traceparent)


def confirmed(row: Mapping[str, Any], evidence: str) -> Event:
    """The fact that a delivery arrived; ``row`` as ``store.confirm`` returns it."""
    data = InvoiceConfirmed(
        **_of(row),
        attempt=row["attempts"],
        evidence=evidence,
    )
    return _event(data, row["correlation"], row["traceparent"])


def bounced(row: Mapping[str, Any], code: str, reason: Words) -> Event:
    """The fact that what was handed over came back; ``row`` has the columns of a delivery."""
    data = InvoiceBounced(**_of(row), attempt=row["attempts"], code=code, reason=reason)
    return _event(data, row["correlation"], row["traceparent"])


def undeliverable(row: Mapping[str, Any], why: Refused) -> Event:
    """The fact that a delivery is over, and nothing arrived; ``row`` has the columns of a delivery."""
    data = InvoiceUndeliverable(**_of(row), attempt=row["attempts"], code=why.code, reason=why.reason)
    return _event(data, row["correlation"], row["traceparent"])


def switched(row: Record, sequence: int, why: Words) -> Event:
    """The fact that a delivery goes by e-mail from now on; ``row`` has the columns it had before."""
    about = {**dict(row.items()), "sequence": sequence, "channel": "smtp"}
    data = InvoiceDeliverySwitched(
        **_of(about), attempt=max(row["attempts"], 1), before=row["channel"], reason=why
    )
    return _event(data, row["correlation"], row["traceparent"])


def acknowledged(row: Mapping[str, Any], agreed: Agreed, words: str) -> list[Event]:
    """The facts that a receiver fetched a delivery and has it; ``row``: as ``waiting.acknowledge`` has it, with the number
    of the second."""
    sent = {**_of(row), "sequence": row["sequence"] - 1}
    data = InvoiceHandedOver(**sent, attempt=row["attempts"], receipt=words, agreed=agreed)
    return [_event(data, row["correlation"], row["traceparent"]), confirmed(row, words)]


def booked(
    kind: type[AccountingFact], row: Mapping[str, Any], sequence: int, evidence: str, **more: Any
) -> Event:
    """The fact that the receiver's package reported something; ``row`` as ``store.confirm`` returns it."""
    data = kind(**{**_of(row), "sequence": sequence}, evidence=evidence, **more)
    return _event(data, row["correlation"], row["traceparent"])


def _event(data: DeliveryFact | AccountingFact, correlation: str | None, traceparent: str | None) -> Event:
    account: UUID = data.account_id
    return new_event(
        data,
        source=SOURCE,
        account=account,
        correlation_id=correlation,
        # Of the attempt that made it; recorded when the routing decision that led here was.
        traceparent=inherit(traceparent) or traceparent,
    )


def _of(row: Mapping[str, Any] | Record) -> dict[str, Any]:
    """What a row says of its delivery, under the names that facts have for it."""
    names = ("invoice_id", "account_id", "sequence", "delivery_id", "channel", "receiver_id", "receiver_name")
    return {name: row[name] for name in names}
