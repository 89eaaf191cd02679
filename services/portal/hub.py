"""What portal asks the public APIs, with the key of whoever is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx

from libs.errors import BadInput, Forbidden, NotFound, TooMany, Unauthenticated, Unavailable
from libs.http.client import client

_ERRORS = {
    400: BadInput,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    422: BadInput,
    429: TooMany,
}


class Hub:
    """Enter it to open the connections. Every method raises ``Unauthenticated``, ``Forbidden``,
    ``NotFound``, ``BadInput``, ``TooMany`` or ``Unavailable``, as the API answers."""

    def __init__(self, api_url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = client(base_url=api_url, transport=transport)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def account(self, api_key: str) -> Any:
        """Who these credentials belong to."""
        return await self._get("/v1/accounts/me", api_key)

    async def invoices(self, api_key: str, *, status: str | None, after: str | None, limit: int) -> Any:
        """A page of invoices, newest first."""
        asked = {"status": status, "after": after, "limit": limit}
        return await self._get("/v1/invoices", api_key, {k: v for k, v in asked.items() if v is not None})

    async def invoice(self, api_key: str, invoice_id: UUID) -> Any:
        """One invoice with its timeline."""
        return await self._get(f"/v1/invoices/{invoice_id}", api_key)

    async def _get(self, path: str, api_key: str, params: Mapping[str, Any] | None = None) -> Any:
        try:
            reply = await self._http.get(path, params=params, headers={"Authorization": f"Bearer {api_key}"})
        except (httpx.HTTPError, ValueError) as away:
            raise Unavailable from away
        if reply.is_success:
            return reply.json()
        raise _ERRORS.get(reply.status_code, Unavailable)
