"""File names as strangers write them: decoded, and made harmless. Pure.

A name is used twice. *Shown* and stored it is the last segment of a path, printable and short. For *pairing*
the whole stem counts, as it was sent: two names that only look alike once they are cleaned or cut are two.
"""

from __future__ import annotations

import unicodedata
from email.errors import HeaderParseError
from email.header import decode_header
from pathlib import PurePosixPath

from libs.text import repaired

FIELDS = ".fields.json"
"""What a file of extra fields is called, behind the name of its invoice."""
MOST_SHOWN = 200
MOST_READ = 1000
"""Characters. No file system takes a longer name, so what is longer is nobody's pair."""


def decoded(name: str) -> str:
    """``name`` without the encodings mail programs wrap it in: raw 8-bit bytes, and encoded words (RFC 2047),
    which do not belong in a parameter but are what many put there. What cannot be decoded stays as it is."""
    name = repaired(name)
    if "=?" not in name or len(name) > MOST_READ:
        return name
    try:
        return "".join(_word(text, charset) for text, charset in decode_header(name))
    except (HeaderParseError, LookupError, ValueError):
        return name


def _word(text: str | bytes, charset: str | None) -> str:
    if isinstance(text, str):
        return text
    # RFC 2231 §5: the charset of an encoded word may carry a language.
    return text.decode(charset.partition("*")[0]) if charset else text.decode("raw-unicode-escape")


def shown(name: str) -> str | None:
    """What is stored and shown of ``name``; None when nothing is left of it."""
    if not name:
        return None
    last = "".join(c for c in _last(name) if c.isprintable()).strip()
    if len(last) > MOST_SHOWN:
        suffix = PurePosixPath(last).suffix[:10]
        last = last[: MOST_SHOWN - len(suffix)] + suffix
    return None if last in ("", ".", "..") else last


def of_fields(name: str) -> bool:
    """Whether it is the name of a file of extra fields."""
    return name.lower().endswith(FIELDS)


def stem(name: str) -> str:
    """The name without folders and extension, to pair by; empty when it pairs with nothing. Case and
    the two ways to write an accent do not matter to the systems that make these names."""
    if not name or len(name) > MOST_READ:
        return ""
    last = _last(name)
    own = last[: -len(FIELDS)] if of_fields(last) else PurePosixPath(last).stem
    return unicodedata.normalize("NFC", own).casefold()


def _last(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]
