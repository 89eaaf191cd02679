"""When to try again, and when to give up. Pure but for the clock."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import httpx

from postbode_client.errors import Unreachable
from postbode_client.wire import Reply

_FIRST, _LONGEST = 0.5, 30.0
"""Seconds: the longest first wait, and the longest of all that nobody asked for."""


class Patience:
    """How long one request is tried, from the last time that something came of it.

    What the hub asks for in ``Retry-After`` is done; else the waits double, each a random part of its length, so that a
    thousand suppliers whose hub was away do not come back at the same moment. ``key`` is the one it is sent with.
    """

    def __init__(
        self, seconds: float, key: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._key = key
        self._clock = clock
        self.progress()

    def progress(self) -> None:
        """Something came of it: the time counts from here."""
        self._until = self._clock() + self._seconds
        self._tries = 0

    def after(self, reply: Reply) -> float:
        """Seconds to wait after a reply that is no answer yet. Raises ``Unreachable`` when that would be too long."""
        asked = _seconds(reply.headers.get("retry-after"))
        return self._wait(f"HTTP {reply.status} {reply.code}".rstrip(), asked)

    def after_failure(self, error: httpx.HTTPError) -> float:
        """Seconds to wait after no reply. Raises ``Unreachable``, at once for what no waiting mends."""
        why = f"{type(error).__name__}: {error}".rstrip(": ")
        if not isinstance(error, httpx.TransportError) or isinstance(
            error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
        ):
            raise Unreachable(why, self._key) from error
        if _distrusted(error):
            raise Unreachable(f"the certificate of the hub is not trusted ({error})", self._key) from error
        return self._wait(why, None)

    def _wait(self, why: str, asked: float | None) -> float:
        span = min(_FIRST * 2**self._tries, _LONGEST)
        self._tries += 1
        wait = asked if asked is not None else random.uniform(span / 2, span)  # noqa: S311 - spread, not secret
        if self._clock() + wait > self._until:
            raise Unreachable(
                f"no answer within {self._seconds:g} seconds; the last thing seen: {why}", self._key
            )
        return wait


def _seconds(retry_after: str | None) -> float | None:
    """RFC 9110 §10.2.3: a number of seconds, or a date."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _distrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
