"""What deliver shows of its work: spans, metrics, log lines."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from libs import clock
from libs.telemetry import metrics, objectives, tracing
from services.deliver.attempts.breaker import Opened
from services.deliver.parcel import Channel, Job, Outcome
from services.deliver.store import Result

_log = structlog.get_logger(__name__)


@contextlib.contextmanager
def round_of(channel: Channel, jobs: Sequence[Job]) -> Iterator[None]:
    """One span for a round of attempts, linked to the routing decisions that led to them; each link names the invoice and
    the number of the attempt, and an event of the span how it ended (``ended``)."""
    attributes: dict[str, str | int] = {
        "hub.stage": "deliver",
        "hub.channel": channel,
        "hub.batch.size": len(jobs),
    }
    if len(jobs) == 1:
        # Of many the links tell.
        attributes |= dict(_about(jobs[0]))
    causes = [tracing.Cause(job.traceparent, _about(job)) for job in jobs]
    with tracing.batch(f"deliver {channel}", SpanKind.CLIENT, causes, attributes):
        yield


def causes(rows: Iterable[Mapping[str, Any]]) -> list[tracing.Cause]:
    """Of deliveries, as ``store.confirm`` returns them."""
    return [tracing.Cause(row["traceparent"], (("hub.invoice.id", str(row["invoice_id"])),)) for row in rows]


def ended(written: Sequence[tuple[Job, Outcome, Result]], counted: Container[UUID]) -> None:
    """Attempts that are committed."""
    now = clock.now()
    outcomes = Counter((job.channel, result.outcome) for job, _, result in written)
    for (channel, outcome), times in outcomes.items():
        metrics.delivery_attempts.add(times, {"channel": channel, "outcome": outcome})
    current = trace.get_current_span()
    for job, _, result in written:
        if current.is_recording() and tracing.sampled(job.traceparent):
            told = {**dict(_about(job)), "hub.outcome": result.outcome, "hub.code": result.code or ""}
            current.add_event("attempt ended", told)
        about = {
            "invoice_id": str(job.invoice_id),
            "delivery_id": str(job.delivery_id),
            "channel": job.channel,
            "attempt": job.number,
            "outcome": result.outcome,
        }
        if job.delivery_id not in counted:
            _log.warning("lease lost, result ignored", **about)
        elif result.outcome == "handed_over":
            seconds = max((now - _born(job.invoice_id)).total_seconds(), 0.0)
            straight = "yes" if job.straight else "no"
            metrics.handover_delay.record(seconds, {"channel": job.channel, "straight": straight})
            objectives.handed_over(job.channel, seconds, straight=job.straight)
            _log.debug("handed over", **about)
        elif result.outcome != "not_begun":
            _log.info("not handed over", **about, code=result.code, state=result.state)
            tracing.record_failure(
                f"deliver {job.channel}",
                result.code or result.outcome,
                kind=SpanKind.CLIENT,
                attributes={
                    "hub.stage": "deliver",
                    "hub.channel": job.channel,
                    **dict(_about(job)),
                    "hub.outcome": result.outcome,
                },
                traceparents=[job.traceparent],
            )


def breakers(opened: Sequence[Opened], closed: Sequence[Opened]) -> None:
    """Receivers that are only probed from now on, and those that take again what is brought."""
    for each in opened:
        _log.warning(
            "breaker open", channel=each.channel, receiver=str(each.receiver_id), failures=each.failures
        )
    for each in closed:
        _log.info(
            "breaker closed", channel=each.channel, receiver=str(each.receiver_id), failures=each.failures
        )


def _about(job: Job) -> tuple[tuple[str, str | int], ...]:
    return (("hub.invoice.id", str(job.invoice_id)), ("hub.attempt", job.number))


def _born(invoice_id: UUID) -> datetime:
    """When the invoice was taken in: its id says so (UUID version 7)."""
    return datetime.fromtimestamp((invoice_id.int >> 80) / 1000, UTC)
