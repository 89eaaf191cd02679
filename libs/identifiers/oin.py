"""OIN: *organisatie-identificatienummer* of the Dutch government, ISO 6523 0190.

Twenty digits: a prefix of eight that names the register, then the number in that register, then zeros
(Logius, OIN-Stelsel ch. 6). Some Exact Online users were told to type it where the KvK number belongs.
"""

from __future__ import annotations

import re

from libs.identifiers.text import bare, digits

SCHEME = "0190"

_PREFIX = re.compile(r"^(?:NL:?)?(?:OINO?)(?:NUMMER|NUMBER|NR)?[:#]*")

_RSIN = "00000001"
_KVK = "00000003"


def read(text: str) -> str | None:
    """The twenty digits, or ``None``. Every register's prefix begins with seven zeros."""
    value = _PREFIX.sub("", bare(text))
    return value if digits(value, 20) and value.startswith("0000000") else None


def kvk(value: str) -> str | None:
    """The KvK number inside an OIN of the trade register (00000003 + KvK + 0000), else ``None``."""
    return value[8:16] if value.startswith(_KVK) and value[16:] == "0000" else None


def of_kvk(number: str) -> str:
    """The OIN of whoever has this KvK number."""
    return f"{_KVK}{number}0000"


def rsin(value: str) -> str | None:
    """The RSIN inside an OIN of the tax register (00000001 + RSIN + 000), else ``None``."""
    return value[8:17] if value.startswith(_RSIN) and value[17:] == "000" else None
