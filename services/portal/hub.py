"""What portal asks the public APIs, with the session of whoever is signed in."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from uuid import UUID

import httpx

from libs.errors import (
    BadInput,
    Conflict,
    Forbidden,
    HubError,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from libs.http.client import client

_ERRORS = {
    400: BadInput,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: BadInput,
    429: TooMany,
}


class Hub:
    """Enter it to open the connections. Every method raises ``Unauthenticated``, ``Forbidden``,
    ``NotFound``, ``BadInput``, ``Conflict``, ``TooMany`` or ``Unavailable``, as the API answers."""

    def __init__(self, api_url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = client(base_url=api_url, transport=transport)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def sign_in(
        self, user: str, secret: str, seconds: int, scopes: Sequence[str] = ("invoice:read",)
    ) -> str:
        """The token of a new session, which reads invoices and does nothing else unless ``scopes`` say so; ``user`` empty:
        ``secret`` is an API key."""
        named = base64.b64encode(f"{user}:{secret}".encode()).decode()
        found = await self._say(
            "POST",
            "/v1/sessions",
            f"Basic {named}" if user else f"Bearer {secret}",
            json={"seconds": seconds, "scopes": list(scopes)},
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

    async def company(self, token: str) -> dict[str, Any]:
        """Who it is, and its ``keys``, ``mailboxes`` and ``users``."""
        asked = {
            "account": "/v1/accounts/me",
            "keys": "/v1/keys",
            "mailboxes": "/v1/mailboxes",
            "users": "/v1/accounts/me/users",
        }
        found = await asyncio.gather(*(self._ask("GET", path, token) for path in asked.values()))
        return dict(zip(asked, found, strict=True))

    async def make_key(self, token: str, label: str, scopes: Sequence[str], *, sandbox: bool) -> Any:
        """A new API key, shown this once."""
        wanted = {"label": label, "scopes": list(scopes), "sandbox": sandbox}
        return await self._ask("POST", "/v1/keys", token, json=wanted)

    async def rotate_key(self, token: str, key_id: str, hours: int) -> Any:
        """Another with the same rights, shown this once; the old one goes on for ``hours``."""
        return await self._ask("POST", f"/v1/keys/{_step(key_id)}/rotate", token, json={"hours": hours})

    async def revoke_key(self, token: str, key_id: str) -> None:
        await self._ask("DELETE", f"/v1/keys/{_step(key_id)}", token)

    async def make_mailbox(self, token: str) -> None:
        await self._ask("POST", "/v1/mailboxes", token)

    async def rotate_mailbox(self, token: str, mailbox_id: str, hours: int) -> None:
        await self._ask("POST", f"/v1/mailboxes/{_step(mailbox_id)}/rotate", token, json={"hours": hours})

    async def revoke_mailbox(self, token: str, mailbox_id: str) -> None:
        await self._ask("DELETE", f"/v1/mailboxes/{_step(mailbox_id)}", token)

    async def invite(self, token: str, email: str, role: str, language: str) -> None:
        wanted = {"email": email, "role": role, "language": language}
        await self._ask("POST", "/v1/accounts/me/users", token, json=wanted)

    async def set_role(self, token: str, user_id: str, role: str) -> None:
        await self._ask("PUT", f"/v1/accounts/me/users/{_step(user_id)}", token, json={"role": role})

    async def remove_user(self, token: str, user_id: str) -> None:
        await self._ask("DELETE", f"/v1/accounts/me/users/{_step(user_id)}", token)

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
        raise _refused(reply)


def _step(name: str) -> str:
    """One step of a path, whatever stands in it."""
    return quote(name, safe="")


def _refused(reply: httpx.Response) -> HubError:
    """What the API says no with, in its words where it has some."""
    kind = _ERRORS.get(reply.status_code, Unavailable)
    try:
        words = reply.json()["words"]
        return kind(str(words["en"]), nl=str(words["nl"]))
    except (ValueError, KeyError, TypeError):
        return kind()
