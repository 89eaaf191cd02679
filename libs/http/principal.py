"""Who is calling, and what that caller may do.

Credentials live in ingest alone. Every other API passes the caller's ``Authorization`` to ingest's token
introspection (RFC 7662) and keeps the answer for 30 seconds by its hash: so a revoked key stops working
everywhere within 30 seconds, and a short absence of ingest is not noticed by callers already known.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import httpx
from fastapi import Request

from libs import clock
from libs.errors import Forbidden, Unauthenticated, Unavailable
from libs.http.client import client


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller."""

    account_id: UUID
    user_id: UUID | None
    scopes: frozenset[str]
    roles: frozenset[str]

    def require(self, scope: str) -> None:
        """Raises ``Forbidden``, naming the missing scope."""
        if scope not in self.scopes:
            raise Forbidden(f"these credentials lack the right {scope}", scope=scope)


class Authenticator(Protocol):
    async def authenticate(self, authorization: str | None) -> Principal:
        """``authorization`` is the header's whole value. Raises ``Unauthenticated`` or ``Unavailable``."""


class CachedAuthenticator:
    """Keeps what ``source`` said for ``seconds``; one question at a time about the same credentials."""

    def __init__(
        self,
        source: Authenticator,
        *,
        seconds: float = 30,
        most: int = 10_000,
        time: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._source = source
        self._seconds = seconds
        self._most = most
        self._time = time
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Principal]] = {}

    async def authenticate(self, authorization: str | None) -> Principal:
        if not authorization:
            raise Unauthenticated
        digest = hashlib.sha256(authorization.encode()).digest()
        known = self._known.get(digest)
        if known is not None and known[0] > self._time():
            return known[1]
        self._known.pop(digest, None)
        task = self._asking.get(digest)
        if task is None:
            task = self._asking[digest] = asyncio.create_task(self._source.authenticate(authorization))
            task.add_done_callback(lambda done: self._answered(digest, done))
        # Shielded: one caller who hangs up must not fail the others who wait for the same answer.
        return await asyncio.shield(task)

    def _answered(self, digest: bytes, task: asyncio.Task[Principal]) -> None:
        self._asking.pop(digest, None)
        if task.cancelled() or task.exception() is not None:
            return
        self._known[digest] = (self._time() + self._seconds, task.result())
        while len(self._known) > self._most:
            self._known.popitem(last=False)


class _Introspection:
    def __init__(self, url: str, secret: str, http: httpx.AsyncClient) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._http = http

    async def authenticate(self, authorization: str | None) -> Principal:
        try:
            reply = await self._http.post(
                self._url, data={"token": authorization or ""}, headers=self._headers
            )
            reply.raise_for_status()
            answer = reply.json()
        except (httpx.HTTPError, ValueError) as away:
            raise Unavailable("credentials cannot be checked right now", code="identity-away") from away
        if not answer.get("active"):
            raise Unauthenticated
        user = answer.get("user_id")
        return Principal(
            account_id=UUID(answer["account_id"]),
            user_id=UUID(user) if user else None,
            scopes=frozenset(answer.get("scope", "").split()),
            roles=frozenset(answer.get("roles", ())),
        )


class RemoteAuthenticator(CachedAuthenticator):
    """Asks ingest, and remembers."""

    def __init__(self, introspection_url: str, *, secret: str) -> None:
        self._http = client(timeout=5)
        super().__init__(_Introspection(introspection_url, secret, self._http))

    async def close(self) -> None:
        await self._http.aclose()


def requires(scope: str) -> Callable[[Request], Awaitable[Principal]]:
    """FastAPI dependency: the caller, who must have ``scope``."""

    async def caller(request: Request) -> Principal:
        identity: Authenticator = request.app.state.identity
        principal = await identity.authenticate(request.headers.get("authorization"))
        principal.require(scope)
        return principal

    return caller
