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

from libs.http.calls import call

USER_AGENT = "Postbode"


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
            transport or httpx.AsyncHTTPTransport(verify=trusting(trusted), limits=limits, trust_env=False)
        ),
        follow_redirects=False,
        headers={"User-Agent": USER_AGENT},
        trust_env=False,
    )


@functools.cache
def trusting(more: Path | None) -> ssl.SSLContext:
    """Whom we trust: 80 ms to read, and the same for every client of a process."""
    context = httpx.create_ssl_context(trust_env=False)
    if more is not None:
        context.load_verify_locations(more)
    return context


class Traced(httpx.AsyncBaseTransport):
    """Any transport, traced."""

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
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        with call(request.method, request.url.host, port, httpx.HTTPError) as made:
            if made.traceparent is not None:
                request.headers.setdefault("traceparent", made.traceparent)
            response = await self._inner.handle_async_request(request)
            made.status = response.status_code
            return response
