"""How Exact Online writes things: literals of filters, padded codes, dates, answers, errors (exact.md §3.2, §3.3). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson

from services.deliver.results import line

_DATE = re.compile(r"/Date\((-?\d{1,15})\)/")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ACCOUNT_CODE = 18
"""``crm/Accounts.Code``: so many characters, blanks before."""


class Unreadable(ValueError):
    """An answer in another form than Exact's."""


def text(value: str) -> str:
    """A text in a filter: quotes doubled."""
    return "'" + value.replace("'", "''") + "'"


def guid(value: str) -> str:
    """An id in a filter or a path. Raises ``ValueError`` for what is none."""
    if not _GUID.fullmatch(value):
        raise ValueError(f"{value[:40]!r} is no id of Exact Online")
    return f"guid'{value}'"


def account_code(value: str) -> str:
    """A code of ``crm/Accounts`` as it is kept there, in filters too."""
    return value.strip().rjust(ACCOUNT_CODE)


def day(value: date) -> str:
    """A date as it goes in: midnight without a zone, for one with ``Z`` may come back shifted ({O8})."""
    return f"{value.isoformat()}T00:00:00"


def moment(value: object) -> datetime | None:
    """``/Date(ms)/``, milliseconds since 1970, as UTC; None for what is no such date."""
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        return datetime.fromtimestamp(int(found[1]) / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def body(values: Mapping[str, Any]) -> bytes:
    """A body of JSON: amounts as text, never as floats."""
    return orjson.dumps(values, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(type(value).__name__)


def rows(content: bytes) -> tuple[list[dict[str, Any]], str | None]:
    """The rows of a list and the address of its next page: ``{"d": {"results": […], "__next": …}}`` or ``{"d": […]}``.
    Numbers with a fraction are ``Decimal``. Raises ``Unreadable``."""
    found = _inside(content)
    after = None
    if isinstance(found, dict) and "results" in found:
        after = found.get("__next")
        found = found["results"]
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Unreadable("a list was expected")
    return found, after if isinstance(after, str) else None


def row(content: bytes) -> dict[str, Any]:
    """One thing: ``{"d": {…}}``. Raises ``Unreadable``."""
    found = _inside(content)
    if not isinstance(found, dict):
        raise Unreadable("one thing was expected")
    return found


def _inside(content: bytes) -> Any:
    try:
        # Not orjson: what comes through binary floats is no amount of money any more.
        found = json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError) as no:
        raise Unreadable("this is no JSON") from no
    if not isinstance(found, dict) or "d" not in found:
        raise Unreadable("there is no `d` in it")
    return found["d"]


def said(status: int, headers: Mapping[str, str], content: bytes) -> str:
    """What an error says to people: ``error.message.value``, else the header ``Reason``, else the beginning."""
    try:
        found = json.loads(content)["error"]["message"]["value"]
    except (ValueError, RecursionError, TypeError, KeyError, IndexError):
        found = None
    words = found if isinstance(found, str) and found.strip() else headers.get("Reason", "")
    return line(words or content[:300].decode("utf-8", "replace") or str(status), 300)
