"""The hub's HTTP client for addresses an operator configured: timeouts, one user agent, no redirects."""

from __future__ import annotations

from collections.abc import Generator

import httpx
from opentelemetry.propagate import inject


class _Traced(httpx.Auth):
    """Carries the current trace on; the hook httpx offers for changing a request on its way out."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        carrier: dict[str, str] = {}
        inject(carrier)
        request.headers.update(carrier)
        yield request


def client(
    *, base_url: str = "", timeout: float = 10, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """``timeout`` in seconds, for connecting and for each read."""
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout,
        transport=transport,
        auth=_Traced(),
        follow_redirects=False,
        headers={"User-Agent": "Postbode"},
        trust_env=False,
    )
