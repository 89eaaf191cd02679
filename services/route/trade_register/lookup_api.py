"""route over HTTP: what the trade register says of a company, as a party that could be entered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from libs.contracts.parts import Identifier
from libs.db.types import Pool
from libs.errors import NotFound
from libs.http.principal import Principal, requires
from libs.identifiers import kvk
from libs.text import PlainText
from services.route.companies import parties
from services.route.companies.addresses import GivenAddress
from services.route.companies.entries import read_key
from services.route.trade_register.lookups import NOTHING, Lookups
from services.route.trade_register.register import Company

Operator = Annotated[Principal, Depends(requires("operator"))]


class Proposed(BaseModel):
    """As ``POST /v1/parties`` takes it; where its invoices go is for you to add."""

    name: str
    identifiers: list[Identifier]
    names: list[str]
    post_codes: list[str]
    addresses: list[GivenAddress]
    country: str = "NL"


class Proposal(BaseModel):
    proposed: Proposed
    ended: bool = Field(description="it does not do business any more")
    postal: list[str] = Field(description="where a letter would go; empty where the register shields it")
    asked_at: datetime = Field(description="when the register said so")
    party_id: UUID | None = Field(description="the confirmed party that has this number already")


def routes(worker: Pool, lookups: Lookups) -> APIRouter:
    """``worker``: what the register said belongs to no account."""
    router = APIRouter(tags=["parties"])

    @router.get("/v1/parties/lookup")
    async def get_lookup(
        number: Annotated[PlainText, Query(alias="kvk", max_length=100)],
        principal: Operator,  # noqa: ARG001
    ) -> Proposal:
        """Operators: what the trade register says of a KvK number. It proposes; nothing is entered."""
        key = read_key(kvk.SCHEME, number)
        answer = await lookups.company(key[1])
        if answer.company is None:
            raise NotFound(NOTHING.en, nl=NOTHING.nl, code="not-in-register")
        async with worker.acquire() as conn:
            known = await parties.holders(conn, [key])
        return proposal(answer.company, answer.asked_at, known[key].party_id if key in known else None)

    return router


def proposal(company: Company, asked_at: datetime, party_id: UUID | None) -> Proposal:
    return Proposal(
        proposed=Proposed(
            name=company.name,
            identifiers=[Identifier(scheme=kvk.SCHEME, value=company.kvk)],
            names=list(company.names[:20]),
            post_codes=list(company.post_codes[:20]),
            addresses=[GivenAddress(**each.as_json()) for each in company.addresses],
        ),
        ended=company.ended,
        postal=list(company.postal),
        asked_at=asked_at,
        party_id=party_id,
    )
