"""What every request gets: limits, headers, ids, a span if chosen, a log line, a metric."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import structlog
from prometheus_client import generate_latest
from starlette.requests import ClientDisconnect

from libs.http import edge
from libs.telemetry import tracing
from libs.testing.spans import recording
from tests.unit.http.sample import MAX_BODY

CALLER = f"00-{'a' * 32}-{'b' * 16}-00"


async def chunks(size: int, *, step: int = 100) -> AsyncIterator[bytes]:
    for _ in range(size // step):
        yield b"x" * step


@pytest.mark.parametrize("path", ["/v1/plain/x", "/v1/open", "/v1/short"])
async def test_a_body_over_the_limit_is_refused_whether_it_says_so_or_not(
    http: httpx.AsyncClient, path: str
) -> None:
    headers = {"Content-Type": "application/json"}
    declared = await http.post(path, content=b"x" * (MAX_BODY + 1), headers=headers)
    hidden = await http.post(path, content=chunks(MAX_BODY + 100), headers=headers)
    for reply in (declared, hidden):
        assert reply.status_code == 413
        assert reply.json()["code"] == "too-large"
        assert reply.json()["limit"] == MAX_BODY
        assert reply.headers["connection"] == "close"


async def test_a_body_that_is_too_large_by_its_own_word_is_not_read(http: httpx.AsyncClient) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("read")
        yield b""

    reply = await http.post("/v1/plain/x", content=unread(), headers={"Content-Length": str(MAX_BODY + 1)})
    assert reply.status_code == 413


async def test_a_body_at_the_limit_is_taken(http: httpx.AsyncClient) -> None:
    for content in (b"x" * MAX_BODY, chunks(MAX_BODY)):
        reply = await http.post("/v1/plain/x", content=content)
        assert reply.json() == {"bytes": MAX_BODY}


async def test_a_body_that_lies_about_its_length_is_counted(http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/plain/x", content=chunks(MAX_BODY + 100), headers={"Content-Length": "5"})
    assert reply.status_code == 413


async def test_every_answer_carries_the_security_headers(http: httpx.AsyncClient) -> None:
    for path in ("/livez", "/v1/nothing", "/v1/errors/unexpected", "/v1/items"):
        headers = (await http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["cache-control"] == "no-store", path
        assert headers["content-security-policy"].startswith("default-src 'none'"), path
        assert "strict-transport-security" not in headers
        assert "server" not in headers


async def test_a_page_keeps_its_own_headers(http: httpx.AsyncClient) -> None:
    headers = (await http.get("/page")).headers
    assert headers["cache-control"] == "max-age=60"
    # What a page may load only the page knows.
    assert "content-security-policy" not in headers
    assert (await http.get("https://sample/page")).headers["strict-transport-security"]


async def test_ids_are_taken_and_returned(
    http: httpx.AsyncClient, log: list[structlog.typing.EventDict]
) -> None:
    reply = await http.get("/v1/items", headers={"traceparent": CALLER, "X-Request-ID": "mine-1"})
    assert reply.headers["x-request-id"] == "mine-1"
    assert reply.headers["traceresponse"].startswith(f"00-{'a' * 32}-")
    assert log[-1]["request_id"] == "mine-1"


@pytest.mark.parametrize("request_id", ["", "x" * 129, "a b", 'x"y', "é"])
async def test_a_request_id_that_could_spoil_a_log_is_not_taken(
    http: httpx.AsyncClient, request_id: str
) -> None:
    reply = await http.get("/v1/items", headers={b"X-Request-ID": request_id.encode()})
    assert reply.headers["x-request-id"] == reply.headers["traceresponse"][3:35]


async def test_one_line_a_request_with_the_template_and_not_the_query(
    http: httpx.AsyncClient, log: list[structlog.typing.EventDict]
) -> None:
    await http.post("/v1/plain/Jansen?iban=NL12BANK", content=b"x")
    (line,) = log
    assert line["event"] == "request"
    assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/plain/{name}", 202)
    assert line["ms"] >= 0
    assert "Jansen" not in str(line)
    assert "NL12BANK" not in str(line)


async def test_probes_do_not_fill_the_log(
    http: httpx.AsyncClient, log: list[structlog.typing.EventDict]
) -> None:
    await http.get("/livez")
    await http.get("/metrics")
    assert {line["log_level"] for line in log} == {"debug"}


async def test_metrics_are_counted_by_template(http: httpx.AsyncClient) -> None:
    with recording(0):
        await http.post("/v1/plain/one", content=b"x")
        await http.post("/v1/plain/two", content=b"x")
        await http.request("BREW", "/v1/nothing/at/all")
    text = generate_latest().decode()
    counted = [line for line in text.splitlines() if "seconds_count" in line and "/v1/plain/{name}" in line]
    assert sum(float(line.rpartition(" ")[2]) for line in counted if '"202"' in line) >= 2
    # Neither invented methods nor paths become series.
    assert "BREW" not in text
    assert "/v1/nothing" not in text
    assert "plain/one" not in text


async def test_a_chosen_request_is_one_span_named_by_its_route(http: httpx.AsyncClient) -> None:
    with recording(1.0) as spans:
        reply = await http.post("/v1/plain/x", content=b"x")
    (span,) = spans.spans
    assert span.name == "POST /v1/plain/{name}"
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 202
    assert span.attributes["http.route"] == "/v1/plain/{name}"
    assert reply.headers["traceresponse"] == tracing.to_traceparent(span.context)


async def test_an_unchosen_request_that_is_slow_is_recorded(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "SLOW", 0.0)
    with recording(0) as spans:
        await http.get("/v1/items")
    (span,) = spans.spans
    assert span.name == "GET /v1/items"


async def test_half_an_answer_breaks_the_connection(http: httpx.AsyncClient) -> None:
    with pytest.raises(RuntimeError, match="in the middle"):
        await http.get("/v1/stream")


async def test_a_caller_who_hangs_up_is_no_error(log: list[structlog.typing.EventDict]) -> None:
    async def gone(scope: Any, receive: Any, send: Any) -> None:
        raise ClientDisconnect

    scope = {"type": "http", "method": "POST", "path": "/x", "scheme": "http", "headers": []}

    async def unused(message: Any = None) -> Any:
        raise AssertionError("nobody is there to be told")

    await edge.Edge(gone, templates=dict)(scope, unused, unused)
    (line,) = log
    assert line["status"] == edge.CLIENT_GONE
    assert line["log_level"] == "info"


async def test_each_request_is_counted_once(http: httpx.AsyncClient) -> None:
    """FastAPI would count it too, under its own name, and every figure of a dashboard would be double."""
    with recording(0):
        before = _counted()
        for path in ("/v1/plain/x", "/v1/open", "/v1/nowhere"):
            await http.post(path, json={"number": 1})
        found = {labels: count - before.get(labels, 0) for labels, count in _counted().items()}
    new = {labels: count for labels, count in found.items() if count}
    assert sum(new.values()) == 3, new


def _counted() -> dict[str, float]:
    """Requests by the labels they were counted with, whoever counted."""
    lines = generate_latest().decode().splitlines()
    counts = [line.rsplit(" ", 1) for line in lines if re.match(r"http_server_\w+_count\b", line)]
    return {labels: float(count) for labels, count in counts}
