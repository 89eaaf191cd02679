"""Accounts over HTTP: open (operators), show, change, close."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from libs.contracts.parts import Words
from libs.contracts.sandbox import sandbox_of
from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import Conflict, NotFound
from libs.http.principal import Principal, requires
from libs.service import Wake
from services.ingest.access import accounts
from services.ingest.access.given import Closing, NewAccount

Reader = Annotated[Principal, Depends(requires("invoice:read"))]
Admin = Annotated[Principal, Depends(requires("account:admin"))]

OTHER_NAME = Words(
    nl="Dat is niet de naam van dit account. Neem haar precies over van GET /v1/accounts/me.",
    en="That is not this account's name. Copy it exactly from GET /v1/accounts/me.",
)


class Account(NewAccount):
    account_id: UUID
    name: str
    """Whatever it is: what is said of it now was not asked of the first."""


def routes(pool: Pool, worker: Pool, wake: Wake) -> APIRouter:
    """``pool`` has the api role, ``worker`` opens accounts."""
    router = APIRouter(tags=["accounts"])

    @router.post("/v1/accounts", status_code=201, dependencies=[Depends(requires("operator"))])
    async def post_account(new: NewAccount) -> Account:
        """Open an account (operator)."""
        account_id = await accounts.open_account(worker, accounts.Claims(**new.model_dump()))
        wake()
        return Account(account_id=account_id, **new.model_dump())

    @router.get("/v1/accounts/me")
    async def get_account(principal: Reader) -> Account:
        """The account these credentials belong to."""
        async with tenant(pool, principal.account_id) as conn:
            found = await accounts.account(conn)
        if found is None:
            raise NotFound
        return Account.model_validate(found)

    @router.put("/v1/accounts/me")
    async def put_account(new: NewAccount, principal: Admin) -> Account:
        """Say something else about your company. Nothing of it is proven by saying it: a confirmed receiver stays what it
        was confirmed as."""
        async with tenant(pool, principal.account_id) as conn:
            await accounts.change(conn, principal.account_id, accounts.Claims(**new.model_dump()))
        wake()
        return Account(account_id=principal.account_id, **new.model_dump())

    @router.post("/v1/accounts/me/close", status_code=204)
    async def post_close(closing: Closing, principal: Admin) -> None:
        """Close the account: keys, passwords, sessions and key mailboxes end, within 30 seconds everywhere. What was
        handed over is still delivered, and kept as long as the law asks. Export first: nobody can sign in afterwards."""
        async with tenant(pool, principal.account_id) as conn:
            found = await accounts.account(conn)
            if found is None or found["name"] != closing.name:
                raise Conflict(OTHER_NAME.en, nl=OTHER_NAME.nl, code="other-name")
            await accounts.close(conn, principal.account_id)
        sandbox = sandbox_of(principal.account_id)
        async with tenant(pool, sandbox) as conn:
            await accounts.close(conn, sandbox)

    return router
