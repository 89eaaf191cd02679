"""KvK number: the number of a Dutch company in the trade register (*Kamer van Koophandel*), ISO 6523 0106.

Eight digits; leading zeros count, so it is text. Nothing official says how to check one (exact.md §6).
"""

from __future__ import annotations

import re

from libs.identifiers.text import bare, digits

SCHEME = "0106"

# "KvK", "KvK-nummer", "KvK nr.", "NL:KVK", "Kamer van Koophandel" and what people put behind it.
_PREFIX = re.compile(r"^(?:NL:?)?(?:KVK|KAMERVANKOOPHANDEL)(?:NUMMER|NUMBER|NR|NO)?[:#]*")

# What a spreadsheet makes of a number: 5807003.0 is seven digits, and no 58070030.
_FRACTION = re.compile(r"(?<=[0-9]{5})\.0+\s*$")

_OFFICIAL_SERIES = 50_000_000


def strip(text: str) -> str:
    """``text`` without decoration, a leading "KvK" in any spelling (R31) and the ``.0`` of a spreadsheet."""
    return _PREFIX.sub("", bare(_FRACTION.sub("", text)))


def read(text: str) -> str | None:
    """The eight digits, or ``None``. A 12-digit branch number is never cut down to one (R34)."""
    value = strip(text)
    return value if digits(value, 8) else None


def looks_mistyped(value: str) -> bool:
    """Whether ``value`` is probably a typing error. Good for a warning only, never for a refusal.

    Numbers issued nationally (from 50000000) were all seen to pass an 11-test; older ones, which begin with
    the number of a regional chamber, do not. Nobody documents it: an observation, not a rule.
    """
    if not digits(value, 8) or int(value) < _OFFICIAL_SERIES:
        return False
    return sum(weight * int(digit) for weight, digit in zip(range(8, 0, -1), value, strict=True)) % 11 != 0
