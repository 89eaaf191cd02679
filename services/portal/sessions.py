"""What a browser keeps of a sign-in: the token of a session that ingest keeps, in a cookie. Pure.

The browser's scripts cannot read the cookie and other sites cannot send it. Signing out ends the session at
ingest; other services may take its token for up to 30 seconds more, because they remember who called, so portal
itself refuses it from the first moment.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from libs import clock

REMEMBERED = 60.0
"""Seconds for which the tokens of ended sessions are refused here: longer than any service remembers callers."""

_MOST = 10_000
_LONGEST = 200


class Sessions:
    """Writes and reads the cookie ``name``. ``secure``: whether pages are served over https; then the cookie is bound to
    this host and to https."""

    def __init__(
        self,
        *,
        lasts: timedelta,
        secure: bool,
        name: str = "postbode",
        time: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._name = name
        self.lasts = lasts
        self.secure = secure
        self._time = time
        self._ended: OrderedDict[bytes, float] = OrderedDict()

    @property
    def cookie(self) -> str:
        return f"__Host-{self._name}" if self.secure else self._name

    def begin(self, response: Response, token: str) -> None:
        response.set_cookie(
            self.cookie,
            token,
            max_age=int(self.lasts.total_seconds()),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )

    def drop(self, response: Response) -> None:
        """Take the cookie away."""
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="strict")

    def end(self, token: str) -> None:
        """From now on this token opens nothing here."""
        now = self._time()
        self._ended.pop(_digest(token), None)
        self._ended[_digest(token)] = now
        while len(self._ended) > _MOST or now - next(iter(self._ended.values())) > REMEMBERED:
            self._ended.popitem(last=False)

    def token(self, request: Request) -> str | None:
        """The session of whoever is signed in; None without a cookie, with one that cannot be ours, and after
        signing out."""
        token = request.cookies.get(self.cookie, "")
        if not token.startswith("pb_sess_") or len(token) > _LONGEST or not token.isascii():
            return None
        ended = self._ended.get(_digest(token))
        return None if ended is not None and self._time() - ended <= REMEMBERED else token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


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
