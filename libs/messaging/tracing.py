"""Trace context of events, and the spans of publishing and processing (OpenTelemetry messaging conventions).

An event carries the context of the span that made it. Stages do not continue that trace, they *link* to it:
a batch has many origins and no single parent, and a retry three days later must not be one trace with the
first try. A span is made per batch, never per event, and links only to what was sampled.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

from opentelemetry.trace import Span, SpanKind

from libs.contracts.envelope import Event
from libs.contracts.topology import INVOICE_EVENTS
from libs.messaging.transport import Message
from libs.telemetry import tracing
from libs.telemetry.tracing import current_traceparent

_SYSTEMS = {"amqp": "rabbitmq", "memory": "postbode.memory"}

_RECORDED = re.compile(rb'"traceparent":"(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][13579bdf])"')
"""In the body of a message, without reading all of it: the contexts of its events that are recorded."""

__all__ = ["current_traceparent", "failed", "follow", "processing", "publishing", "stamped"]


def stamped(event: Event, traceparent: str | None) -> Event:
    """The event with a trace context: its own if it has one."""
    return event if event.traceparent or not traceparent else event.traced(traceparent)


def follow(events: Sequence[Event], causes: Sequence[Event]) -> list[Event]:
    """What a batch emits, each with the batch's trace context and the decision of the event that caused it:
    one recorded event among two hundred must not make all that follows recorded."""
    caused_by = {cause.id: cause.traceparent for cause in causes}
    contexts: dict[str | None, str | None] = {None: tracing.inherit(None)}
    followed = []
    for event in events:
        cause = caused_by.get(event.causation_id) if event.causation_id else None
        if cause not in contexts:
            contexts[cause] = tracing.inherit(cause)
        followed.append(stamped(event, contexts[cause]))
    return followed


def failed(queue: str, event: Event, error: BaseException) -> None:
    """An event that could not be handled: recorded always."""
    tracing.record_failure(
        f"process {queue}",
        error,
        kind=SpanKind.CONSUMER,
        attributes={
            "messaging.destination.name": queue,
            "messaging.message.id": str(event.id),
            **dict(_about(event)),
        },
        traceparents=[event.traceparent],
    )


@contextlib.contextmanager
def publishing(transport: str, messages: Sequence[Message]) -> Iterator[None]:
    """``send``: one span for all messages of one turn of the relay, linked to what made their events."""
    names = {f"{m.exchange}:{m.routing_key}" if m.exchange else m.routing_key for m in messages}
    destination = names.pop() if len(names) == 1 else "(several)"
    made = (found.decode() for m in messages for found in _RECORDED.findall(m.body))
    with tracing.batch(
        f"publish {destination}",
        SpanKind.CLIENT,
        map(tracing.Cause, made),
        {
            "messaging.system": _SYSTEMS[transport],
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.destination.name": destination,
            "messaging.batch.message_count": len(messages),
        },
    ):
        yield


@contextlib.contextmanager
def processing(transport: str, queue: str, events: Sequence[Event]) -> Iterator[Span]:
    """``process``: one span for a batch, linked to the spans that made its events."""
    with tracing.batch(
        f"process {queue}",
        SpanKind.CONSUMER,
        (
            tracing.Cause(event.traceparent, _about(event))
            for event in events
            if tracing.sampled(event.traceparent)
        ),
        {
            "messaging.system": _SYSTEMS[transport],
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": queue,
            "messaging.batch.message_count": len(events),
            "hub.stage": queue.partition(".")[0],
            # Of many the links tell.
            **(dict(_about(events[0])) if len(events) == 1 else {}),
        },
    ) as current:
        yield current


def _about(event: Event) -> tuple[tuple[str, str | int], ...]:
    """What a search for one invoice finds."""
    if event.data.exchange != INVOICE_EVENTS:
        return ()
    return (("hub.invoice.id", event.subject), ("hub.attempt", event.attempt))
