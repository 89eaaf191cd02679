"""Sessions over HTTP: somebody signs in with an API key or a password and holds a token that can do less, and that ends."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import Forbidden, NotFound
from libs.http.principal import CachedAuthenticator, Principal, requires
from services.ingest.access import sessions
from services.ingest.access.credentials import (
    Vault,
    basic,
    bearer,
    new_session_token,
    read_api_key,
    read_session_token,
)
from services.ingest.access.given import SCOPES as RIGHTS
from services.ingest.access.sessions import Holder

SCOPES = ("invoice:read",)
"""All a session may do unless somebody with a password asks for more: look. Whoever steals one cannot send, and cannot
make keys."""

Reader = Annotated[Principal, Depends(requires(*SCOPES))]


class NewSession(BaseModel):
    seconds: int = Field(default=36_000, ge=60, le=604_800, description="when it ends by itself")
    scopes: list[RIGHTS] = Field(
        default=["invoice:read"],
        min_length=1,
        max_length=10,
        description="what it may do; of an API key: read invoices and nothing else",
    )


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
        """Begin a session, with an API key or with user name and password (`Authorization: Basic`)."""
        authorization = request.headers.get("authorization")
        key = read_api_key(bearer(authorization))
        named = principal.user_id is not None and basic(authorization) is not None
        if key is None and not named:
            raise Forbidden(
                "a session cannot begin another: sign in with the API key or the password",
                nl="een sessie kan geen nieuwe beginnen: log in met de API-sleutel of het wachtwoord",
            )
        for scope in new.scopes:
            if scope not in (SCOPES if key else principal.scopes):
                raise Forbidden(
                    f"a session of yours cannot have the right {scope}: ask for less, or sign in with another role",
                    nl=f"een sessie van u kan het recht {scope} niet hebben: vraag minder, of log in met een andere rol",
                    scope=scope,
                )
        scopes = sorted(set(new.scopes))
        token = new_session_token()
        holder = Holder(principal.account_id, key.key_id if key else None, None if key else principal.user_id)
        async with tenant(pool, principal.account_id) as conn:
            expires_at = await sessions.begin(
                conn, token.session_id, holder, vault.digest(token.secret), scopes, new.seconds
            )
        return Session(token=str(token), scopes=scopes, expires_at=expires_at)

    @router.delete("/v1/sessions/current", status_code=204)
    async def delete_session(request: Request, principal: Reader) -> None:
        """End the session this token is of. Ingest stops taking it at once, every other service within 30
        seconds."""
        authorization = request.headers.get("authorization")
        token = read_session_token(bearer(authorization))
        if token is None:
            raise NotFound(
                "these credentials are no session: there is nothing to end",
                nl="dit is geen sessie: er is niets te beëindigen",
            )
        async with tenant(pool, principal.account_id) as conn:
            await sessions.end(conn, token.session_id)
        identity = request.app.state.identity
        if isinstance(identity, CachedAuthenticator):
            identity.forget(authorization)

    return router
