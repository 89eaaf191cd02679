"""What a browser keeps of a sign-in: an opaque, encrypted cookie that ends by itself. Pure.

The cookie holds the API key, encrypted and authenticated (Fernet: AES-128-CBC with HMAC-SHA-256) under a key
derived from the master secret; the browser's scripts cannot read it and other sites cannot send it. When
ingest hands out session tokens of its own, this becomes one of those.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import Response

PURPOSE = "portal sessions"


@dataclass(frozen=True, slots=True)
class Sessions:
    """Seals and opens the cookie. ``secret`` is 32 bytes."""

    secret: bytes
    lasts: timedelta
    secure: bool
    """Whether pages are served over https: then the cookie is bound to this host and to https."""

    @property
    def cookie(self) -> str:
        return "__Host-postbode" if self.secure else "postbode"

    def begin(self, response: Response, api_key: str) -> None:
        response.set_cookie(
            self.cookie,
            self._fernet().encrypt(api_key.encode()).decode(),
            max_age=int(self.lasts.total_seconds()),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )

    def end(self, response: Response) -> None:
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="strict")

    def api_key(self, request: Request) -> str | None:
        """The key of whoever is signed in; None without a cookie, or with one that is old or not ours."""
        sealed = request.cookies.get(self.cookie)
        if not sealed:
            return None
        try:
            return self._fernet().decrypt(sealed, ttl=int(self.lasts.total_seconds())).decode()
        except (InvalidToken, ValueError):
            return None

    def _fernet(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self.secret))


def from_here(request: Request) -> bool:
    """Whether a form came from one of our own pages: the browser says so (Fetch Metadata), or an older one
    names the origin. A program that says neither has no cookie to abuse."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def from_elsewhere(request: Request) -> bool:
    """Whether a page was opened by a link on another site (web mail): browsers then hold the cookie back."""
    return request.headers.get("sec-fetch-site") == "cross-site"
