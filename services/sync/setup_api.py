"""Setting a sync up over HTTP: for operators, who say for which account.

Not for accounts themselves: the address of a Purchase to Pay and of a database is where this machine connects to.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.http.principal import Principal, requires
from libs.text import PlainText
from services.sync import clients, timetable
from services.sync.given import GivenAdministration, GivenChange, GivenClient, GivenSolution
from services.sync.workshop import Workshop, open_globe

Operator = Annotated[Principal, Depends(requires("operator"))]


class ClientView(BaseModel):
    client_id: UUID
    name: str


class AdministrationView(BaseModel):
    code: str
    name: str


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
        client_id = await shop.add_client(given.account_id, given.name, given.account)
        return ClientView(client_id=client_id, name=given.name)

    @router.post("/v1/sync/administrations", status_code=201)
    async def post_administration(given: GivenAdministration, principal: Operator) -> AdministrationView:  # noqa: ARG001
        """Add an administration, or say where it is now."""
        member = given.member
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

    @router.patch("/v1/sync/solutions/{solution_id}")
    async def patch_solution(solution_id: UUID, given: GivenChange, principal: Operator) -> SolutionMade:  # noqa: ARG001
        """Give a configuration another schedule or other settings."""
        await shop.change(solution_id, given)
        return SolutionMade(solution_id=solution_id)

    @router.put("/v1/sync/solutions/{solution_id}/administrations")
    async def put_members(solution_id: UUID, given: GivenMembers, principal: Operator) -> SolutionMade:  # noqa: ARG001
        """Give a configuration other administrations in one action; no record loses its identity (R205)."""
        async with shop.pool.acquire() as conn, conn.transaction():
            found = await clients.solution(conn, shop.seal, solution_id)
            await clients.change_members(conn, found.account_id, solution_id, given.administrations)
        return SolutionMade(solution_id=solution_id)

    return router
