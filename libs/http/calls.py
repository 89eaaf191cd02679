"""One outbound call, traced and measured, whichever client makes it: recorded when its trace is recorded, when it fails
and when it is slow. A span lasts until the headers of the answer are there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from opentelemetry.trace import SpanKind, Status, StatusCode

from libs import clock
from libs.telemetry import metrics, tracing

SLOW = 5.0
"""Seconds from which a call is recorded always."""


@dataclass(slots=True)
class Call:
    """A call under way."""

    traceparent: str | None
    """To be sent along."""
    status: int = 0
    """Of the answer; whoever calls sets it."""


@contextlib.contextmanager
def call(
    method: str, host: str, port: int, failures: type[Exception] | tuple[type[Exception], ...]
) -> Iterator[Call]:
    """Around one call. ``failures``: what the client raises when there is no answer; it goes on."""
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "server.address": host,
        "server.port": port,
    }
    began = clock.monotonic()
    with tracing.span(method, SpanKind.CLIENT, attributes) as span:
        made = Call(tracing.current_traceparent())
        try:
            yield made
        except failures as error:
            seconds = clock.monotonic() - began
            metrics.http_client_duration.record(seconds, {**attributes, "error.type": type(error).__name__})
            if not span.is_recording():
                tracing.record_failure(
                    method, error, seconds=seconds, kind=SpanKind.CLIENT, attributes=attributes
                )
            raise
        seconds = clock.monotonic() - began
        metrics.http_client_duration.record(seconds, {**attributes, "http.response.status_code": made.status})
        if span.is_recording():
            span.set_attribute("http.response.status_code", made.status)
            if made.status >= 400:
                span.set_status(Status(StatusCode.ERROR))
        elif made.status >= 500:
            tracing.record_failure(
                method, str(made.status), seconds=seconds, kind=SpanKind.CLIENT, attributes=attributes
            )
        elif seconds >= SLOW:
            tracing.record_slow(method, seconds, kind=SpanKind.CLIENT, attributes=attributes)
