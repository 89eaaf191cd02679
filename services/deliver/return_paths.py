"""Where the answer to a mail goes: an address of its own for every delivery, signed. Pure.

``b-<delivery>-<signature>@<domain>``: whoever never got a mail of a delivery cannot make an address to speak about it
(RFC 3834, and variable envelope return paths). It is read in lower case, which some servers make of it.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from uuid import UUID

PURPOSE = "deliver return paths"
_LOCAL = re.compile(r"b-([0-9a-f]{32})-([0-9a-f]{20})")


class ReturnPaths:
    """Those of one domain. ``key``: of the hub, for this purpose alone."""

    def __init__(self, domain: str, key: bytes) -> None:
        self._domain = domain.lower()
        self._key = key

    def of(self, delivery_id: UUID) -> str:
        """At most 55 characters before the ``@``."""
        return f"b-{delivery_id.hex}-{self._signature(delivery_id.hex)}@{self._domain}"

    def read(self, address: str) -> UUID | None:
        """The delivery an address is about; None when the hub never made it."""
        local, _, domain = address.strip().lower().rpartition("@")
        found = _LOCAL.fullmatch(local)
        if found is None or domain != self._domain:
            return None
        good = hmac.compare_digest(found[2], self._signature(found[1]))
        return UUID(found[1]) if good else None

    def _signature(self, delivery: str) -> str:
        return hmac.new(self._key, delivery.encode("ascii"), sha256).hexdigest()[:20]
