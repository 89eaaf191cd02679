"""What a mail holds: its files, and nothing more of it than ingest needs. Pure.

Headers are read with the old ``compat32`` policy: the modern one recurses over nested comments in an
address and can be crashed by a 1 kB header. Whatever the parser cannot take is a mail without files: it is
quarantined as it is, never lost.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from services.ingest.intake import Part

MAX_PARTS = 200
MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Mail:
    """The attachments of one mail; bodies and inline pictures are left out."""

    parts: tuple[Part, ...]
    message_id: str | None


class UnreadableMail(ValueError):
    """A mail that is nested too deep or has too many parts."""


def read(raw: bytes) -> Mail:
    """Raises ``UnreadableMail`` for a mail that no mail program makes."""
    try:
        message = email.message_from_bytes(raw, policy=email.policy.compat32)
        parts = tuple(_files(message))
        message_id = message.get("Message-ID")
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError) as bad:
        raise UnreadableMail(str(bad)) from bad
    return Mail(parts=parts, message_id=str(message_id)[:250] if message_id else None)


def _files(message: Message) -> Iterator[Part]:
    seen = 0
    todo: list[tuple[Message, int]] = [(message, 0)]
    while todo:
        part, depth = todo.pop(0)
        seen += 1
        if seen > MAX_PARTS or depth > MAX_DEPTH:
            raise UnreadableMail("more parts, or deeper nested, than any mail program makes")
        if part.is_multipart():
            todo[:0] = [(child, depth + 1) for child in part.get_payload() if isinstance(child, Message)]
            continue
        filename = part.get_filename()
        kind = part.get_content_type()
        if filename is None and kind not in ("application/xml", "text/xml", "application/pdf"):
            continue
        data = part.get_payload(decode=True)
        if isinstance(data, bytes) and (filename is None or not kind.startswith("image/")):
            yield Part(data=data, filename=_plain(filename) if filename else None)


def _plain(filename: str) -> str:
    """The last path segment, without control characters: names come from strangers."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in name if c.isprintable())[:200]
