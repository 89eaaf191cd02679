"""Spans, at the price the hot path can pay.

::

    request   head()    the decision: 2 % of traces (or the caller asked for it) are recorded, the rest
                        only get a trace id of their own, so that log lines and problems can name it
    inside    span()    recorded when its trace is; otherwise it costs next to nothing
    batch     batch()   a trace of its own, *linked* to the events in it that are recorded: a retry three
                        days later is not the same trace, and a batch has no single parent. Each link says
                        which invoice it is for, so that one can be found in the company it was in
    failure   record_failure(), record_slow()    always, at the moment it is known, in the same trace id

The decision travels in the flags of ``traceparent``, per event: ``inherit`` gives what a batch emits the
decision of the event that caused it, or one recorded event among two hundred would make all recorded.

Attributes follow the OpenTelemetry conventions; the hub's own begin with ``hub.``: ``hub.invoice.id``,
``hub.stage``, ``hub.channel``, ``hub.attempt``, ``hub.outcome``.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from opentelemetry import context, trace
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.util.types import AttributeValue

from libs.telemetry.sampling import RECORD, Allowance, Head

MOST_LINKS = 128
"""Links on one span; the SDK drops those beyond."""

FAILURES_PER_SECOND = 50
"""Always recorded, but an outage must not become a second one in the collector."""

Attributes = Mapping[str, AttributeValue]

_tracer = trace.get_tracer("postbode")
_failures = Allowance(FAILURES_PER_SECOND)
_UNSAMPLED = TraceFlags(TraceFlags.DEFAULT)
HEAD = Head(0)
"""Decides about the traces that begin in this process; ``setup.configure`` sets its ratio."""


def current_traceparent() -> str | None:
    """The current span as a W3C ``traceparent``; None outside any."""
    current = trace.get_current_span().get_span_context()
    return to_traceparent(current) if current.is_valid else None


def current_trace_id() -> str | None:
    """The current trace, 32 hexadecimal digits; None outside any."""
    current = trace.get_current_span().get_span_context()
    return f"{current.trace_id:032x}" if current.is_valid else None


def to_traceparent(of: SpanContext) -> str:
    return f"00-{of.trace_id:032x}-{of.span_id:016x}-{of.trace_flags:02x}"


def from_traceparent(text: str | None) -> SpanContext | None:
    """Read a ``traceparent`` (W3C Trace Context §3.2); None for anything that is not one."""
    if text is None or len(text) != 55 or text[:3] != "00-" or text[35] != "-" or text[52] != "-":
        return None
    if not text.isascii() or text != text.lower() or not text.replace("-", "").isalnum():
        return None
    try:
        found = SpanContext(int(text[3:35], 16), int(text[36:52], 16), True, TraceFlags(int(text[53:], 16)))
    except ValueError:
        return None
    return found if found.is_valid else None


def sampled(traceparent: str | None) -> bool:
    """Whether the trace this names is recorded; cheap, without reading all of it."""
    return (
        traceparent is not None
        and traceparent[-1:] in "13579bdf"
        and from_traceparent(traceparent) is not None
    )


def inherit(cause: str | None) -> str | None:
    """The current ``traceparent`` for something that follows from ``cause``: recorded if the cause is."""
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return None
    flags = current.trace_flags if sampled(cause) else current.trace_flags & ~TraceFlags.SAMPLED
    return f"00-{current.trace_id:032x}-{current.span_id:016x}-{flags:02x}"


class Cause(NamedTuple):
    """What led to something: the span that made it, and what the link to that span says."""

    traceparent: str | None
    about: tuple[tuple[str, str | int], ...] = ()


def link_to(causes: Iterable[Cause]) -> list[Link]:
    """Links to the spans that made these events, each once for what it says; only recorded ones are worth a link."""
    wanted = dict.fromkeys(cause for cause in causes if sampled(cause.traceparent))
    return _links(wanted)


def _links(causes: Iterable[Cause]) -> list[Link]:
    contexts = ((from_traceparent(cause.traceparent), cause.about) for cause in causes)
    return [Link(found, dict(about)) for found, about in contexts if found is not None][:MOST_LINKS]


@contextlib.contextmanager
def head(
    name: str, kind: SpanKind, traceparent: str | None, attributes: Attributes | None = None
) -> Iterator[Span]:
    """The first span of a request; ``traceparent`` is the caller's, if it sent one. Its trace id is kept,
    its wish to be recorded is granted within limits. The caller of this records the outcome."""
    caller = from_traceparent(traceparent)
    if HEAD.decide(asked=caller is not None and caller.trace_flags.sampled):
        parent = trace.set_span_in_context(NonRecordingSpan(caller)) if caller else context.Context()
        begun = _tracer.start_span(
            name, context.set_value(RECORD, True, parent), kind=kind, attributes=attributes
        )
        # RECORD must not be inherited: only this span was decided about, the others follow its flag.
        with _current(begun):
            try:
                yield begun
            finally:
                begun.end()
    else:
        with _current(NonRecordingSpan(_fresh(caller.trace_id if caller else None))) as begun:
            yield begun


@contextlib.contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    links: Iterable[Link] = (),
) -> Iterator[Span]:
    """A span around a block, if its trace is recorded; an exception is recorded and goes on."""
    current = trace.get_current_span()
    known = current.get_span_context()
    if known.is_valid and not known.trace_flags.sampled:
        yield NonRecordingSpan(known)
        return
    with _tracer.start_as_current_span(name, kind=kind, attributes=attributes, links=list(links)) as begun:
        yield begun


@contextlib.contextmanager
def batch(
    name: str, kind: SpanKind, causes: Iterable[Cause], attributes: Attributes | None = None
) -> Iterator[Span]:
    """A trace of its own for the work on many events, linked to those of them that are recorded. When none
    is, there is a trace id for the logs and no span."""
    links = link_to(causes)
    if not links:
        with _current(NonRecordingSpan(_fresh())) as begun:
            yield begun
        return
    with _tracer.start_as_current_span(
        name, context.Context(), kind=kind, attributes=attributes, links=links
    ) as begun:
        yield begun


def record_failure(
    name: str,
    error: BaseException | str,
    *,
    seconds: float = 0,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    traceparents: Iterable[str | None] = (),
) -> None:
    """A span for something that failed just now, after ``seconds``, recorded whatever was decided about its
    trace. ``error`` is an exception or a stable code; its text is left out, it may hold what was sent.
    ``traceparents``: the events it happened to."""
    code = error if isinstance(error, str) else type(error).__qualname__
    _record(name, seconds, kind, {**(attributes or {}), "error.type": code}, traceparents, code)


def record_slow(
    name: str,
    seconds: float,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    traceparents: Iterable[str | None] = (),
) -> None:
    """A span for something that went well but took ``seconds``; whoever calls knows what is too long."""
    _record(name, seconds, kind, {**(attributes or {}), "hub.slow": True}, traceparents, None)


def record_done(
    name: str, seconds: float, *, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None
) -> None:
    """A span for something that is over, if its trace is recorded: for callers who hear of it afterwards."""
    if trace.get_current_span().is_recording():
        now = time.time_ns()
        begun = _tracer.start_span(
            name, kind=kind, attributes=attributes, start_time=now - int(seconds * 1e9)
        )
        begun.end(now)


def _record(
    name: str,
    seconds: float,
    kind: SpanKind,
    attributes: Attributes,
    traceparents: Iterable[str | None],
    error: str | None,
) -> None:
    if not _failures.take():
        return
    links = _links(map(Cause, dict.fromkeys(traceparents)))
    now = time.time_ns()
    begun = _tracer.start_span(
        name,
        context.set_value(RECORD, True),
        kind=kind,
        attributes=attributes,
        links=links,
        start_time=now - int(seconds * 1e9),
    )
    if error is not None:
        begun.set_status(Status(StatusCode.ERROR, error))
    begun.end(now)


@contextlib.contextmanager
def _current(begun: Span) -> Iterator[Span]:
    token = context.attach(trace.set_span_in_context(begun))
    try:
        yield begun
    finally:
        context.detach(token)


def _fresh(trace_id: int | None = None) -> SpanContext:
    """Ids for what is not recorded: they stand in logs, never in a collector."""
    return SpanContext(trace_id or random.getrandbits(128), random.getrandbits(64) or 1, False, _UNSAMPLED)
