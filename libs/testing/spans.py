"""Reads back what was recorded: spans, as an exporter got them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from libs.settings import Settings
from libs.telemetry import tracing
from libs.telemetry.setup import configure


class Recorded(SpanExporter):
    """The spans recorded since ``recording`` began, in the order they ended."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self._listening = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._listening:
            self.spans.extend(spans)
        return SpanExportResult.SUCCESS

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    @contextlib.contextmanager
    def listening(self, ratio: float) -> Iterator[Recorded]:
        self.spans.clear()
        self._listening = True
        tracing.HEAD.ratio = ratio
        try:
            yield self
        finally:
            self._listening = False
            tracing.HEAD.ratio = 0


_recorded: Recorded | None = None


@contextlib.contextmanager
def recording(ratio: float = 1.0) -> Iterator[Recorded]:
    """Record this share of the traces that begin in this block. OpenTelemetry is set up once per process:
    nested or parallel use is not meant."""
    global _recorded
    if _recorded is None:
        _recorded = Recorded()
        configure("test", Settings(log_level="WARNING"), exporter=_recorded)
    with _recorded.listening(ratio) as recorded:
        yield recorded
