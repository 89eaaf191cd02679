"""Taking the decoration off a number as people write it."""

from __future__ import annotations

import re

INVISIBLE = "\u00ad\u200b-\u200f\u2060-\u2064\ufeff\ufffe"
"""What word processors and readers of PDFs leave between letters and nobody sees, as a set of a regular expression."""

# Blanks of any kind (also the hard and thin ones of word processors), dots, dashes and slashes.
_DECORATION = re.compile(rf"[\s.\-/\u2010-\u2015{INVISIBLE}]+")


def bare(text: str) -> str:
    """``text`` without blanks, dots, dashes and slashes, letters in upper case."""
    return _DECORATION.sub("", text).upper()


def digits(text: str, length: int) -> bool:
    """Whether ``text`` is exactly ``length`` ASCII digits (``str.isdigit`` alone takes other scripts too)."""
    return len(text) == length and text.isascii() and text.isdigit()
