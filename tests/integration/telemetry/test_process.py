"""Setting up: once per process, harmless to repeat, silent towards the outside without an endpoint."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run(code: str) -> str:
    """In a process of its own: OpenTelemetry's providers are set once."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_an_endpoint_traces_have_ids_and_nothing_is_recorded() -> None:
    out = run("""
        from opentelemetry import trace
        from opentelemetry.trace import SpanKind
        from libs.settings import Settings
        from libs.telemetry import tracing
        from libs.telemetry.setup import configure
        telemetry = configure("ingest", Settings(sampling_ratio=1.0))
        assert configure("ingest", Settings()) is telemetry
        with tracing.head("GET", SpanKind.SERVER, None) as span:
            print(span.is_recording(), len(tracing.current_trace_id()))
        attributes = telemetry.tracing.resource.attributes
        print(attributes["service.name"], attributes["service.namespace"])
        telemetry.shutdown()
    """)
    assert out.split() == ["False", "32", "ingest", "postbode"]


def test_a_collector_that_is_away_does_not_hold_up_the_end() -> None:
    out = run("""
        import time
        from opentelemetry.trace import SpanKind
        from libs.settings import Settings
        from libs.telemetry import setup, tracing
        assert setup.SHUTDOWN_SECONDS == 2 * setup._EXPORT_SECONDS
        setup._EXPORT_SECONDS = 1
        telemetry = setup.configure("ingest", Settings(sampling_ratio=1.0, otlp_endpoint="http://127.0.0.1:9"))
        with tracing.head("GET", SpanKind.SERVER, None) as span:
            assert span.is_recording()
        began = time.monotonic()
        telemetry.shutdown()
        print(time.monotonic() - began < 4)
    """)
    assert out.split() == ["True"]
