"""What the service answers when it refuses: one form, and the same words in a header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Refused(Exception):
    """Ends the handling of a request. ``message``: what the body's ``message.value`` and the header Reason say."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        return {"error": {"code": "", "message": {"lang": "", "value": self.message}}}


def wrong(message: str) -> Refused:
    """400: the request cannot be carried out as it is."""
    return Refused(400, message)


def forbidden(message: str) -> Refused:
    return Refused(403, message)


def missing(message: str) -> Refused:
    return Refused(404, message)
