"""The HTTP client for addresses that people outside named: the hub never trusts where they lead.

https only, every address a name resolves to must be public and the connection goes to one of those that were looked at
(so a name that changes in between leads nowhere), no redirects, no cookies, no proxy, bounds on time and size. What goes
wrong is one of two things, as with ``session``: ``NotReached``, nothing was sent; ``BrokenOff``, it may have been done.
Who may not send it any more when the connection stands at last has ``TooLate``.
"""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from libs import clock
from libs.http.calls import call
from libs.http.client import USER_AGENT, trusting
from libs.http.public import Network, NotPublic, host_of, is_public
from libs.http.session import BrokenOff, NotReached

MOST_BYTES = 4096
"""So much of an answer is read, for the record."""
READ_SECONDS = 2.0
"""So long its body may take: what matters stands in its first line."""
_IN_PIECES = 512 * 1024
"""Bodies from this size on go out in pieces, so that the event loop is free in between."""


class TooLate(Exception):
    """It may not be sent any more: nothing was."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``headers``: names in any case. ``said``: the beginning of the body."""

    status: int
    headers: Mapping[str, str]
    said: bytes


class Outside:
    """Made inside a running loop. Close it."""

    def __init__(
        self,
        *,
        seconds: float,
        connect_seconds: float = 5.0,
        most: int = 64,
        also: Sequence[Network] = (),
        trusted: Path | None = None,
    ) -> None:
        """``seconds`` for all of one request until its answer's headers are there; ``most`` connections at once; ``also``:
        networks an operator has opened; ``trusted``: certificates (PEM) beside the usual ones."""
        self._seconds = seconds
        self._also = also
        told = aiohttp.TraceConfig()
        told.on_request_headers_sent.append(_begun)
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=most,
                resolver=_Checked(also),
                use_dns_cache=False,
                ssl=trusting(trusted),
                keepalive_timeout=5,
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds),
            headers={"User-Agent": USER_AGENT},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trace_configs=[told],
        )

    async def close(self) -> None:
        await self._http.close()

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, may: Callable[[], bool]
    ) -> Answer:
        """``may`` it still be sent: asked when the connection stands, right before its first byte. Raises ``NotPublic``,
        ``NotReached``, ``TooLate`` and ``BrokenOff``."""
        try:
            host = host_of(url, self._also)
        except ValueError as no:
            raise NotPublic(str(no)) from no
        with call(
            "POST", host, urlsplit(url).port or 443, (NotPublic, NotReached, TooLate, BrokenOff)
        ) as made:
            sent = SimpleNamespace(begun=False, may=may)
            data = io.BytesIO(body) if len(body) >= _IN_PIECES else body
            try:
                async with asyncio.timeout(self._seconds):
                    answer = await self._http.post(
                        url, headers=headers, data=data, allow_redirects=False, trace_request_ctx=sent
                    )
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                if isinstance(getattr(error, "os_error", None), NotPublic):
                    raise NotPublic("it resolves to an address that is not public") from error
                raise (BrokenOff if sent.begun else NotReached)(_said(error)) from error
            made.status = answer.status
            return Answer(answer.status, answer.headers, await _beginning(answer))


class _Checked(AbstractResolver):
    """Resolves names to addresses all of which are public: one that is not may be the one that is meant."""

    def __init__(self, also: Sequence[Network]) -> None:
        self._also = also
        self._asked = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._asked.resolve(host, port, family)
        if not all(is_public(each["host"], self._also) for each in found):
            raise NotPublic(f"{host} resolves to an address that is not public")
        return found

    async def close(self) -> None:
        await self._asked.close()


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """As much of the body as comes in time and is wanted. An answer that goes on is hung up on."""
    said = bytearray()
    until = clock.monotonic() + READ_SECONDS
    try:
        async with asyncio.timeout(READ_SECONDS):
            while len(said) < MOST_BYTES and clock.monotonic() < until:
                piece = await answer.content.read(MOST_BYTES - len(said))
                if not piece:
                    break
                said += piece
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        answer.close()
    if answer.content.at_eof():
        answer.release()
    else:
        answer.close()
    return bytes(said)


async def _begun(_session: object, context: SimpleNamespace, _params: object) -> None:
    """The headers are made, and go out when this returns."""
    sent = context.trace_request_ctx
    if not sent.may():
        raise TooLate
    sent.begun = True


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
