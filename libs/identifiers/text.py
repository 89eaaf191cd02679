"""Taking the decoration off a number as people write it."""

from __future__ import annotations

import re

# Blanks of any kind (also the hard and thin ones of word processors), dots, dashes and slashes.
_DECORATION = re.compile(r"[\s.\-/\u00ad\u200b\u2010-\u2015\ufeff]+")


def bare(text: str) -> str:
    """``text`` without blanks, dots, dashes and slashes, letters in upper case."""
    return _DECORATION.sub("", text).upper()


def digits(text: str, length: int) -> bool:
    """Whether ``text`` is exactly ``length`` ASCII digits (``str.isdigit`` alone takes other scripts too)."""
    return len(text) == length and text.isascii() and text.isdigit()
