"""Keyset paging: an opaque cursor instead of an offset, so page 10,000 costs what page 1 costs, and a row
that comes in between shifts nothing.

A cursor holds the sort keys of the last row of a page. It is not secret and need not be: it says where to go
on within what row security lets its user see anyway. What comes back is checked by type all the same.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import orjson
from fastapi import Depends, Query
from starlette.datastructures import URL, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response

from libs.errors import BadInput

T = TypeVar("T")

LIMIT = 200
"""Rows on a page, at most."""

_LONGEST = 500
_INTEGER = 2**63
_YEARS = range(2000, 2200)
"""Instants of rows lie in these; at the ends of Python's calendar, and beyond Postgres', arithmetic fails."""

Limit = Annotated[int, Query(ge=1, le=LIMIT, description="how many at most")]
After = Annotated[str | None, Query(max_length=_LONGEST, description="the cursor of the page before")]


def cursor(*keys: Any) -> str:
    """Where a page ended: the sort keys of its last row (text, numbers, ids, instants)."""
    return base64.urlsafe_b64encode(orjson.dumps(keys, default=str)).rstrip(b"=").decode()


def _keys(text: str, count: int) -> list[Any]:
    try:
        found = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as bad:
        raise _not_ours() from bad
    if not isinstance(found, list) or len(found) != count:
        raise BadInput(
            "this cursor belongs to another list: start again without `after`",
            nl="deze cursor hoort bij een andere lijst: begin opnieuw zonder `after`",
            code="bad-cursor",
        )
    return found


def place(text: str, *kinds: type[Any]) -> tuple[Any, ...]:
    """The sort keys in a cursor as ``kinds`` (``str``, ``int``, ``UUID``, ``datetime`` with its offset).
    Raises ``BadInput``: what a caller made up never reaches the database."""
    return tuple(_read(key, kind) for key, kind in zip(_keys(text, len(kinds)), kinds, strict=True))


def _read(key: object, kind: type[Any]) -> Any:
    try:
        if kind is int and isinstance(key, int) and not isinstance(key, bool) and -_INTEGER <= key < _INTEGER:
            return key
        if isinstance(key, str) and "\0" not in key:
            if kind is str:
                return key
            if kind is UUID:
                return UUID(key)
            if kind is datetime:
                at = datetime.fromisoformat(key)
                if at.tzinfo is not None and at.year in _YEARS:
                    return at
    except ValueError as bad:
        raise _not_ours() from bad
    raise _not_ours()


def _not_ours() -> BadInput:
    return BadInput(
        "this cursor is not one of ours: start again without `after`",
        nl="deze cursor komt niet van ons: begin opnieuw zonder `after`",
        code="bad-cursor",
    )


def link_next(url: URL, after: str) -> dict[str, str]:
    """The ``Link`` header (RFC 8288) to the next page, relative: behind a proxy the hub does not know its
    own address."""
    following = url.include_query_params(after=after)
    return {"Link": f'<{following.path}?{following.query}>; rel="next"'}


class Page:
    """One page of a list. ``most`` rows are looked for: one more than is shown, which says that others follow."""

    def __init__(self, url: URL, headers: MutableHeaders, limit: int, after: str | None) -> None:
        self.most = limit + 1
        self._url = url
        self._headers = headers
        self._after = after

    def behind(self, *kinds: type[Any]) -> tuple[Any, ...] | None:
        """The sort keys of the row it begins behind, as ``place`` has them; None: at the beginning. Raises ``BadInput``."""
        return place(self._after, *kinds) if self._after else None

    def id(self) -> UUID | None:
        """The same where that is an id."""
        found = self.behind(UUID)
        return found[0] if found else None

    def cut(self, rows: list[T], keys: Callable[[T], tuple[Any, ...]]) -> tuple[list[T], str | None]:
        """What is shown of ``rows``, and the cursor of the next page, which the ``Link`` header has too. ``keys``: by which
        they are sorted."""
        shown = rows[: self.most - 1]
        if len(rows) < self.most:
            return shown, None
        following = cursor(*keys(shown[-1]))
        self._headers.update(link_next(self._url, following))
        return shown, following


def _asked(request: Request, response: Response, limit: Limit = 50, after: After = None) -> Page:
    return Page(request.url, response.headers, limit, after)


Asked = Annotated[Page, Depends(_asked)]
"""The page that a caller asks for by ``limit`` and ``after``."""
