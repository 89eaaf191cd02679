"""Who is calling: ingest keeps the credentials, so it answers for itself and, by RFC 7662, for the others."""

from __future__ import annotations

import contextlib

import asyncpg

from libs.contracts.sandbox import is_sandbox
from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import Unauthenticated, Unavailable
from libs.http.principal import Principal
from services.ingest.access import keys, sessions, users
from services.ingest.access.credentials import (
    ApiKey,
    SessionToken,
    Vault,
    basic,
    bearer,
    read_api_key,
    read_session_token,
)
from services.ingest.access.passwords import Passwords
from services.ingest.access.roles import SCOPES
from services.ingest.access.tries import Tries


class OwnAuthenticator:
    """Authenticates ``Authorization: Bearer``: ``pb_live_…`` and ``pb_test_…`` against the api_key table, ``pb_sess_…``
    against that of sessions; and ``Basic``: user name and password (R16). ``pool`` has the api role."""

    def __init__(self, pool: Pool, vault: Vault, passwords: Passwords, guesses: Tries) -> None:
        self._pool = pool
        self._vault = vault
        self._passwords = passwords
        self._guesses = guesses

    async def authenticate(self, authorization: str | None) -> Principal:
        """Raises ``Unauthenticated``, ``TooMany``, or ``Unavailable`` when the database is away."""
        token = bearer(authorization)
        key, session, named = read_api_key(token), read_session_token(token), basic(authorization)
        try:
            if key is not None:
                return await self._by_key(key)
            if session is not None:
                return await self._by_session(session)
            if named is not None:
                return await self._by_password(*named)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as away:
            raise Unavailable from away
        raise Unauthenticated

    async def _by_key(self, key: ApiKey) -> Principal:
        found = await keys.find_key(self._pool, key.key_id)
        self._prove(key.secret, found)
        if found is None or is_sandbox(found.account_id) != key.test:
            raise Unauthenticated
        if found.stale:
            # Knowing when is not worth a refusal: a database that cannot write now may still let callers in.
            with contextlib.suppress(asyncpg.PostgresError):
                async with tenant(self._pool, found.account_id) as conn:
                    await keys.used(conn, key.key_id)
        return Principal(found.account_id, None, found.scopes, frozenset(), found.expires_at)

    async def _by_session(self, token: SessionToken) -> Principal:
        found = await sessions.find(self._pool, token.session_id)
        self._prove(token.secret, found)
        if found is None:
            raise Unauthenticated
        if found.role is None:
            return Principal(found.account_id, None, found.scopes, frozenset(), found.expires_at)
        # What the role may do by now, not what it might when the session began.
        scopes = found.scopes & SCOPES[found.role]
        return Principal(found.account_id, found.user_id, scopes, frozenset({found.role}), found.expires_at)

    async def _by_password(self, email: str, password: str) -> Principal:
        found = await users.find(self._pool, email)
        stored = found.password_hash if found else None
        if not self._passwords.known(password, stored):
            await self._guesses.count(email)
            if not await self._passwords.matches(password, stored):
                raise Unauthenticated
        if found is None:
            raise Unauthenticated
        return Principal(found.account_id, found.user_id, SCOPES[found.role], frozenset({found.role}))

    def _prove(self, secret: str, found: keys.FoundKey | sessions.FoundSession | None) -> None:
        # Hash even for an unknown id, so that the time taken tells nothing.
        if not self._vault.matches(secret, found.secret_hash if found else b""):
            raise Unauthenticated
