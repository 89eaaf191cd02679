"""Cursors nobody handed out, for every list that pages by instant and id."""

from __future__ import annotations

import base64
from uuid import UUID

import orjson

_ID = str(UUID(int=7))


def made_up(*keys: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(keys)).decode()


INSTANT_AND_ID = {
    "not-base64": "!!",
    "other-list": made_up(1),
    "words": made_up("x", "y"),
    "no-offset": made_up("2026-01-01T00:00:00", _ID),
    "id-a-number": made_up("2026-01-01T00:00:00+00:00", 5),
    "instant-a-number": made_up(5, _ID),
    "nul": made_up("2026-01-01T00:00:00+00:00\0", _ID),
    # Python's calendar ends where these begin once they are put in UTC.
    "after-all-time": made_up("9999-12-31T23:59:59-23:59", _ID),
    "before-all-time": made_up("0001-01-01T00:00:00+23:59", _ID),
    "before-postgres": made_up("0001-01-01T00:00:00+00:00", _ID),
}
"""By what is wrong with it."""
