"""One-time links: the token in a mail is worked out from the link's id, so no row, event or queue ever holds it. Pure.

``pb_link_<id>_<secret>``: the secret is HMAC-SHA-256 of the id under a key of its own, derived from the master secret.
Ingest keeps which ids are open and for how long; track, which mails the link, works the token out when it sends. Whoever
reads a database, a queue or a backup finds nothing that opens anything.
"""

from __future__ import annotations

import base64
import hmac
import re
from hashlib import sha256
from uuid import UUID

PURPOSE = "one-time links"
"""What ``Settings.derive`` is asked for."""

_TOKEN = re.compile(r"^pb_link_([0-9a-f]{32})_([a-z2-7]{52})$")


def token_of(key: bytes, link_id: UUID) -> str:
    return f"pb_link_{link_id.hex}_{_secret(key, link_id)}"


def read_token(key: bytes, token: str) -> UUID | None:
    """The link's id, when the token is one of ours; compared in constant time."""
    match = _TOKEN.match(token.strip())
    if match is None:
        return None
    link_id = UUID(hex=match[1])
    return link_id if hmac.compare_digest(match[2], _secret(key, link_id)) else None


def _secret(key: bytes, link_id: UUID) -> str:
    digest = hmac.new(key, link_id.bytes, sha256).digest()
    return base64.b32encode(digest).decode().rstrip("=").lower()
