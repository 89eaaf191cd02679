"""One head decision, carried by every event; failures recorded whatever it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from libs.telemetry import tracing
from libs.telemetry.sampling import ASKED_PER_SECOND, Allowance, Head
from libs.telemetry.tracing import Cause
from libs.testing.spans import Recorded, recording

SAMPLED = f"00-{'a' * 32}-{'b' * 16}-01"
UNSAMPLED = f"00-{'c' * 32}-{'d' * 16}-00"


@pytest.fixture
def spans() -> Iterator[Recorded]:
    with recording(1.0) as recorded:
        yield recorded


@pytest.fixture
def unrecorded() -> Iterator[Recorded]:
    with recording(0.0) as recorded:
        yield recorded


def test_a_request_and_what_is_inside_it_are_one_trace(spans: Recorded) -> None:
    with tracing.head("GET", SpanKind.SERVER, None), tracing.span("inside"):
        inside = tracing.current_traceparent()
    child, parent = spans.spans
    assert child.name == "inside"
    assert parent.name == "GET"
    assert child.parent is not None
    assert child.parent.span_id == parent.context.span_id
    assert inside == tracing.to_traceparent(child.context)
    assert tracing.sampled(inside)


def test_what_was_not_chosen_has_an_id_and_no_span(unrecorded: Recorded) -> None:
    with tracing.head("GET", SpanKind.SERVER, None):
        with tracing.span("inside") as span:
            assert not span.is_recording()
            traceparent = tracing.current_traceparent()
        assert tracing.current_traceparent() == traceparent
    assert traceparent is not None
    assert traceparent.endswith("-00")
    assert tracing.current_traceparent() is None
    assert unrecorded.spans == []


def test_the_trace_id_of_a_caller_is_kept_either_way(unrecorded: Recorded) -> None:
    with tracing.head("GET", SpanKind.SERVER, UNSAMPLED):
        assert tracing.current_trace_id() == "c" * 32
    assert unrecorded.spans == []
    with tracing.head("GET", SpanKind.SERVER, SAMPLED):
        assert tracing.current_trace_id() == "a" * 32
    assert [span.parent and span.parent.span_id for span in unrecorded.spans] == [int("b" * 16, 16)]


def test_callers_cannot_make_the_hub_record_everything() -> None:
    head = Head(0)
    head._asked = Allowance(ASKED_PER_SECOND, time=lambda: 7.5)
    assert sum(head.decide(asked=True) for _ in range(1000)) == ASKED_PER_SECOND


def test_an_allowance_is_for_a_second() -> None:
    now = [0.0]
    allowance = Allowance(2, time=lambda: now[0])
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    now[0] = 5.0
    assert [allowance.take() for _ in range(3)] == [True, True, False]


def test_the_ratio_is_the_share_that_is_recorded() -> None:
    head = Head(0.25)
    assert 0.2 < sum(head.decide(asked=False) for _ in range(20_000)) / 20_000 < 0.3


def test_a_failure_is_recorded_in_a_trace_that_is_not(unrecorded: Recorded) -> None:
    with tracing.head("POST", SpanKind.SERVER, None):
        trace_id = tracing.current_trace_id()
        tracing.record_failure(
            "store", ValueError("NL12BANK3456"), seconds=1.5, attributes={"hub.invoice.id": "7"},
            traceparents=[UNSAMPLED],
        )  # fmt: skip
        with tracing.span("after") as after:
            assert not after.is_recording()
    (failure,) = unrecorded.spans
    assert f"{failure.context.trace_id:032x}" == trace_id
    assert failure.status.status_code is StatusCode.ERROR
    assert failure.attributes is not None
    assert failure.attributes["error.type"] == "ValueError"
    assert failure.attributes["hub.invoice.id"] == "7"
    assert failure.start_time is not None
    assert failure.end_time is not None
    assert failure.end_time - failure.start_time == 1_500_000_000
    assert [f"{link.context.trace_id:032x}" for link in failure.links] == ["c" * 32]
    # What was sent is nowhere in it.
    assert "NL12BANK3456" not in failure.to_json()


def test_what_is_slow_is_recorded_without_being_an_error(unrecorded: Recorded) -> None:
    tracing.record_slow("query", 3.0)
    (slow,) = unrecorded.spans
    assert slow.status.status_code is StatusCode.UNSET
    assert slow.attributes is not None
    assert slow.attributes["hub.slow"] is True


def test_an_outage_does_not_flood_the_collector(
    unrecorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "_failures", Allowance(5, time=lambda: 1.0))
    for _ in range(100):
        tracing.record_failure("store", "away")
    assert len(unrecorded.spans) == 5


def test_a_batch_links_to_the_recorded_events_and_begins_a_trace_of_its_own(spans: Recorded) -> None:
    with (
        tracing.head("GET", SpanKind.SERVER, None),
        tracing.batch("process", SpanKind.CONSUMER, map(Cause, [SAMPLED, UNSAMPLED, SAMPLED, None])),
    ):
        from_sampled = tracing.inherit(SAMPLED)
        from_unsampled = tracing.inherit(UNSAMPLED)
        from_none = tracing.inherit(None)
    (batch,) = spans.named("process")
    assert batch.parent is None
    assert [tracing.to_traceparent(link.context) for link in batch.links] == [SAMPLED]
    own = tracing.to_traceparent(batch.context)
    assert from_sampled == own
    # One recorded event among two hundred must not make the others recorded.
    assert from_unsampled is not None
    assert from_unsampled[:-2] == own[:-2]
    assert not tracing.sampled(from_unsampled)
    assert from_none == from_unsampled


def test_a_batch_of_unrecorded_events_has_an_id_and_no_span(spans: Recorded) -> None:
    with tracing.batch("process", SpanKind.CONSUMER, map(Cause, [UNSAMPLED, None])):
        assert tracing.current_trace_id() not in (None, "c" * 32)
        assert (tracing.inherit(SAMPLED) or "").endswith("-00")
    assert spans.spans == []


def test_an_error_in_a_recorded_span_goes_on_and_is_noted(spans: Recorded) -> None:
    with pytest.raises(KeyError), tracing.span("work"):
        raise KeyError("x")
    assert spans.spans[0].status.status_code is StatusCode.ERROR


def test_a_link_names_the_invoice_it_is_for() -> None:
    """Two invoices that came on from one batch: each can be found in the next."""
    both = [Cause(SAMPLED, (("hub.invoice.id", name), ("hub.attempt", 1))) for name in ("a", "b", "a")]
    assert [dict(link.attributes or {}) for link in tracing.link_to(both)] == [
        {"hub.invoice.id": "a", "hub.attempt": 1},
        {"hub.invoice.id": "b", "hub.attempt": 1},
    ]


def test_many_links_are_cut() -> None:
    many = [Cause(f"00-{n:032x}-{n:016x}-01") for n in range(1, 1000)]
    assert len(tracing.link_to(many)) == tracing.MOST_LINKS


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.sampled_from(["00", "01"]))
def test_traceparent_round_trip(trace_id: int, span_id: int, flags: str) -> None:
    text = f"00-{trace_id:032x}-{span_id:016x}-{flags}"
    found = tracing.from_traceparent(text)
    assert found is not None
    assert tracing.to_traceparent(found) == text
    assert tracing.sampled(text) == (flags == "01")


@given(st.text(max_size=60) | st.from_regex(r"\A00-[0-9a-f_+ ]{32}-[0-9a-f]{16}-[0-9a-g]{2}\Z"))
def test_whatever_a_caller_sends_as_traceparent_is_read_or_ignored(text: str) -> None:
    found = tracing.from_traceparent(text)
    assert found is None or tracing.to_traceparent(found) == text
    assert tracing.sampled(text) == (found is not None and found.trace_flags.sampled)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        f"00-{'0' * 32}-{'b' * 16}-01",
        f"00-{'a' * 32}-{'0' * 16}-01",
        SAMPLED.upper(),
        SAMPLED + "-x",
    ],
)
def test_what_is_no_traceparent(text: str | None) -> None:
    assert tracing.from_traceparent(text) is None
    assert not tracing.sampled(text)


def test_outside_any_span_there_is_no_traceparent() -> None:
    assert not trace.get_current_span().get_span_context().is_valid
    assert tracing.current_traceparent() is None
    assert tracing.current_trace_id() is None
    assert tracing.inherit(SAMPLED) is None
