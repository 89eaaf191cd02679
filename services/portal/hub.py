"""What portal asks the public APIs, with the session of whoever is signed in."""

from __future__ import annotations

import base64
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

    async def sign_in(self, user: str, secret: str, seconds: int) -> str:
        """The token of a new session, which reads invoices and nothing else; ``user`` empty: ``secret`` is an API key."""
        named = base64.b64encode(f"{user}:{secret}".encode()).decode()
        found = await self._say(
            "POST",
            "/v1/sessions",
            f"Basic {named}" if user else f"Bearer {secret}",
            json={"seconds": seconds},
        )
        return str(found["token"])

    async def use_link(self, token: str, password: str) -> str:
        """Choose a password with a link that was mailed; the user name it is for."""
        used = {"token": token, "password": password}
        return str((await self._say("POST", "/v1/accounts/links", None, json=used))["user_name"])

    async def sign_out(self, token: str) -> None:
        """End the session."""
        await self._ask("DELETE", "/v1/sessions/current", token)

    async def invoices(self, token: str, *, status: str | None, after: str | None, limit: int) -> Any:
        """A page of invoices, newest first."""
        asked = {"status": status, "after": after, "limit": limit}
        params = {k: v for k, v in asked.items() if v is not None}
        return await self._ask("GET", "/v1/invoices", token, params=params)

    async def invoice(self, token: str, invoice_id: UUID) -> Any:
        """One invoice with its timeline."""
        return await self._ask("GET", f"/v1/invoices/{invoice_id}", token)

    async def _ask(self, method: str, path: str, token: str, **more: Any) -> Any:
        return await self._say(method, path, f"Bearer {token}", **more)

    async def _say(self, method: str, path: str, authorization: str | None, **more: Any) -> Any:
        headers = {"Authorization": authorization} if authorization else {}
        try:
            reply = await self._http.request(method, path, headers=headers, **more)
            if reply.is_success:
                return reply.json() if reply.content else None
        except (httpx.HTTPError, ValueError) as away:
            raise Unavailable from away
        raise _ERRORS.get(reply.status_code, Unavailable)
