"""What the users of an account may do, by role. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Role = Literal["owner", "bookkeeper", "reader"]

_LOOKS = frozenset({"invoice:read", "party:read"})
_WORKS = _LOOKS | {"invoice:write", "party:write"}

SCOPES: Mapping[Role, frozenset[str]] = {
    "owner": _WORKS | {"account:admin"},
    "bookkeeper": _WORKS,
    "reader": _LOOKS,
}
"""A reader sees everything of the account and changes nothing; a bookkeeper sends and settles; an owner also says who
may do what, and closes the account."""
