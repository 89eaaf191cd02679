"""Where the answer to a mail goes: an address of its own for every attempt, signed. Pure.

``b-<delivery>-<attempt>-<signature>@<domain>``, a variable envelope return path: whoever never got a mail of a delivery
cannot make an address to speak about it. It is read in lower case, which some servers make of it.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from uuid import UUID

PURPOSE = "deliver return paths"
_LOCAL = re.compile(r"b-([0-9a-f]{32}-[1-9][0-9]{0,8})-([0-9a-f]{20})")


class ReturnPaths:
    """Those of one domain. ``key``: of the hub, for this purpose alone."""

    def __init__(self, domain: str, key: bytes) -> None:
        self._domain = domain.lower()
        self._key = key

    def of(self, delivery_id: UUID, attempt: int) -> str:
        """At most 64 characters before the ``@``, as many as there may be."""
        said = f"{delivery_id.hex}-{attempt}"
        return f"b-{said}-{self._signature(said)}@{self._domain}"

    def read(self, address: str) -> tuple[UUID, int] | None:
        """The delivery and the attempt an address is about; None when the hub never made it."""
        local, _, domain = address.strip().lower().rpartition("@")
        found = _LOCAL.fullmatch(local)
        if found is None or domain != self._domain:
            return None
        if not hmac.compare_digest(found[2], self._signature(found[1])):
            return None
        delivery, _, attempt = found[1].partition("-")
        return UUID(delivery), int(attempt)

    def _signature(self, said: str) -> str:
        return hmac.new(self._key, said.encode("ascii"), sha256).hexdigest()[:20]
