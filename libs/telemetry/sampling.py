"""Which spans are recorded: one decision where a trace begins, the same in every stage after it.

A recorded span costs about 40 µs and a sampled-out one of the SDK 12 µs. With six stages and some fifteen
spans an invoice, 2 % of traces cost what half a percent of the pipeline's time is worth, and still show
several invoices a second under load. What fails or is slow is recorded whatever was decided.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from opentelemetry.context import Context, create_key, get_value
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

from libs import clock

RECORD = create_key("postbode-record")
"""Set to true in the context a span is started in, it is recorded whatever else holds."""

ASKED_PER_SECOND = 10
"""How many traces a second callers may ask for with a sampled ``traceparent``: enough to follow one
invoice, not enough to make the hub work for somebody's amusement."""

_NO = SamplingResult(Decision.DROP)


class Head:
    """Decides for a trace that begins here."""

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio
        self._asked = Allowance(ASKED_PER_SECOND)

    def decide(self, *, asked: bool) -> bool:
        """``asked``: the caller sent a ``traceparent`` whose flag says sampled."""
        return (asked and self._asked.take()) or (self.ratio > 0 and random.random() < self.ratio)  # noqa: S311


class Allowance:
    """So many a second, not more; what is not used is not saved up."""

    def __init__(self, per_second: int, time: Callable[[], float] = clock.monotonic) -> None:
        self._per_second = per_second
        self._time = time
        self._second = -1
        self._left = per_second

    def take(self) -> bool:
        second = int(self._time())
        if second != self._second:
            self._second, self._left = second, self._per_second
        self._left -= 1
        return self._left >= 0


class HeadSampler(Sampler):
    """Recorded is what must be, else what its parent is, else what a link of it is, else what ``head``
    decides."""

    def __init__(self, head: Head) -> None:
        self._head = head

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if self._wanted(parent_context, links):
            # The span gets the attributes that are returned here, not those it was started with.
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        return _NO

    def _wanted(self, parent_context: Context | None, links: Sequence[Link] | None) -> bool:
        if get_value(RECORD, parent_context):
            return True
        parent = get_current_span(parent_context).get_span_context()
        if parent.is_valid:
            return parent.trace_flags.sampled
        if links:
            return any(link.context.trace_flags.sampled for link in links)
        return self._head.decide(asked=False)

    def get_description(self) -> str:
        return f"HeadSampler({self._head.ratio})"
