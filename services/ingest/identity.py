"""Who is calling: ingest keeps the credentials, so it answers for itself and, by RFC 7662, for the others."""

from __future__ import annotations

import asyncpg

from libs.db.types import Pool
from libs.errors import Unauthenticated, Unavailable
from libs.http.principal import Principal
from services.ingest import accounts, sessions
from services.ingest.credentials import Vault, bearer, read_api_key, read_session_token


class KeyAuthenticator:
    """Authenticates ``Authorization: Bearer``: ``pb_live_…`` against the api_key table, ``pb_sess_…`` against
    that of sessions."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def authenticate(self, authorization: str | None) -> Principal:
        """Raises ``Unauthenticated``, or ``Unavailable`` when the database is away."""
        token = bearer(authorization)
        key, session = read_api_key(token), read_session_token(token)
        found: accounts.FoundKey | sessions.FoundSession | None
        try:
            if key is not None:
                secret, found = key.secret, await accounts.find_key(self._pool, key.key_id)
            elif session is not None:
                secret, found = session.secret, await sessions.find(self._pool, session.session_id)
            else:
                raise Unauthenticated
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as away:
            raise Unavailable from away
        # Hash even for an unknown id, so that the time taken tells nothing.
        known = self._vault.matches(secret, found.secret_hash if found else b"")
        if found is None or not known:
            raise Unauthenticated
        return Principal(
            account_id=found.account_id,
            user_id=None,
            scopes=found.scopes,
            roles=frozenset(),
            expires_at=found.expires_at if isinstance(found, sessions.FoundSession) else None,
        )
