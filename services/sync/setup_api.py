"""Setting a sync up over HTTP: for operators, who say for which account.

Not for accounts themselves: the address of a Purchase to Pay and of a database is where this machine connects to.
"""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from libs.http.principal import Principal, requires
from libs.text import PLAIN, PlainText
from services.sync import clients, timetable
from services.sync.clients import Member
from services.sync.p2p.client import Account
from services.sync.workshop import Workshop, open_globe

Operator = Annotated[Principal, Depends(requires("operator"))]


def _plain(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(PLAIN, secret.get_secret_value()):
        raise ValueError("no control characters")
    return secret


Secret = Annotated[SecretStr, Field(max_length=500), AfterValidator(_plain)]


class GivenClient(BaseModel):
    """A Purchase to Pay (R203)."""

    account_id: UUID
    name: PlainText = Field(min_length=1, max_length=100)
    base_address: PlainText = Field(pattern=r"^https?://[^\s\x00-\x1f\x7f-\x9f]+$", max_length=300)
    username: PlainText = Field(min_length=1, max_length=200)
    password: Secret
    api_key: Secret


class ClientView(BaseModel):
    client_id: UUID
    name: str


class GivenAdministration(BaseModel):
    """A Globe+ administration and where its database is."""

    account_id: UUID
    code: PlainText = Field(pattern=r"^[A-Za-z0-9]{1,3}$")
    name: PlainText = Field(default="", max_length=100)
    source: Secret = Field(description="mssql+mssqlpython://user:password@server/database")
    product_update: PlainText = Field(
        pattern=r"^[0-9]{3}(SP[0-9]{1,2})?$", description="such as 421SP7 or 508"
    )
    integrator: Literal["integrator", "cmdm"] = "integrator"
    licensed: bool = True


class AdministrationView(BaseModel):
    code: str
    name: str


class GivenSettings(BaseModel):
    """What differs between installations; what is not given is as usual."""

    languages: list[PlainText] | None = Field(
        default=None, max_length=4, description="of Globe's four foreign descriptions: en, de, fr, es"
    )
    condition_days: Literal["discount1_days", "term_days"] | None = None
    open_projects: bool | None = Field(default=None, description="projects without an end date go over")
    inactive_statuses: list[PlainText] | None = Field(default=None, max_length=20)
    bank_countries: dict[PlainText, PlainText] | None = None
    salutations: dict[PlainText, Literal["Mr", "Mrs", "NA"]] | None = None
    deactivate_suppliers: bool | None = None
    deactivate_cost_centres: bool | None = None


class GivenSolution(BaseModel):
    """A configuration (R204): one client, one or more administrations, a schedule (R206)."""

    account_id: UUID
    name: PlainText = Field(min_length=1, max_length=100)
    description: PlainText = Field(default="", max_length=500)
    client: PlainText = Field(max_length=100, description="the client's name")
    administrations: list[PlainText] = Field(min_length=1, max_length=100)
    every: PlainText = "1h"
    at: time | None = None
    timezone: PlainText = "Europe/Amsterdam"
    settings: GivenSettings = Field(default_factory=lambda: GivenSettings())


class SolutionMade(BaseModel):
    solution_id: UUID


class GivenMembers(BaseModel):
    administrations: list[PlainText] = Field(min_length=1, max_length=100)


def routes(shop: Workshop) -> APIRouter:
    """The routes; all of them work as the worker."""
    router = APIRouter(tags=["sync"])

    @router.post("/v1/sync/clients", status_code=201)
    async def post_client(given: GivenClient, principal: Operator) -> ClientView:  # noqa: ARG001
        """Connect to a Purchase to Pay, and save it when that succeeds."""
        account = Account(
            given.base_address,
            given.username,
            given.password.get_secret_value(),
            given.api_key.get_secret_value(),
        )
        p2p = shop.connect(account)
        try:
            await p2p.sign_in()
        finally:
            await p2p.close()
        async with shop.pool.acquire() as conn:
            client_id = await clients.put_client(conn, shop.seal, given.account_id, given.name, account)
            await clients.connected(conn, client_id)
        return ClientView(client_id=client_id, name=given.name)

    @router.post("/v1/sync/administrations", status_code=201)
    async def post_administration(given: GivenAdministration, principal: Operator) -> AdministrationView:  # noqa: ARG001
        """Add an administration, or say where it is now."""
        member = Member(
            given.code,
            given.name or given.code,
            given.source.get_secret_value(),
            given.product_update,
            given.integrator,
            given.licensed,
        )
        open_globe(member).close()  # refuses an address no driver here can use
        async with shop.pool.acquire() as conn:
            await clients.put_administration(conn, shop.seal, given.account_id, member)
        return AdministrationView(code=member.code, name=member.name)

    @router.post("/v1/sync/solutions", status_code=201)
    async def post_solution(given: GivenSolution, principal: Operator) -> SolutionMade:  # noqa: ARG001
        """Put a client and administrations together. It is off until it is activated."""
        timetable.checked(given.every, given.at, given.timezone)
        async with shop.pool.acquire() as conn, conn.transaction():
            client_id, _ = await clients.client(conn, shop.seal, given.account_id, given.client)
            solution_id = await clients.add_solution(
                conn,
                given.account_id,
                client_id,
                given.name,
                given.description,
                given.administrations,
                given.every,
                given.at,
                given.timezone,
                given.settings.model_dump(exclude_none=True),
            )
        return SolutionMade(solution_id=solution_id)

    @router.put("/v1/sync/solutions/{solution_id}/administrations")
    async def put_members(solution_id: UUID, given: GivenMembers, principal: Operator) -> SolutionMade:  # noqa: ARG001
        """Give a configuration other administrations in one action; no record loses its identity (R205)."""
        async with shop.pool.acquire() as conn, conn.transaction():
            found = await clients.solution(conn, shop.seal, solution_id)
            await clients.change_members(conn, found.account_id, solution_id, given.administrations)
        return SolutionMade(solution_id=solution_id)

    return router
