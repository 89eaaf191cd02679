"""Sessions over HTTP: somebody signs in with an API key and holds a token that can do less, and that ends."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import Forbidden, NotFound
from libs.http.principal import CachedAuthenticator, Principal, requires
from services.ingest import sessions
from services.ingest.credentials import Vault, bearer, new_session_token, read_api_key, read_session_token

SCOPES = ("invoice:read",)
"""All a session may do: look. Whoever steals one cannot send, and cannot make keys."""

Reader = Annotated[Principal, Depends(requires(*SCOPES))]


class NewSession(BaseModel):
    seconds: int = Field(default=36_000, ge=60, le=604_800, description="when it ends by itself")


class Session(BaseModel):
    """The only time the token is shown."""

    token: str
    scopes: list[str]
    expires_at: datetime


def routes(pool: Pool, vault: Vault) -> APIRouter:
    """``pool`` has the api role."""
    router = APIRouter(tags=["sessions"])

    @router.post("/v1/sessions", status_code=201)
    async def post_session(request: Request, new: NewSession, principal: Reader) -> Session:
        """Begin a session with an API key: a token that may read invoices and nothing else."""
        key = read_api_key(bearer(request.headers.get("authorization")))
        if key is None:
            raise Forbidden(
                "a session cannot begin another: sign in with the API key",
                nl="een sessie kan geen nieuwe beginnen: log in met de API-sleutel",
            )
        token = new_session_token()
        async with tenant(pool, principal.account_id) as conn:
            expires_at = await sessions.begin(
                conn,
                token.session_id,
                principal.account_id,
                key.key_id,
                vault.digest(token.secret),
                SCOPES,
                new.seconds,
            )
        return Session(token=str(token), scopes=list(SCOPES), expires_at=expires_at)

    @router.delete("/v1/sessions/current", status_code=204)
    async def delete_session(request: Request, principal: Reader) -> None:
        """End the session this token is of. Ingest stops taking it at once, every other service within 30
        seconds."""
        authorization = request.headers.get("authorization")
        token = read_session_token(bearer(authorization))
        if token is None:
            raise NotFound(
                "these credentials are an API key and no session: there is nothing to end",
                nl="dit is een API-sleutel en geen sessie: er is niets te beëindigen",
            )
        async with tenant(pool, principal.account_id) as conn:
            await sessions.end(conn, token.session_id)
        identity = request.app.state.identity
        if isinstance(identity, CachedAuthenticator):
            identity.forget(authorization)

    return router
