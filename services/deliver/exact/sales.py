"""A sender's own invoice as a sales entry in its own books: what becomes of it, and what is told. Pure.

::

    routed ─▶ queued ─▶ attempting ─┬─▶ booked
                 ▲          │       └─▶ parked ── other rules, another link, released by hand ─┐
                 └── wait ◀─┘ failed, unknown                                                  │
                 ▲─────────────────────────────────────────────────────────────────────────────┘

It is no delivery (docs/adr/0048): its facts stand on the axis ``own_books``, and the delivery goes on whatever comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceSaleBooked, InvoiceSaleParked, SaleFact
from libs.contracts.parts import Words
from libs.telemetry.tracing import inherit
from services.deliver import SOURCE
from services.deliver.parcel import Failed, HandedOver, Job, NotBegun, Outcome, Parked, Refused, Unknown
from services.deliver.plan import Policy
from services.deliver.results import line

State: TypeAlias = Literal["queued", "parked", "booked"]
_PAUSE = timedelta(seconds=1)

TWICE = "exact-number-twice"
_TWICE = Words(
    nl="Niet geboekt. Een eerdere factuur met nummer {number} uit hetzelfde jaar is in uw Exact Online geboekt of wacht "
    "daarop. Is dit de verbeterde versie, haal dan de eerdere boeking daar weg en geef deze hier vrij.",
    en="Not booked. An earlier invoice of number {number} and the same year is booked in your Exact Online, or waits to "
    "be. If this is its correction, take the earlier entry away there and release this one here.",
)
_GAVE_UP = Words(
    nl="Niet geboekt. Alle pogingen om de factuur in uw Exact Online te boeken zijn mislukt. Kijk uw koppeling na en geef "
    "de boeking hier vrij.",
    en="Not booked. Every attempt to book the invoice in your Exact Online failed. Check your link and release the booking "
    "here.",
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended, as it is written down."""

    job: Job
    state: State
    outcome: str
    code: str | None
    detail: str
    failed: bool = False
    unresolved: bool = False
    wait: timedelta = timedelta()
    reason: Parked | None = None


def ended(job: Job, outcome: Outcome, policy: Policy) -> Ended:
    """The result of ``job``'s attempt, and with it what happens next."""
    if isinstance(outcome, HandedOver):
        return Ended(job, "booked", "booked", None, line(outcome.receipt))
    if isinstance(outcome, NotBegun):
        detail = line(outcome.detail)
        wait = outcome.wait or _PAUSE
        return Ended(job, "queued", "not_begun", None, detail, unresolved=job.unresolved, wait=wait)
    if isinstance(outcome, (Parked, Refused)):
        why = outcome if isinstance(outcome, Parked) else Parked(outcome.code, outcome.reason, outcome.detail)
        said = line(why.detail or why.reason.en)
        return Ended(job, "parked", "refused", why.code, said, unresolved=job.unresolved, reason=why)
    unsure = isinstance(outcome, Unknown) or (
        job.unresolved and not (isinstance(outcome, Failed) and outcome.resolved)
    )
    code = outcome.code if isinstance(outcome, Failed) else "no-answer"
    word = "failed" if isinstance(outcome, Failed) else "unknown"
    said = line(getattr(outcome, "detail", ""))
    own = policy.wait(job.failures + 1, job.age)
    if own is None:
        why = Parked("exact-gave-up", _GAVE_UP, said)
        return Ended(job, "parked", word, code, said, failed=True, unresolved=unsure, reason=why)
    asked = (outcome.wait if isinstance(outcome, Failed) else None) or timedelta()
    return Ended(job, "queued", word, code, said, failed=True, unresolved=unsure, wait=max(own, asked))


def twice(number: str) -> Parked:
    """Another invoice had this number before; two entries of one number would both be counted as turnover."""
    return Parked(TWICE, Words(nl=_TWICE.nl.format(number=number), en=_TWICE.en.format(number=number)))


def fact(result: Ended, sequence: int) -> Event | None:
    """What is told of a result; None for one after which another follows."""
    job = result.job
    data: SaleFact
    if result.state == "booked":
        data = InvoiceSaleBooked(
            invoice_id=job.invoice_id,
            account_id=job.account_id,
            sequence=sequence,
            sale_id=job.delivery_id,
            channel="exact_online",
            evidence=result.detail,
        )
    elif result.reason is not None:
        data = InvoiceSaleParked(
            invoice_id=job.invoice_id,
            account_id=job.account_id,
            sequence=sequence,
            sale_id=job.delivery_id,
            channel="exact_online",
            code=result.reason.code,
            reason=result.reason.reason,
        )
    else:
        return None
    return new_event(
        data,
        source=SOURCE,
        account=job.account_id,
        correlation_id=job.correlation,
        traceparent=inherit(job.traceparent) or job.traceparent,
    )
