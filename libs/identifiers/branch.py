"""Branch number: *vestigingsnummer*, twelve digits, one per place of business of a KvK number.

It never routes by itself (R34); it may refine the choice inside one KvK number. There is no check digit.
"""

from __future__ import annotations

from libs.identifiers.kvk import strip
from libs.identifiers.text import digits

SCHEME = "branch"
ICD = "0217"


def read(text: str) -> str | None:
    """The twelve digits, or ``None``."""
    value = strip(text)
    for word in ("VESTIGINGSNUMMER", "VESTIGINGSNR", "VESTIGING"):
        if value.startswith(word):
            value = value[len(word) :].lstrip(":")
            break
    return value if digits(value, 12) else None
