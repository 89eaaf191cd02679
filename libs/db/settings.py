"""Where the database is and who the hub is there.

Every service has three login roles (``ingest_owner``, ``ingest_worker``, ``ingest_api``). Their passwords
follow from one secret, so a deployment hands out one secret instead of twenty passwords; whoever keeps
passwords elsewhere sets ``POSTBODE_<SERVICE>_<ROLE>_DATABASE_URL`` (or ``…_URL_FILE``) and that role is left alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.settings import BadSettings, Settings, derived, variable

_ROUNDS = 4096
"""Iterations of SCRAM-SHA-256, Postgres' own default. The passwords are 256 bits: more buys nothing."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """``url`` is an administrator's URL (may create roles and schemas; a Unix socket will do)."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    own_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """In the place of the secret, as ``Settings`` has them."""

    def own_url(self, role: str) -> str | None:
        """The URL somebody set for this role, or ``None``: then the hub manages the role itself."""
        return variable(f"POSTBODE_{role.upper()}_DATABASE_URL")

    def password(self, role: str) -> str:
        """Derived for the name of the role, hexadecimal. Raises ``BadSettings``."""
        return derived(self.secret, self.own_keys, role).hex()

    def verifier(self, role: str) -> str:
        """The password as Postgres keeps it (SCRAM-SHA-256, RFC 5803), so that the password itself is
        never in a statement, a server log or a printed script. The same every time."""
        salt = derived(self.secret, self.own_keys, f"salt {role}")[:16]
        salted = hashlib.pbkdf2_hmac("sha256", self.password(role).encode(), salt, _ROUNDS)
        client = hmac.new(salted, b"Client Key", hashlib.sha256).digest()
        server = hmac.new(salted, b"Server Key", hashlib.sha256).digest()
        stored, salt64, server64 = (
            base64.b64encode(part).decode() for part in (hashlib.sha256(client).digest(), salt, server)
        )
        return f"SCRAM-SHA-256${_ROUNDS}:{salt64}${stored}:{server64}"

    def role_url(self, role: str) -> dict[str, Any]:
        """Connection arguments (asyncpg's ``dsn``, ``user``, ``password``) for a login role. Raises
        ``BadSettings``."""
        own = self.own_url(role)
        if own is not None:
            return {"dsn": own}
        if not self.url:
            # The driver would look for some database of this machine, under the role's name.
            raise BadSettings("POSTBODE_DATABASE_URL: not set; where is the database?")
        return {"dsn": self.url, "user": role, "password": self.password(role)}


def database_of(settings: Settings) -> DatabaseSettings:
    """As a process is told."""
    return DatabaseSettings(settings.database_url, settings.secret, settings.own_keys)
