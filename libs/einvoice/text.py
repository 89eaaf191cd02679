"""White space as XML means it: four characters, not all that Unicode calls blank."""

from __future__ import annotations

import re

BLANKS = " \t\r\n"
_LONG = 10_000
_RUNS = re.compile(r"[ \t\r\n]+")


def normal(text: str | None) -> str:
    """XPath ``normalize-space``; empty for None. Of what is longer than any code the beginning, and an ellipsis."""
    if not text:
        return ""
    if len(text) > _LONG:
        # Megabytes of blanks would be looked through again by every rule that asks.
        text = text.strip(BLANKS)
        if len(text) > _LONG:
            return _RUNS.sub(" ", text[:_LONG]) + "…"
    # Nearly every code is one word: no need to look for runs.
    return text if text.isalnum() else _RUNS.sub(" ", text).strip(" ")


def blank(text: str | None) -> bool:
    """Whether nothing but white space stands there."""
    return not text or (text[0] in BLANKS and not text.strip(BLANKS))


def after_point(text: str | None) -> int:
    """How many characters follow the first point (blanks too, as XPath ``substring-after`` counts them)."""
    return len(text.partition(".")[2]) if text else 0
