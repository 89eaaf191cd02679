"""The hub's HTTP client for addresses an operator configured: timeouts, one user agent, no redirects, no
proxy from the environment. It carries the current trace on and records a call when its trace is recorded,
when it fails and when it is slow.

Addresses that come from users need more than this (every address a name resolves to is checked); they do
not go through here.
"""

from __future__ import annotations

import functools
import ssl
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from opentelemetry.trace import SpanKind, Status, StatusCode

from libs import clock
from libs.telemetry import metrics, tracing

USER_AGENT = "Postbode"
SLOW = 5.0
"""Seconds from which a call is recorded always."""


def client(
    *,
    base_url: str = "",
    timeout: float = 10,
    most: int = 50,
    transport: httpx.AsyncBaseTransport | None = None,
    trusted: Path | None = None,
) -> httpx.AsyncClient:
    """``timeout`` in seconds, for connecting and for each read; at most ``most`` connections. ``trusted``:
    a file of certificates (PEM) to trust beside the usual ones. Close it."""
    limits = httpx.Limits(max_connections=most, max_keepalive_connections=most)
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout,
        transport=Traced(
            transport or httpx.AsyncHTTPTransport(verify=_trusting(trusted), limits=limits, trust_env=False)
        ),
        follow_redirects=False,
        headers={"User-Agent": USER_AGENT},
        trust_env=False,
    )


@functools.cache
def _trusting(more: Path | None) -> ssl.SSLContext:
    """Whom we trust: 80 ms to read, and the same for every client of a process."""
    context = httpx.create_ssl_context(trust_env=False)
    if more is not None:
        context.load_verify_locations(more)
    return context


class Traced(httpx.AsyncBaseTransport):
    """Any transport, traced. A span lasts until the headers of the answer are there."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self._inner.__aexit__(kind, error, trace)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        attributes: dict[str, str | int] = {
            "http.request.method": request.method,
            "server.address": request.url.host,
            "server.port": request.url.port or (443 if request.url.scheme == "https" else 80),
        }
        began = clock.monotonic()
        with tracing.span(request.method, SpanKind.CLIENT, attributes) as span:
            traceparent = tracing.current_traceparent()
            if traceparent is not None:
                request.headers.setdefault("traceparent", traceparent)
            try:
                response = await self._inner.handle_async_request(request)
            except httpx.HTTPError as error:
                seconds = clock.monotonic() - began
                _measure({**attributes, "error.type": type(error).__name__}, seconds)
                if not span.is_recording():
                    tracing.record_failure(
                        request.method, error, seconds=seconds, kind=SpanKind.CLIENT, attributes=attributes
                    )
                raise
            seconds = clock.monotonic() - began
            _measure({**attributes, "http.response.status_code": response.status_code}, seconds)
            if span.is_recording():
                span.set_attribute("http.response.status_code", response.status_code)
                if response.status_code >= 400:
                    span.set_status(Status(StatusCode.ERROR))
            elif response.status_code >= 500:
                code = str(response.status_code)
                tracing.record_failure(
                    request.method, code, seconds=seconds, kind=SpanKind.CLIENT, attributes=attributes
                )
            elif seconds >= SLOW:
                tracing.record_slow(request.method, seconds, kind=SpanKind.CLIENT, attributes=attributes)
            return response


def _measure(attributes: dict[str, str | int], seconds: float) -> None:
    metrics.http_client_duration.record(seconds, attributes)
