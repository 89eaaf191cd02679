"""Text of strangers: what may come in, and how it is shown. Pure.

Control characters do harm wherever text ends up: Postgres cannot store NUL, a line end forges a header or a
log line, an escape code takes over a terminal, and a bidirectional override makes ``fdp.exe`` look like
``exe.pdf``. So fields of the APIs refuse them (``PlainText``), and what cannot be refused any more, such as a
name inside a mail, is made one harmless line before it is kept or shown (``one_line``).
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """``text`` itself. Raises ``ValueError`` when it holds a control character, a line separator, a
    bidirectional override or half a surrogate pair."""
    if _CONTROL.search(text):
        raise ValueError("must be one line without control characters: leave them out")
    return text


PlainText = Annotated[str, AfterValidator(plain)]
"""The type of every text field an API takes."""


def one_line(text: str, most: int) -> str:
    """``text`` as one line of printable characters, cut to ``most`` with an ellipsis."""
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


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
