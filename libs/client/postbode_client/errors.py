"""What can go wrong, by what there is to do about it.

::

    HubError
    ├── Refused       the hub said no: mend what it names; sending the same again gets the same answer
    └── Unreachable   nobody knows: send the same again later, with the same key (``key``)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class HubError(Exception):
    """Whatever the hub, or the way to it, did not do."""


class Refused(HubError):
    """The hub said no (RFC 9457).

    ``code`` is what a program matches on, ``words`` (``nl``, ``en``) and ``line`` (of the XML, from 1) are for people,
    ``trace_id`` for whoever runs the hub. ``members`` is all of what it said.
    """

    def __init__(self, status: int, members: Mapping[str, Any]) -> None:
        self.status = status
        self.members = members
        self.code = str(members.get("code") or f"http-{status}")
        self.detail = str(members.get("detail") or members.get("title") or f"HTTP {status}")
        words = members.get("words")
        self.words: Mapping[str, str] = words if isinstance(words, dict) else {}
        line = members.get("line")
        self.line = line if isinstance(line, int) else None
        trace_id = members.get("trace_id")
        self.trace_id = trace_id if isinstance(trace_id, str) else None
        super().__init__(f"{self.code}: {self.detail}")

    def said(self, language: str) -> str:
        """In Dutch (``nl``) or English (``en``), where the hub said it in both."""
        return self.words.get(language, self.detail)


class Unreachable(HubError):
    """No answer that says yes or no within the time given. It may have been taken: only ``key`` tells, by sending the same
    again with it."""

    def __init__(self, why: str, key: str | None = None) -> None:
        self.why = why
        self.key = key
        super().__init__(why)
