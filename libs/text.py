"""Text of strangers: what may come in, and how it is shown. Pure.

Control characters do harm wherever text ends up: Postgres cannot store NUL, a line end forges a header or a
log line, an escape code takes over a terminal, and a bidirectional override makes ``fdp.exe`` look like
``exe.pdf``. So fields of the APIs refuse them (``PlainText``), and what cannot be refused any more, such as a
name inside a mail, is made one harmless line before it is kept or shown (``one_line``).
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import StringConstraints

_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""C0, DEL, C1, the two separators of lines, and the bidirectional overrides and isolates."""

_UNSAFE = re.compile(rf"(?![\n\t])[{_CONTROLS}\ud800-\udfff]")

PLAIN = rf"^[^{_CONTROLS}]*$"
EMAIL = rf"^[^@\s{_CONTROLS}]+@[^@\s{_CONTROLS}]+$"

PlainText = Annotated[str, StringConstraints(pattern=PLAIN)]
"""The type of every text field an API takes that has no stricter pattern of its own."""

NAMED = rf"^[^{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$"

Name = Annotated[str, StringConstraints(pattern=NAMED)]
"""A text that says something: not blanks alone."""

EmailAddress = Annotated[str, StringConstraints(pattern=EMAIL, max_length=200)]
"""Something to mail to. Whether anybody reads it only a mail can tell."""


def one_line(text: str, most: int) -> str:
    """``text`` as one line of printable characters, cut to ``most`` with an ellipsis."""
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def visible(text: str) -> str:
    """``text`` as a terminal may show it: a control character other than a line end or a tab as its escape,
    ``\\u001b``. In a JSON text that is what stood there, so machines read the same as before."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def repaired(text: str) -> str:
    """``text`` with the bytes that a parser of mail could not decode (kept as surrogates, PEP 383) decoded
    after all: as UTF-8, else as Latin-1, in which every byte is something."""
    if text.isascii():
        return text
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
