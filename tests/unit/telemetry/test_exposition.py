"""Figures lead to traces: OpenMetrics with exemplars for who asks for it, Prometheus' text for the rest."""

from __future__ import annotations

import re

import pytest
from opentelemetry.trace import SpanKind

from libs import clock
from libs.telemetry import metrics, tracing
from libs.telemetry.exposition import page
from libs.testing.spans import recording

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


_LINE = re.compile(
    r'http_server_request_duration_seconds_bucket\{(?P<labels>[^}]*),le="(?P<le>[^"]+)"[^}]*\} (?P<count>[0-9.]+)'
    r'(?: # \{span_id="(?P<span>\w+)",trace_id="(?P<trace>\w+)"\} (?P<value>[0-9.]+) (?P<at>[0-9.]+))?'
)


def shown(route: str) -> dict[str, re.Match[str]]:
    """The buckets of a route, by their bounds."""
    text, kind = page(OPENMETRICS)
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
    lines = (_LINE.fullmatch(line) for line in text.decode().splitlines() if f'http_route="{route}"' in line)
    return {found["le"]: found for found in lines if found}


@pytest.mark.parametrize(("seconds", "bucket"), [(0.3, "0.5"), (0.5, "0.5"), (70, "+Inf")])
def test_what_was_recorded_stands_at_its_bucket(seconds: float, bucket: str) -> None:
    route = f"/v1/{seconds}"
    with recording(1) as recorded:
        with tracing.head("GET", SpanKind.SERVER, None):
            metrics.http_server_duration.record(
                seconds, {"http.route": route, "http.response.status_code": 200}
            )
        found = {bound: each for bound, each in shown(route).items() if each["trace"]}
        (span,) = recorded.spans
    assert span.context is not None
    assert found.keys() == {bucket}
    assert float(found[bucket]["value"]) == seconds
    assert abs(float(found[bucket]["at"]) - clock.now().timestamp()) < 60
    assert (found[bucket]["trace"], found[bucket]["span"]) == (
        f"{span.context.trace_id:032x}",
        f"{span.context.span_id:016x}",
    )
    assert not [each for each in shown(route).values() if each["trace"]], "each is told once"


def test_what_was_not_recorded_leads_nowhere() -> None:
    with recording(0), tracing.head("GET", SpanKind.SERVER, None):
        metrics.http_server_duration.record(0.2, {"http.route": "/v1/none"})
    found = shown("/v1/none")
    assert float(found["0.25"]["count"]) == 1
    assert not [each for each in found.values() if each["trace"]]


def test_prometheus_text_has_no_exemplars() -> None:
    with recording(1), tracing.head("GET", SpanKind.SERVER, None):
        metrics.http_server_duration.record(0.2, {"http.route": "/v1/text"})
    text, kind = page("")
    assert kind.startswith("text/plain")
    assert b'http_route="/v1/text"' in text
    assert b"trace_id" not in text
