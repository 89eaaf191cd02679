"""route over HTTP: the directory of parties. What waits is in ``parked_api``."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from libs import clock
from libs.contracts.parts import Identifier
from libs.db.pools import tenant
from libs.db.types import Pool
from libs.errors import Forbidden, NotFound
from libs.http import paging
from libs.http.principal import Principal, requires
from libs.service import Wake
from libs.text import EmailAddress, Name, PlainText
from services.route.companies import addresses, history, parties
from services.route.companies.addresses import GivenAddress
from services.route.companies.entries import read_all, read_key
from services.route.companies.history import ChangeView
from services.route.companies.parties import Editor, Entry
from services.route.companies.party_views import PartyView, party_view
from services.route.confirming import letters
from services.route.confirming.letters import Progress
from services.route.settings import RouteSettings
from services.route.waits.releases import release_some

OPERATOR = "operator"
_KEPT = frozenset({"status", "branch_of", "email", "addresses"})
"""What a PUT that does not name it leaves as it was: who corrects a name does not mean to confirm, nor to move its post."""


class GivenIdentifier(BaseModel):
    scheme: PlainText = Field(
        max_length=20, description="ISO 6523 / EAS code: 0106 KvK, 9944 VAT, 0190 OIN, 0208, 0088; or branch"
    )
    value: PlainText = Field(max_length=100)


class GivenParty(BaseModel):
    """A party as it is entered. Numbers may be written as people write them; they are stored canonically."""

    name: Name = Field(min_length=1, max_length=200)
    identifiers: list[GivenIdentifier] = Field(min_length=1, max_length=50)
    email: EmailAddress | None = Field(
        default=None, description="agreed delivery address; left out of a PUT it stays, null removes it"
    )
    language: Literal["nl", "en"] = "nl"
    country: str = Field(default="NL", pattern=r"^[A-Z]{2}$")
    names: list[Annotated[Name, Field(max_length=200)]] = Field(
        default=[],
        max_length=20,
        description="other names it goes by: trade names, what its suppliers call it",
    )
    post_codes: list[Annotated[PlainText, Field(max_length=20)]] = Field(
        default=[],
        max_length=20 + addresses.MOST,
        description="of its addresses, which need not be repeated here, and others; a first invoice must agree with a "
        "name or one of these",
    )
    addresses: list[GivenAddress] = Field(
        default=[],
        max_length=addresses.MOST,
        description="where it is; left out of a PUT they stay, [] removes them",
    )
    branch_of: UUID | None = Field(
        default=None,
        description="operator only: the party this is a place of business of; left out of a PUT it stays, null "
        "makes it a company of its own",
    )
    status: Literal["claimed", "confirmed"] | None = Field(
        default=None,
        description="operator only; a party an operator enters is confirmed unless said otherwise, anybody else's is "
        "claimed. A PUT changes it only where it says so. Nobody receives before confirmed.",
    )


class PartyFound(BaseModel):
    """A confirmed party, for anybody who knows one of its numbers."""

    party_id: UUID
    name: str
    country: str
    identifiers: list[Identifier]


class History(BaseModel):
    changes: list[ChangeView]
    next: str | None = Field(default=None, description="cursor of the next page")


class OwnParty(PartyView):
    """A party you entered."""

    letter: Progress | None = Field(description="the last letter made for it; its code confirms it")


class OwnParties(BaseModel):
    parties: list[OwnParty]
    next: str | None = Field(default=None, description="cursor of the next page")


Reader = Annotated[Principal, Depends(requires("party:read"))]


Writer = Annotated[Principal, Depends(requires("party:write", OPERATOR))]
"""Whoever may write parties: an account for itself, or an operator for all."""


def routes(settings: RouteSettings, pool: Pool, worker: Pool, wake: Wake) -> APIRouter:
    """The routes of the directory. ``pool`` has the api role; what an operator does runs as ``worker``,
    because a party that becomes known releases invoices of every account."""
    router = APIRouter(tags=["parties"])

    @router.post("/v1/parties", status_code=201)
    async def post_party(given: GivenParty, principal: Writer, response: Response) -> PartyView:
        """Enter a party. An operator's is confirmed, and invoices that wait for it go on at once."""
        entry = _entry(given, principal, clock.uuid7())
        editor = _editor(principal)
        if editor.operator:
            async with worker.acquire() as conn, conn.transaction():
                await parties.add(conn, entry, editor)
                await release_some(conn, settings.release_most)
            wake()
        else:
            async with tenant(pool, principal.account_id) as conn:
                await parties.add(conn, entry, editor)
        response.headers["Location"] = f"/v1/parties/{entry.party_id}"
        return party_view(entry)

    @router.put("/v1/parties/{party_id}")
    async def put_party(party_id: UUID, given: GivenParty, principal: Writer) -> PartyView:
        """Replace what is said about a party; its owner until it is confirmed, an operator always. Status, address and
        the company it is a place of stay as they are where nothing is said of them."""
        editor, entry = _editor(principal), _entry(given, principal, party_id)
        keep = _KEPT - given.model_fields_set | ({"status"} if given.status is None else set())
        if editor.operator:
            async with worker.acquire() as conn, conn.transaction():
                entry = await parties.change(conn, entry, editor, keep)
                await release_some(conn, settings.release_most)
            wake()
        else:
            async with tenant(pool, principal.account_id) as conn:
                entry = await parties.change(conn, entry, editor, keep)
        return party_view(entry)

    @router.get("/v1/parties/own")
    async def get_own(principal: Reader, page: paging.Asked) -> OwnParties:
        """What you claim to be and what is confirmed of it, with the letter whose code confirms it."""
        async with tenant(pool, principal.account_id, snapshot=True) as conn:
            found = await parties.parties(conn, page.id() or UUID(int=0), page.most)
            sent = await letters.progress(conn, [entry.party_id for entry in found])
        shown, following = page.cut(found, lambda entry: (entry.party_id,))
        own = [OwnParty(**dict(party_view(entry)), letter=sent.get(entry.party_id)) for entry in shown]
        return OwnParties(parties=own, next=following)

    @router.get("/v1/parties/{party_id}")
    async def get_party(party_id: UUID, principal: Reader) -> PartyView:
        """A party you entered, whole. Operators see every party."""
        if OPERATOR in principal.scopes:
            async with worker.acquire() as conn:
                found = await parties.party(conn, party_id)
        else:
            async with tenant(pool, principal.account_id) as conn:
                found = await parties.party(conn, party_id)
        if found is None:
            raise NotFound
        return party_view(found)

    @router.get("/v1/parties/{party_id}/history")
    async def get_history(party_id: UUID, principal: Reader, page: paging.Asked) -> History:
        """Every change of a party you entered, oldest first: who, when, what it was and what it became. Operators see
        those of every party."""
        behind = page.behind(int)
        (place,) = behind or (0,)
        if OPERATOR in principal.scopes:
            async with worker.acquire() as conn:
                found = await history.changes(conn, party_id, place, page.most)
        else:
            async with tenant(pool, principal.account_id) as conn:
                found = await history.changes(conn, party_id, place, page.most)
        if not found and behind is None:
            raise NotFound
        shown, following = page.cut(found, lambda change: (change.change_id,))
        return History(changes=shown, next=following)

    @router.get("/v1/parties")
    async def find_party(
        scheme: Annotated[PlainText, Query(max_length=20)],
        value: Annotated[PlainText, Query(max_length=100)],
        principal: Reader,
    ) -> PartyFound:
        """Who receives under this number? The name and numbers of a confirmed party."""
        async with tenant(pool, principal.account_id) as conn:
            found = await parties.find(conn, read_key(scheme, value))
        if found is None:
            raise NotFound
        return PartyFound.model_validate(found)

    return router


def _editor(principal: Principal) -> Editor:
    return Editor(principal.account_id, principal.user_id, operator=OPERATOR in principal.scopes)


def _entry(given: GivenParty, principal: Principal, party_id: UUID) -> Entry:
    operator = OPERATOR in principal.scopes
    if not operator and (given.branch_of is not None or given.status == "confirmed"):
        raise Forbidden(
            "only an operator confirms parties and names branches: leave out `status` and `branch_of`",
            nl="alleen een beheerder bevestigt partijen en wijst vestigingen aan: laat `status` en `branch_of` weg",
            scope=OPERATOR,
        )
    return Entry(
        party_id=party_id,
        owner_account=principal.account_id,
        name=given.name.strip(),
        identifiers=read_all((i.scheme, i.value) for i in given.identifiers),
        email=given.email,
        language=given.language,
        country=given.country,
        status=given.status or ("confirmed" if operator else "claimed"),
        branch_of=given.branch_of,
        names=tuple(given.names),
        post_codes=tuple(given.post_codes),
        addresses=addresses.each_once(
            each.read(given.country, "operator" if operator else "owner") for each in given.addresses
        ),
    )
