"""deliver over HTTP: a party's link with Exact Online, in four numbered steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from libs.contracts.parts import Words
from libs.db.types import Pool
from libs.einvoice import extra_fields
from libs.errors import BadInput, Forbidden, NotFound
from libs.http.principal import Principal, requires
from libs.text import PlainText
from services.deliver.exact import fields as extra
from services.deliver.exact import linking, links, sharing
from services.deliver.exact.allowances import Allowances
from services.deliver.exact.kinds import KINDS
from services.deliver.exact.linking import Linking
from services.deliver.exact.links import Link
from services.deliver.exact.oauth import HOSTS, Country
from services.deliver.exact.rules import Rules
from services.deliver.exact.settings import ExactSettings

OPERATOR = "operator"
PartyReader = Annotated[Principal, Depends(requires("party:read"))]
PartyWriter = Annotated[Principal, Depends(requires("party:write"))]
Operator = Annotated[Principal, Depends(requires(OPERATOR))]
Mine = Callable[[UUID, Principal], Awaitable[dict[str, Any] | None]]
"""The party's connection, where the caller may change it."""

TITLES = (
    Words(nl="Koppeling opzetten", en="Set up the link"),
    Words(nl="Administratie", en="Division"),
    Words(nl="Boeken", en="Booking"),
    Words(nl="Opties", en="Options"),
)


class Step(BaseModel):
    number: int
    title: Words
    done: bool


class Division(BaseModel):
    code: int
    name: str


class Option(BaseModel):
    """One extra field of Exact Online, and where its value comes from."""

    name: str = Field(description="Exact's property")
    label: Words
    level: Literal["header", "line"]
    sources: tuple[str, ...]


class ExactLink(BaseModel):
    """How the link stands."""

    party_id: UUID
    state: Literal["none", "warned", "live", "lapsed"] = Field(
        description="warned: going on would end the link of another account; confirm it"
    )
    steps: list[Step]
    warning: Words = Field(description="before anybody signs in; while it is warned, what would happen")
    user: str | None = Field(default=None, description="who consented")
    exact_user_id: str | None = Field(default=None, description="the same, as operators need it")
    division: Division | None = None
    reason: Words | None = Field(default=None, description="why it lapsed, and what to do")
    purchase: Rules = Rules()
    sales: Rules = Rules()
    options: list[Option] = []
    since: datetime | None = None


class Begin(BaseModel):
    """Where the books are, and who may finish this."""

    model_config = ConfigDict(extra="forbid")

    country: Country = "nl"
    account_id: UUID | None = Field(
        default=None, description="whose link it will be; operators only, without a connection before"
    )


class Begun(BaseModel):
    url: str = Field(description="where the person signs in at Exact Online and consents, within an hour")
    warning: Words


class CameBack(BaseModel):
    """What Exact put behind the address it sent the person back to."""

    model_config = ConfigDict(extra="forbid")

    code: PlainText = Field(max_length=4000)
    state: PlainText = Field(max_length=100)


class Chosen(BaseModel):
    model_config = ConfigDict(extra="forbid")

    division: int = Field(ge=1, le=2_147_483_647)


class Divisions(BaseModel):
    divisions: list[Division]


class Booking(BaseModel):
    """How is booked: rules for purchase entries (what was received) and sales entries (what was sent)."""

    model_config = ConfigDict(extra="forbid")

    purchase: Rules | None = None
    sales: Rules | None = None


class Options(BaseModel):
    """Extra fields by Exact's name, each with the sources of its value; the first that has one counts."""

    model_config = ConfigDict(extra="forbid")

    fields: dict[PlainText, Annotated[tuple[PlainText, ...], Field(max_length=extra.MOST_SOURCES)]] = Field(
        max_length=40
    )


class Shared(BaseModel):
    model_config = ConfigDict(extra="forbid")

    why: PlainText = Field(min_length=3, max_length=500)


class Unshared(BaseModel):
    """What became of the links of a person who may have only one again."""

    lapsed: list[UUID] = Field(description="parties whose link lapsed by it")


class Left(BaseModel):
    """Calls that are left in a division now."""

    model_config = ConfigDict(from_attributes=True)

    division: int
    minute: int
    day: int
    closed_until: datetime | None
    closed_why: str | None


class Budget(BaseModel):
    left: list[Left]


def routes(
    worker: Pool, linking_: Linking | None, allowances: Allowances, mine: Mine, settings: ExactSettings
) -> APIRouter:
    """``linking_`` None: this hub has no app at Exact Online. ``mine``: as connections have it."""
    router = APIRouter()

    def ready() -> Linking:
        if not settings.exact_in_plan:
            raise Forbidden(_NOT_IN_PLAN.en, nl=_NOT_IN_PLAN.nl, code="exact-not-in-plan")
        if linking_ is None:
            raise Forbidden(_NO_APP.en, nl=_NO_APP.nl, code="exact-no-app")
        return linking_

    async def owned(party_id: UUID, principal: Principal) -> Link | None:
        found = await links.one(worker, party_id)
        if found is not None:
            if OPERATOR not in principal.scopes and found.account_id != principal.account_id:
                raise NotFound
            return found
        if OPERATOR not in principal.scopes and await mine(party_id, principal) is None:
            raise NotFound
        return None

    async def there(party_id: UUID, principal: Principal) -> Link:
        found = await owned(party_id, principal)
        if found is None:
            raise NotFound
        return found

    async def shown(party_id: UUID, principal: Principal) -> ExactLink:
        return view(party_id, await owned(party_id, principal), operator=OPERATOR in principal.scopes)

    @router.get("/v1/connections/{party_id}/exact", tags=["connections"])
    async def get_exact(party_id: UUID, principal: PartyReader) -> ExactLink:
        """How a party's link with Exact Online stands, step by step."""
        return await shown(party_id, principal)

    @router.post("/v1/connections/{party_id}/exact", tags=["connections"])
    async def post_exact(party_id: UUID, begin: Begin, principal: PartyWriter) -> Begun:
        """Step 1: where a person signs in at Exact Online. No password comes here (R102)."""
        opening = ready()
        link, connection = await owned(party_id, principal), await mine(party_id, principal)
        account_id = link.account_id if link else connection["account_id"] if connection else None
        if OPERATOR in principal.scopes:
            account_id = begin.account_id or account_id
        if account_id is None:
            raise BadInput(_WHOSE.en, nl=_WHOSE.nl, code="no-account")
        return Begun(
            url=await opening.begin(party_id, account_id, settings.exact_host or HOSTS[begin.country]),
            warning=linking.ONE_ACCOUNT,
        )

    @router.post("/v1/connections/{party_id}/exact/consent", tags=["connections"])
    async def post_consent(party_id: UUID, back: CameBack, principal: PartyWriter) -> ExactLink:
        """Step 1, the way back. With your own key: whoever began it finishes it."""
        await ready().come_back(party_id, principal.account_id, back.code, back.state)
        return await shown(party_id, principal)

    @router.post("/v1/connections/{party_id}/exact/takeover", tags=["connections"])
    async def post_takeover(party_id: UUID, principal: PartyWriter) -> ExactLink:
        """Step 1, where it is *warned*: the link of the other account lapses, this one holds (R105)."""
        await ready().take_over(await there(party_id, principal))
        return await shown(party_id, principal)

    @router.get("/v1/connections/{party_id}/exact/divisions", tags=["connections"])
    async def get_divisions(party_id: UUID, principal: PartyReader) -> Divisions:
        """Step 2: what the person who consented may book in."""
        found = await ready().divisions(await there(party_id, principal))
        return Divisions(divisions=[Division(code=code, name=name) for code, name in sorted(found.items())])

    @router.put("/v1/connections/{party_id}/exact/division", tags=["connections"])
    async def put_division(party_id: UUID, chosen: Chosen, principal: PartyWriter) -> ExactLink:
        """Step 2: the division that is booked in. From now on what comes for this party goes there."""
        await ready().choose(await there(party_id, principal), chosen.division)
        return await shown(party_id, principal)

    @router.put("/v1/connections/{party_id}/exact/booking", tags=["connections"])
    async def put_booking(party_id: UUID, booking: Booking, principal: PartyWriter) -> ExactLink:
        """Step 3: journals, G/L accounts and VAT codes. What waited for a rule is tried again."""
        link, rules = await there(party_id, principal), booking.model_dump(mode="json", exclude_none=True)
        linking.still(await links.set_up(worker, link.link_id, rules))
        return await shown(party_id, principal)

    @router.put("/v1/connections/{party_id}/exact/options", tags=["connections"])
    async def put_options(party_id: UUID, options: Options, principal: PartyWriter) -> ExactLink:
        """Step 4 *Opties*: the 18 extra fields (R121)."""
        link = await there(party_id, principal)
        for name, sources in options.fields.items():
            wrong = extra.trouble(name, sources)
            if wrong is not None:
                raise BadInput(wrong.en, nl=wrong.nl, code="exact-field")
        matching = {"options": {n: list(s) for n, s in options.fields.items()}}
        linking.still(await links.set_up(worker, link.link_id, matching))
        return await shown(party_id, principal)

    @router.delete("/v1/connections/{party_id}/exact", tags=["connections"])
    async def delete_exact(party_id: UUID, principal: PartyWriter) -> ExactLink:
        """End the link here. End it in Exact Online, too: only there the consent itself can be taken back."""
        linking.still(await links.end(worker, (await there(party_id, principal)).link_id))
        return view(party_id, None)

    @router.put("/v1/connections/exact/users/{exact_user_id}/shared", tags=["operators"], status_code=204)
    async def put_shared(exact_user_id: UUID, shared: Shared, principal: Operator) -> None:
        """For the helpdesk: this Exact Online user may hold links of several accounts (R106)."""
        await sharing.share(worker, str(exact_user_id), str(principal.account_id), shared.why)

    @router.delete("/v1/connections/exact/users/{exact_user_id}/shared", tags=["operators"])
    async def delete_shared(exact_user_id: UUID, principal: Operator) -> Unshared:  # noqa: ARG001
        """For the helpdesk: take that back. The link that was set up last stays; the others lapse, and their accounts are
        mailed."""
        lapsed = await sharing.unshare(worker, str(exact_user_id))
        if lapsed is None:
            raise NotFound
        return Unshared(lapsed=lapsed)

    @router.get("/v1/connections/exact/budget", tags=["operators"])
    async def get_budget(principal: Operator) -> Budget:  # noqa: ARG001
        """For operators: how many calls are left in every division, the least first."""
        return Budget(left=[Left.model_validate(each) for each in await allowances.left()])

    return router


def view(party_id: UUID, link: Link | None, *, operator: bool = False) -> ExactLink:
    """What is shown of a link; which user at Exact it is by id, to operators alone."""
    done = [
        link is not None and link.state == "live",
        link is not None and link.division is not None,
        link is not None and any(link.settings.get(kind) for kind in KINDS),
        link is not None and "options" in link.settings,
    ]
    steps = [Step(number=n, title=title, done=done[n - 1]) for n, title in enumerate(TITLES, 1)]
    matched = link.settings.get("options", {}) if link is not None else {}
    options = [
        Option(name=each.name, label=each.words, level=each.level, sources=tuple(matched.get(each.name, ())))
        for each in extra_fields.ALL
    ]
    if link is None:
        return ExactLink(
            party_id=party_id, state="none", steps=steps, warning=linking.ONE_ACCOUNT, options=options
        )
    return ExactLink(
        party_id=party_id,
        state=link.state,
        steps=steps,
        warning=linking.WARNED if link.state == "warned" else linking.ONE_ACCOUNT,
        user=link.person_name,
        exact_user_id=link.grant.person if operator else None,
        division=Division(code=link.division, name=link.division_name or str(link.division))
        if link.division is not None
        else None,
        reason=Words(nl=link.reason["nl"], en=link.reason["en"]) if link.reason else None,
        purchase=Rules.model_validate(link.settings.get("purchase", {})),
        sales=Rules.model_validate(link.settings.get("sales", {})),
        options=options,
        since=link.created_at,
    )


_NOT_IN_PLAN = Words(
    nl="De koppeling met Exact Online hoort niet bij het abonnement van deze hub. Vraag de beheerder.",
    en="The link with Exact Online is not in the plan of this hub. Ask its operator.",
)
_NO_APP = Words(
    nl="Deze hub is nog niet bij Exact Online aangemeld: de beheerder moet POSTBODE_DELIVER_EXACT_CLIENT_ID en de waarden "
    "daarbij instellen.",
    en="This hub is not registered with Exact Online yet: its operator has to set POSTBODE_DELIVER_EXACT_CLIENT_ID and "
    "what "
    "goes with it.",
)
_WHOSE = Words(
    nl="geef `account_id`: van welk account de koppeling wordt",
    en="give `account_id`: whose link it will be",
)
