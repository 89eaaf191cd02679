"""UUIDs from what they are made of, at a quarter of what ``uuid.UUID`` takes: an event is read and told under several."""

from __future__ import annotations

from uuid import UUID, SafeUUID

_new = object.__new__
# Its instances cannot be changed, and its constructor asks which of six arguments it was given.
_set_int = UUID.__dict__["int"].__set__
_set_safe = UUID.__dict__["is_safe"].__set__
_UNKNOWN = SafeUUID.unknown


def of_int(number: int) -> UUID:
    """``number``: 128 bits."""
    made = _new(UUID)
    _set_int(made, number)
    _set_safe(made, _UNKNOWN)
    return made


def of_text(text: str) -> UUID:
    """As ``UUID(text)``. Raises ``ValueError`` for what is none, ``AttributeError`` for what is no text."""
    digits = text.replace("-", "")
    return of_int(int(digits, 16)) if len(digits) == 32 else UUID(text)


def of_bytes(data: bytes) -> UUID:
    """``data``: the first sixteen count, as of a hash."""
    return of_int(int.from_bytes(data[:16], "big"))
