"""Keyset paging: an opaque cursor instead of an offset, so page 10,000 costs what page 1 costs."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

import orjson
from fastapi import Query
from starlette.datastructures import URL

from libs.errors import BadInput

Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]
After = Annotated[str | None, Query(max_length=500, description="the cursor of the page before")]


def cursor(*keys: Any) -> str:
    """Where a page ended: the sort keys of its last row (strings, numbers, ids, instants)."""
    return base64.urlsafe_b64encode(orjson.dumps(keys, default=str)).rstrip(b"=").decode()


def keys(text: str, count: int) -> list[Any]:
    """The sort keys in a cursor. Raises ``BadInput`` for anything this hub did not make."""
    try:
        found = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as bad:
        raise BadInput(
            "this cursor is not one of ours: start again without `after`", code="bad-cursor"
        ) from bad
    if not isinstance(found, list) or len(found) != count:
        raise BadInput("this cursor belongs to another list", code="bad-cursor")
    return found


def link_next(url: URL, after: str) -> dict[str, str]:
    """The ``Link`` header (RFC 8288) to the next page."""
    return {"Link": f'<{url.include_query_params(after=after)}>; rel="next"'}
