"""Calls to the books of one division at Exact Online (exact.md §3.2, §3.3).

Every call takes its place in the budget first, whoever makes it, and tells how it ended. Answers are bounded in time and
size; nothing is redirected. What goes wrong is one of ``trouble.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode
from uuid import UUID

import httpx

from services.deliver.exact import wire
from services.deliver.exact.allowances import Allowances, Place
from services.deliver.exact.budget import Use
from services.deliver.exact.tokens import Tokens
from services.deliver.exact.trouble import Denied, MayBeDone, NotNow, NotReached, Stopped

SECONDS = 60.0
"""For one call, with all of its answer."""
MOST_BYTES = 16 * 1024 * 1024
MOST_PAGES = 200
_BLOCKED = ("key is blocked", "api key", "too many errors")
"""In a 403: the key, not the right. Exact's own words are not published; an inference."""
May: TypeAlias = Callable[[], Awaitable[bool]]


async def always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Grant:
    """Whose consent a call is made with. ``person``: UserID at Exact, "" while it is not known yet."""

    grant_id: UUID
    base: str
    person: str


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes


class Calling:
    """What all calls of a process share."""

    def __init__(
        self, http: httpx.AsyncClient, allowances: Allowances, tokens: Tokens, client_id: str
    ) -> None:
        self.http = http
        self.allowances = allowances
        self.tokens = tokens
        self.client_id = client_id

    def books(
        self,
        grant: Grant,
        division: int | None,
        use: Use,
        *,
        access: str | None = None,
        may: May = always,
    ) -> Books:
        """``division`` None: what belongs to the person alone. ``access``: a token that is not stored yet. ``may``: asked
        last of all before each call, whether it may be made still."""
        return Books(self, grant, division, use, access, may)


class Books:
    """One division, as one person reaches it, for one use."""

    def __init__(
        self, calling: Calling, grant: Grant, division: int | None, use: Use, access: str | None, may: May
    ) -> None:
        self._calling = calling
        self._grant = grant
        self._division = division
        self._use = use
        self._access = access
        self._may = may
        self.room = 1
        """Calls that must be left for one to be made, that one with them."""

    async def rows(
        self,
        endpoint: str,
        *,
        select: str,
        filter: str | None = None,  # noqa: A002 - Exact's own name
        top: int | None = None,
    ) -> list[dict[str, Any]]:
        """All rows, page after page. Raises ``Trouble``."""
        pages = self.pages(endpoint, select=select, filter=filter, top=top)
        return [row async for page in pages for row in page]

    async def pages(
        self,
        endpoint: str,
        *,
        select: str,
        filter: str | None = None,  # noqa: A002
        top: int | None = None,
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Page after page, each a call. Raises ``Trouble``."""
        query = {"$select": select, "$filter": filter, "$top": top}
        url: str | None = self._url(
            endpoint, {name: said for name, said in query.items() if said is not None}
        )
        for _ in range(MOST_PAGES):
            answer = await self._call("GET", endpoint, str(url))
            try:
                page, url = wire.rows(answer.content)
            except wire.Unreadable as strange:
                raise MayBeDone(f"{endpoint}: {strange}") from strange
            yield page
            if url is None:
                return
            if not url.startswith(f"{self._grant.base}/"):
                raise MayBeDone(f"{endpoint}: the next page is said to be elsewhere")
        raise MayBeDone(f"{endpoint}: more than {MOST_PAGES} pages")

    async def one(self, endpoint: str, key: str, *, select: str, expand: str | None = None) -> dict[str, Any]:
        """By its id. Raises ``Trouble``; what is not there is ``Denied`` with 404."""
        query = {"$select": select, **({"$expand": expand} if expand else {})}
        answer = await self._call("GET", endpoint, self._url(f"{endpoint}({wire.guid(key)})", query))
        return _row(endpoint, answer)

    async def post(self, endpoint: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Make one; what was made. Raises ``Trouble``."""
        answer = await self._call("POST", endpoint, self._url(endpoint, {}), wire.body(values))
        return _row(endpoint, answer)

    async def put(self, endpoint: str, key: str, values: Mapping[str, Any]) -> None:
        """Change one; what is done twice is the same. Raises ``Trouble``."""
        url = self._url(f"{endpoint}({wire.guid(key)})", {})
        await self._call("PUT", endpoint, url, wire.body(values))

    def _url(self, path: str, query: Mapping[str, Any]) -> str:
        where = "" if self._division is None else f"{self._division}/"
        asked = f"?{urlencode(query, quote_via=quote, safe='$,')}" if query else ""
        there = quote(path, safe="/()'-")
        return f"{self._grant.base}/api/v1/{where}{there}{asked}"

    async def _call(self, method: str, endpoint: str, url: str, body: bytes | None = None) -> _Answer:
        access = self._access or await self._calling.tokens.of(self._grant.grant_id)
        answer = await self._counted(method, endpoint, url, body, access)
        if answer.status == 401 and self._access is None:
            # Not taken, so not done. A newer token, if there can be one; once.
            access = await self._calling.tokens.of(self._grant.grant_id, refused=access)
            answer = await self._counted(method, endpoint, url, body, access)
        if 200 <= answer.status <= 299:
            return answer
        told = wire.said(answer.status, answer.headers, answer.content)
        if answer.status == 403 and any(words in told.lower() for words in _BLOCKED):
            raise NotNow(await self._calling.allowances.blocked(self._calling.client_id))
        if 400 <= answer.status <= 499 and answer.status != 408:
            raise Denied(answer.status, endpoint, told)
        raise MayBeDone(f"{answer.status} {endpoint}: {told}")

    async def _counted(
        self, method: str, endpoint: str, url: str, body: bytes | None, access: str
    ) -> _Answer:
        place = Place(self._calling.client_id, self._grant.person, self._division or 0, endpoint)
        wait = await self._calling.allowances.take(place, self._use, self.room)
        if wait is not None:
            raise NotNow(wait)
        try:
            # A token, or a turn in the budget, may have been waited for: what is sent late is looked up too early.
            if not await self._may():
                raise Stopped(f"{endpoint}: the lease is lost, or the link ended")
            answer = await self._ask(method, url, body, access)
        except BaseException:
            await asyncio.shield(self._calling.allowances.ended(place, None, {}))
            raise
        wait = await self._calling.allowances.ended(place, answer.status, answer.headers)
        if wait is not None:
            raise NotNow(wait)
        return answer

    async def _ask(self, method: str, url: str, body: bytes | None, access: str) -> _Answer:
        headers = {
            "Authorization": f"Bearer {access}",
            "Accept": "application/json",
            "Prefer": "return=representation",
            **({"Content-Type": "application/json"} if body is not None else {}),
        }
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._calling.http.stream(method, url, content=body, headers=headers) as reply,
            ):
                content = bytearray()
                async for piece in reply.aiter_bytes():
                    content += piece
                    if len(content) > MOST_BYTES:
                        raise MayBeDone(f"{reply.status_code}: an answer without end")
                return _Answer(reply.status_code, reply.headers, bytes(content))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as away:
            raise NotReached(repr(away)) from away
        except (httpx.HTTPError, TimeoutError, OSError) as broken:
            raise MayBeDone(repr(broken)) from broken


def _row(endpoint: str, answer: _Answer) -> dict[str, Any]:
    try:
        return wire.row(answer.content)
    except wire.Unreadable as strange:
        # Done, as the status says, and nobody knows under which id.
        raise MayBeDone(f"{answer.status} {endpoint}: {strange}") from strange
