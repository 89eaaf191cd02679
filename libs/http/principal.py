"""Who is calling, and what that caller may do.

Credentials live in ingest alone. Every other API passes the caller's ``Authorization`` to ingest's token
introspection (RFC 7662) and keeps the answer by its hash::

                 ┌── younger than 30 s ──────────────▶ the principal
    header ──────┼── older, or unknown ──▶ ask ingest ─┬─ active ───▶ the principal, kept
     (SHA-256)   │   (once, however many wait)         ├─ inactive ─▶ 401; forgotten, and not asked for 2 s
                 │                                     └─ away ─────┬─ known before ─▶ the principal (15 min)
                 │                                                  └─ unknown ──────▶ 503
                 └── no header ──────────────────────▶ 401

So a revoked key stops working everywhere within 30 seconds, and callers already known do not notice when
ingest is away for a while.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import httpx
from fastapi import Request, Security
from fastapi.openapi.models import HTTPBase as HTTPBaseModel
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase

from libs import clock
from libs.errors import Forbidden, Unauthenticated, Unavailable
from libs.http.client import client
from libs.lifetimes import PRINCIPAL
from libs.telemetry import metrics

LONGEST = 4096
"""Bytes of an ``Authorization`` header that are looked at at all."""

_AWAY = "credentials cannot be checked right now: try again in a moment"
_AWAY_NL = "sleutels zijn nu even niet te controleren: probeer het zo opnieuw"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller."""

    account_id: UUID
    user_id: UUID | None
    scopes: frozenset[str]
    roles: frozenset[str]
    expires_at: datetime | None = None
    """When the credentials end by themselves; no cache may serve them longer."""

    def require(self, scope: str) -> None:
        """Raises ``Forbidden``, naming the missing scope."""
        if scope not in self.scopes:
            raise Forbidden(
                f"these credentials lack the right {scope}: use a key that has it",
                nl=f"deze sleutel heeft het recht {scope} niet: gebruik een sleutel die het heeft",
                scope=scope,
            )


class Authenticator(Protocol):
    async def authenticate(self, authorization: str | None) -> Principal:
        """``authorization`` is the header's whole value. Raises ``Unauthenticated`` or ``Unavailable``."""


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    asked: float


class CachedAuthenticator:
    """Keeps what ``source`` said for ``seconds``, and for ``away_seconds`` while the source is away.

    One question at a time about the same credentials. ``most`` principals are kept, and as many refusals,
    the least recently used leaving first: guessing keys cannot push known callers out.
    """

    def __init__(
        self,
        source: Authenticator,
        *,
        seconds: float = PRINCIPAL.kept.total_seconds(),
        away_seconds: float = 900,
        refused_seconds: float = 2,
        most: int = 10_000,
        time: Callable[[], float] = clock.monotonic,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._source = source
        self._seconds = seconds
        self._away_seconds = away_seconds
        self._refused_seconds = refused_seconds
        self._most = most
        self._time = time
        self._now = now
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Principal]] = {}

    async def authenticate(self, authorization: str | None) -> Principal:
        if not authorization or len(authorization) > LONGEST:
            raise Unauthenticated
        digest = hashlib.sha256(authorization.encode()).digest()
        known = self._fresh(digest)
        if known is not None:
            _count("known")
            return known
        if self._time() - self._refused.get(digest, float("-inf")) < self._refused_seconds:
            _count("refused")
            raise Unauthenticated
        try:
            return await self._ask(digest, authorization)
        except Unavailable:
            stale = self._usable(digest, self._away_seconds)
            if stale is None:
                _count("unavailable")
                raise
            _count("stale")
            return stale

    def forget(self, authorization: str | None) -> None:
        """These credentials have ended just now: the next question is asked."""
        if authorization:
            self._known.pop(hashlib.sha256(authorization.encode()).digest(), None)

    def _fresh(self, digest: bytes) -> Principal | None:
        return self._usable(digest, self._seconds)

    def _usable(self, digest: bytes, seconds: float) -> Principal | None:
        known = self._known.get(digest)
        if known is None or self._time() - known.asked >= seconds:
            return None
        if known.principal.expires_at is not None and known.principal.expires_at <= self._now():
            return None
        self._known.move_to_end(digest)
        return known.principal

    async def _ask(self, digest: bytes, authorization: str) -> Principal:
        task = self._asking.get(digest)
        if task is None:
            _count("asked")
            task = self._asking[digest] = asyncio.create_task(self._learn(digest, authorization))
            task.add_done_callback(lambda done: self._answered(digest, done))
        # Shielded: one caller who hangs up must not fail the others who wait for the same answer.
        return await asyncio.shield(task)

    async def _learn(self, digest: bytes, authorization: str) -> Principal:
        # Counted from the question, not from the answer: a key revoked in between must not live longer.
        asked = self._time()
        try:
            principal = await self._source.authenticate(authorization)
        except Unauthenticated:
            self._known.pop(digest, None)
            _keep(self._refused, digest, asked, self._most)
            raise
        _keep(self._known, digest, _Known(principal, asked), self._most)
        return principal

    def _answered(self, digest: bytes, task: asyncio.Task[Principal]) -> None:
        self._asking.pop(digest, None)
        if not task.cancelled():
            task.exception()  # looked at, so that nobody complains when every waiter has gone


def _keep(cache: OrderedDict[bytes, Any], digest: bytes, value: object, most: int) -> None:
    cache[digest] = value
    cache.move_to_end(digest)
    while len(cache) > most:
        cache.popitem(last=False)


def _count(outcome: str) -> None:
    metrics.introspections.add(1, {"outcome": outcome})


class Introspection:
    """An ``Authenticator`` that asks a token introspection endpoint (RFC 7662), every time."""

    def __init__(self, url: str, secret: str, http: httpx.AsyncClient) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {secret}", "Accept": "application/json"}
        self._http = http

    async def authenticate(self, authorization: str | None) -> Principal:
        try:
            reply = await self._http.post(
                self._url, data={"token": authorization or ""}, headers=self._headers
            )
            # Also 401: then it is this service that is not known to ingest, and not the caller.
            reply.raise_for_status()
            answer = reply.json()
            active = answer["active"] is True
            principal = _principal(answer) if active else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError, AttributeError) as away:
            raise Unavailable(_AWAY, nl=_AWAY_NL, code="identity-away") from away
        if principal is None:
            raise Unauthenticated
        return principal


def _principal(answer: dict[str, Any]) -> Principal:
    user, expires = answer.get("user_id"), answer.get("exp")
    return Principal(
        account_id=UUID(answer["account_id"]),
        user_id=UUID(user) if user else None,
        scopes=frozenset(answer.get("scope", "").split()),
        roles=frozenset(answer.get("roles", ())),
        expires_at=datetime.fromtimestamp(expires, UTC) if expires is not None else None,
    )


class RemoteAuthenticator(CachedAuthenticator):
    """Asks ingest, and remembers."""

    def __init__(
        self, introspection_url: str, *, secret: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._http = client(timeout=5, transport=transport)
        super().__init__(Introspection(introspection_url, secret, self._http))

    async def close(self) -> None:
        await self._http.aclose()


class _Scheme(SecurityBase):
    """Tells OpenAPI how to authenticate; ``requires`` does the work."""

    def __init__(self, name: str, model: HTTPBaseModel) -> None:
        self.model = model
        self.scheme_name = name

    async def __call__(self) -> None:
        return None


SCHEME = _Scheme(
    "key",
    HTTPBearerModel(description="An API key: `Authorization: Bearer pb_live_…`", bearerFormat="API key"),
)
PASSWORD = _Scheme(
    "password",
    HTTPBaseModel(
        scheme="basic", description="A user's e-mail address and password (R16); the role says what it may do"
    ),
)


def requires(*scopes: str) -> Callable[..., Awaitable[Principal]]:
    """FastAPI dependency: the caller, who must have one of ``scopes``. 401 without credentials, 403 when the
    right is missing (the first is named)."""

    # As a default and not an annotation: FastAPI reads annotations where ``scopes`` is not known.
    async def caller(
        request: Request,
        _: None = Security(SCHEME, scopes=scopes),
        __: None = Security(PASSWORD, scopes=scopes),
    ) -> Principal:
        identity: Authenticator = request.app.state.identity
        principal = await identity.authenticate(request.headers.get("authorization"))
        if principal.scopes.isdisjoint(scopes):
            principal.require(scopes[0])
        return principal

    return caller
