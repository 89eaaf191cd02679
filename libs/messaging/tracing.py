"""Trace context of events, and the spans of publishing and processing (OpenTelemetry messaging conventions).

An event carries the context of the span that made it. Stages do not continue that trace, they *link* to it:
a batch has many origins and no single parent, and a retry three days later must not be one trace with the
first try. A span is made per batch, never per event, and links only to what was sampled.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from opentelemetry.trace import Span, SpanKind

from libs.contracts.envelope import Event
from libs.messaging.transport import Message
from libs.telemetry.tracing import current_traceparent, link_to, span

_SYSTEMS = {"amqp": "rabbitmq", "memory": "postbode.memory"}

__all__ = ["current_traceparent", "processing", "publishing", "stamped"]


def stamped(event: Event, traceparent: str | None) -> Event:
    """The event with a trace context: its own if it has one."""
    return event if event.traceparent or not traceparent else replace(event, traceparent=traceparent)


@contextlib.contextmanager
def publishing(transport: str, messages: Sequence[Message]) -> Iterator[None]:
    """``send``: one span for all messages of one turn of the relay."""
    names = {f"{m.exchange}:{m.routing_key}" if m.exchange else m.routing_key for m in messages}
    destination = names.pop() if len(names) == 1 else "(several)"
    with span(
        f"publish {destination}",
        SpanKind.CLIENT,
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
    links = link_to(event.traceparent for event in events)
    subjects = [event.subject for event in events]
    with span(
        f"process {queue}",
        SpanKind.CONSUMER,
        {
            "messaging.system": _SYSTEMS[transport],
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": queue,
            "messaging.batch.message_count": len(events),
            "hub.stage": queue.partition(".")[0],
            # One invoice can be searched by; of many only the links tell.
            **({"hub.invoice.id": subjects[0]} if len(subjects) == 1 else {}),
        },
        links,
    ) as current:
        yield current
