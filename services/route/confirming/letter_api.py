"""route over HTTP: the letter that confirms a claimed party, and its code."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.responses import Response

from libs import clock
from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import NotFound
from libs.http.principal import Principal, requires
from libs.service import Wake
from libs.text import PlainText
from services.route.companies import parties
from services.route.companies.parties import Editor
from services.route.companies.party_views import PartyView, party_view
from services.route.confirming import letters
from services.route.confirming.letter_page import draw, texts
from services.route.settings import CODES, RouteSettings
from services.route.trade_register.lookups import Lookups
from services.route.waits.releases import release_some

Operator = Annotated[Principal, Depends(requires("operator"))]
Owner = Annotated[Principal, Depends(requires("party:write"))]


class GivenLines(BaseModel):
    postal: list[Annotated[PlainText, Field(min_length=1, max_length=100)]] = Field(
        default=[],
        max_length=5,
        description="lines below the name, looked up by you at kvk.nl; left out: the trade register is asked, and where it "
        "says nothing an address counts that an operator entered",
    )


class GivenCode(BaseModel):
    code: PlainText = Field(
        min_length=1, max_length=40, description="as in the letter; blanks and dashes do not matter"
    )


def routes(
    settings: RouteSettings, pool: Pool, worker: Pool, lookups: Lookups, wake: Wake, base_url: str
) -> APIRouter:
    """``pool`` has the api role and shows whose a party is; what becomes known releases invoices of all: ``worker``."""
    router = APIRouter(tags=["parties"])

    @router.post(
        "/v1/parties/{party_id}/letter",
        response_class=Response,
        responses={200: {"content": {"application/pdf": {}}, "description": "the letter"}},
    )
    async def post_letter(party_id: UUID, given: GivenLines, principal: Operator) -> Response:
        """Operators: make the letter that confirms a claimed party. Print and post it yourself: whoever has it has the
        code. The one before is void; three in 90 days at most."""
        async with worker.acquire() as conn:
            entry, number = await letters.claimed(conn, party_id)
        # The register is asked between two transactions, never within one.
        to = await letters.addressee(lookups, entry, number, given.postal)
        editor = Editor(principal.account_id, principal.user_id, operator=True)
        async with worker.acquire() as conn, conn.transaction():
            letter = await letters.make(conn, party_id, to, editor, settings.derive(CODES))
        said = texts(letter, party_id, base_url, clock.now().date(), entry.language)
        return Response(
            await asyncio.to_thread(draw, said),
            media_type="application/pdf",
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="{letter.letter_id}.pdf"',
            },
        )

    @router.post("/v1/parties/{party_id}/confirm")
    async def post_confirm(party_id: UUID, given: GivenCode, principal: Owner) -> PartyView:
        """Confirm your own party with the code of its letter; what waits for it goes on. It keeps its KvK number and what
        the trade register calls it: a letter proves nothing else."""
        async with tenant(pool, principal.account_id) as conn:
            if await parties.party(conn, party_id) is None:
                raise NotFound
        editor = Editor(principal.account_id, principal.user_id)
        # Committed in either case: a wrong code counts.
        async with worker.acquire() as conn, conn.transaction():
            entry = await letters.confirm(conn, party_id, given.code, editor, settings.derive(CODES))
            if entry is not None:
                await release_some(conn, settings.release_most)
        if entry is None:
            raise letters.wrong()
        wake()
        return party_view(entry)

    return router
