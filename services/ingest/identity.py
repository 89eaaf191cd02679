"""Who is calling: ingest keeps the credentials, so it answers for itself and, by RFC 7662, for the others."""

from __future__ import annotations

import asyncpg

from libs.db.types import Pool
from libs.errors import Unauthenticated, Unavailable
from libs.http.principal import Principal
from services.ingest import accounts
from services.ingest.credentials import Vault, read_api_key


class KeyAuthenticator:
    """Authenticates ``Authorization: Bearer pb_live_…`` against the api_key table."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def authenticate(self, authorization: str | None) -> Principal:
        """Raises ``Unauthenticated``, or ``Unavailable`` when the database is away."""
        scheme, _, token = (authorization or "").partition(" ")
        key = read_api_key(token.strip()) if scheme.casefold() == "bearer" else None
        if key is None:
            raise Unauthenticated
        try:
            found = await accounts.find_key(self._pool, key.key_id)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as away:
            raise Unavailable from away
        # Hash even for an unknown id, so that the time taken tells nothing.
        known = self._vault.matches(key.secret, found.secret_hash if found else b"")
        if found is None or not known:
            raise Unauthenticated
        return Principal(account_id=found.account_id, user_id=None, scopes=found.scopes, roles=frozenset())
