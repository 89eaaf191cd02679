"""Belgian numbers: enterprise number (KBO / BCE, EAS 0208) and establishment unit."""

from __future__ import annotations

import re

from stdnum.be import vat

from libs.identifiers.text import bare, digits

ENTERPRISE = "0208"

_PREFIX = re.compile(r"^(?:KBO|BCE|RPR|BE)(?:NUMMER|NUMERO|NR)?[:#]*")


def enterprise(text: str) -> str | None:
    """Ten digits beginning with 0 or 1 whose check digits hold; nine digits get their leading zero."""
    value = _PREFIX.sub("", bare(text))
    if digits(value, 9):
        value = "0" + value
    return value if digits(value, 10) and value[0] in "01" and vat.is_valid(value) else None


def establishment(text: str) -> str | None:
    """Ten digits beginning with 2 to 8 and the same check (inference: no published rule)."""
    value = bare(text)
    if not digits(value, 10) or value[0] not in "2345678":
        return None
    return value if (97 - int(value[:8]) % 97) == int(value[8:]) else None
