"""An HTTP client for one address that is asked very often: a request costs a quarter of what it costs ``client``
(ADR 25). Traced in the same way; connections are kept; no redirects, no cookies, no proxy from the environment.

What goes wrong is one of two things, and that is what whoever writes must know: ``NotReached``, nothing was sent;
``BrokenOff``, it may have been done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode, urlsplit

import aiohttp

from libs.http.calls import call
from libs.http.client import USER_AGENT, trusting


class NotReached(Exception):
    """Nobody answers at this address: nothing was sent."""


class BrokenOff(Exception):
    """There was no answer, or half of one: what was asked may have been done."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``headers``: names in any case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Asking(Protocol):
    """What a ``Session`` does; tests have their own."""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer: ...

    async def close(self) -> None: ...


class Session:
    """Made inside a running loop. Close it."""

    def __init__(self, base_url: str, *, timeout: float, most: int) -> None:
        """``timeout`` in seconds, for connecting and for each read; at most ``most`` connections."""
        self._base = base_url.rstrip("/")
        try:
            parts = urlsplit(self._base)
            self._host = parts.hostname or ""
            self._port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:  # told when it is asked
            self._host, self._port = "", 0
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=most, ssl=trusting(None)),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout),
            headers={"User-Agent": USER_AGENT},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        await self._http.close()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Ask, and read the whole answer, whatever its status. Raises ``NotReached`` and ``BrokenOff``."""
        url = f"{self._base}{path}?{urlencode(query)}" if query else f"{self._base}{path}"
        with call(method, self._host, self._port, (NotReached, BrokenOff)) as made:
            sent = dict(headers or {})
            if made.traceparent is not None:
                sent["traceparent"] = made.traceparent
            try:
                async with self._http.request(
                    method, url, headers=sent, data=body, allow_redirects=False
                ) as answer:
                    made.status = answer.status
                    return Answer(answer.status, answer.headers, await answer.read())
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as away:
                raise NotReached(repr(away)) from away
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as broken:
                raise BrokenOff(repr(broken)) from broken
