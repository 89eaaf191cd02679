"""Outbound calls carry the trace on, go nowhere they were not sent, and are recorded when they fail."""

from __future__ import annotations

import httpx
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from libs.http import calls
from libs.http.client import client
from libs.telemetry import tracing
from libs.testing.spans import recording


def answering(
    *answers: httpx.Response | Exception, seen: list[httpx.Request] | None = None
) -> httpx.MockTransport:
    left = list(answers)

    def reply(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.MockTransport(reply)


async def test_the_trace_goes_along_with_its_decision() -> None:
    seen: list[httpx.Request] = []
    async with client(
        base_url="http://ingest", transport=answering(*[httpx.Response(200)] * 3, seen=seen)
    ) as http:
        await http.get("/a")
        with recording(0), tracing.head("GET", SpanKind.SERVER, None):
            unrecorded = tracing.current_traceparent()
            await http.get("/b")
        with recording(1.0) as spans, tracing.head("GET", SpanKind.SERVER, None):
            await http.get("/c")
    assert "traceparent" not in seen[0].headers or not tracing.sampled(seen[0].headers["traceparent"])
    assert seen[1].headers["traceparent"] == unrecorded
    call = spans.spans[0]
    assert call.kind is SpanKind.CLIENT
    assert seen[2].headers["traceparent"] == tracing.to_traceparent(call.context)
    assert call.attributes is not None
    assert call.attributes["http.response.status_code"] == 200
    assert seen[0].headers["user-agent"] == "Postbode"


@pytest.mark.parametrize("answer", [httpx.ConnectError("10.0.0.7 refused"), httpx.Response(502)])
async def test_what_fails_is_recorded_always(answer: httpx.Response | Exception) -> None:
    async with client(transport=answering(answer)) as http:
        with recording(0) as spans, tracing.head("GET", SpanKind.SERVER, None):
            if isinstance(answer, Exception):
                with pytest.raises(httpx.ConnectError):
                    await http.get("http://receiver/invoices?key=geheim")
            else:
                await http.get("http://receiver/invoices?key=geheim")
    (failure,) = spans.spans
    assert failure.status.status_code is StatusCode.ERROR
    assert failure.attributes is not None
    assert failure.attributes["server.address"] == "receiver"
    assert "geheim" not in failure.to_json()


async def test_what_fails_in_a_recorded_trace_is_recorded_once() -> None:
    async with client(transport=answering(httpx.ConnectError("refused"))) as http:
        with (
            recording(1.0) as spans,
            tracing.head("GET", SpanKind.SERVER, None),
            pytest.raises(httpx.ConnectError),
        ):
            await http.get("http://receiver/")
    assert [span.kind for span in spans.spans] == [SpanKind.CLIENT, SpanKind.SERVER]


async def test_what_is_slow_is_recorded_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "SLOW", 0.0)
    async with client(transport=answering(httpx.Response(200))) as http:
        with recording(0) as spans, tracing.head("GET", SpanKind.SERVER, None):
            await http.get("http://receiver/")
    assert len(spans.spans) == 1


async def test_redirects_are_not_followed() -> None:
    away = httpx.Response(302, headers={"Location": "http://169.254.169.254/"})
    async with client(transport=answering(away)) as http:
        assert (await http.get("http://receiver/")).status_code == 302
