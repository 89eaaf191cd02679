"""deliver over HTTP: deliveries with their attempts, and the packages receivers have connected."""

from __future__ import annotations

import functools
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from libs.db.pools import tenant
from libs.db.types import Pool
from libs.einvoice import convert, packages
from libs.errors import BadInput, NotFound
from libs.http import paging
from libs.http.principal import Principal, requires
from libs.text import PlainText
from services.deliver import plan, store
from services.deliver.receivers import connections
from services.deliver.receivers.pushing import NewSecret, PullSettings, Pushing, PushSettings, SftpSettings
from services.deliver.views import Deliveries, Delivery, DeliveryWithAttempts, Showing

Reader = Annotated[Principal, Depends(requires("invoice:read"))]
PartyReader = Annotated[Principal, Depends(requires("party:read"))]
PartyWriter = Annotated[Principal, Depends(requires("party:write"))]


class FolderSettings(BaseModel):
    """Where the receiver's Globe reads: one folder below the hub's root, for this party alone."""

    model_config = ConfigDict(extra="forbid")

    folder: str = Field(pattern=rf"^{plan.FOLDER_NAME.pattern}$")


class MailSettings(BaseModel):
    """Where invoices are mailed; without an address, to the one agreed with the sender."""

    model_config = ConfigDict(extra="forbid")

    email: PlainText | None = Field(default=None, max_length=254)


class Books(BaseModel):
    """Codes of the receiver's administration, for purchase entries (``eexact``)."""

    model_config = ConfigDict(extra="forbid")

    division: PlainText = Field(default="001", max_length=20)
    journal: PlainText = Field(default="70", max_length=20)
    creditor: PlainText | None = Field(default=None, max_length=20)
    creditor_account: PlainText = Field(default="1600", max_length=20)
    cost_account: PlainText = Field(default="4999", max_length=20)
    vat_account: PlainText = Field(default="1520", max_length=20)
    vat_codes: dict[PlainText, PlainText] = Field(
        default={},
        max_length=20,
        description="by percentage: 21 → 2; other categories than S by name: AE → 7",
    )
    currency: PlainText = Field(
        default="EUR", max_length=3, description="of the administration; invoices in another wait"
    )


class Fallback(BaseModel):
    """By e-mail what the package does not take in time, and then no more by the package."""

    model_config = ConfigDict(extra="forbid")

    after_minutes: int = Field(
        default=120, ge=1, le=2880, description="how long the package has; what it refuses goes at once"
    )
    email: PlainText | None = Field(
        default=None,
        max_length=254,
        description="where to; without one, where the sender and receiver agreed",
    )


class Owned(BaseModel):
    fallback: Fallback | None = Field(
        default=None, description="folder, sftp, https: without one, never by e-mail"
    )
    format: PlainText | None = Field(
        default=None,
        max_length=20,
        description="what its package gets, a name of POST /v1/convert or original; without one, the package's usual",
    )
    language: Literal["nl", "en", "fr"] | None = Field(default=None, description="of pages the hub makes")
    books: Books | None = None
    page: bool | None = Field(
        default=None,
        description="whether the hub makes a PDF where the sender gave none; without a word, what the package wants, and "
        "with e-mail and no format always",
    )
    account_id: UUID | None = Field(
        default=None, description="the account that may change it from now on; only operators say so"
    )


class GlobeFolder(Owned):
    """Exact Globe reads XML and PDF pairs from a folder."""

    package: Literal["globe"] = "globe"
    channel: Literal["folder"]
    settings: FolderSettings


class ByMail(Owned):
    """Any other package: invoices come by e-mail, XML and PDF attached."""

    package: str = Field(default="other", pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    channel: Literal["smtp"]
    settings: MailSettings = MailSettings()


class Pushed(Owned):
    """Software of its own: the hub pushes each invoice to an address, signed."""

    package: str = Field(default="other", pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    channel: Literal["https"]
    settings: PushSettings


class SftpFolder(Owned):
    """Exact Globe reads XML and PDF pairs from a folder of its own SFTP server."""

    package: Literal["globe"] = "globe"
    channel: Literal["sftp"]
    settings: SftpSettings


class Fetched(Owned):
    """Software of its own that fetches what waits for it, and acknowledges it."""

    package: str = Field(default="other", pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    channel: Literal["pull"]
    settings: PullSettings = PullSettings()


NewConnection = Annotated[
    GlobeFolder | SftpFolder | ByMail | Pushed | Fetched, Field(discriminator="channel")
]


class Connection(BaseModel):
    party_id: UUID
    account_id: UUID | None
    package: str
    channel: Literal["folder", "sftp", "smtp", "https", "pull", "exact_online"]
    settings: dict[str, Any]
    created_at: datetime
    secret: str | None = Field(
        default=None, description="https, when it is connected first: signs what is pushed; shown this once"
    )
    public_key: str | None = Field(
        default=None,
        description="sftp, when it is connected: the key to let in, for the server's `authorized_keys`",
    )


class Package(BaseModel):
    """One bookkeeping package of the catalogue."""

    id: str = Field(description="`package` of a connection")
    name: str
    formats: list[str] = Field(description="what it takes, the usual one first")
    channel: Literal["smtp", "folder"]
    page: bool = Field(description="whether the hub makes a PDF where the sender gave none")
    proof: Literal["read", "told", "inference"] = Field(
        description="the maker's own page says so, somebody else's does, or nobody does"
    )
    source: str


class Packages(BaseModel):
    packages: list[Package]


async def owned(pool: Pool, worker: Pool, party_id: UUID, principal: Principal) -> dict[str, Any] | None:
    """A party's connection, if the caller may change it: the account it belongs to, and operators."""
    if "operator" in principal.scopes:
        return await connections.one(worker, party_id)
    async with tenant(pool, principal.account_id) as conn:
        return await connections.one(conn, party_id)


def routes(pool: Pool, worker: Pool, showing: Showing, pushing: Pushing) -> APIRouter:
    """All routes of deliver. ``pool`` has the api role; connections are written as ``worker`` once the caller
    has shown to be an operator or the account they belong to."""
    router = APIRouter()
    mine = functools.partial(owned, pool, worker)

    @router.get("/v1/deliveries", tags=["deliveries"])
    async def get_deliveries(
        principal: Reader, page: paging.Asked, invoice_id: UUID | None = None
    ) -> Deliveries:
        """Your deliveries, newest first; those of one invoice with ``invoice_id``."""
        async with tenant(pool, principal.account_id) as conn:
            rows = await store.deliveries(conn, invoice_id=invoice_id, before=page.id(), most=page.most)
        shown, following = page.cut(rows, lambda row: (row["delivery_id"],))
        return Deliveries(
            deliveries=[Delivery.model_validate(showing.fields(row)) for row in shown], next=following
        )

    @router.get("/v1/deliveries/{delivery_id}", tags=["deliveries"])
    async def get_delivery(delivery_id: UUID, principal: Reader) -> DeliveryWithAttempts:
        """One delivery with everything that was tried."""
        async with tenant(pool, principal.account_id, snapshot=True) as conn:
            return await showing.one(conn, delivery_id)

    @router.get("/v1/connections/packages", tags=["connections"])
    async def get_packages(principal: PartyReader) -> Packages:  # noqa: ARG001
        """The bookkeeping packages the hub knows: which formats each takes, and who says so."""
        return Packages(
            packages=[Package.model_validate(asdict(each)) for each in packages.packages().values()]
        )

    @router.get("/v1/connections/{party_id}", tags=["connections"])
    async def get_connection(party_id: UUID, principal: PartyReader) -> Connection:
        """The package a receiver has connected: for operators, and for the account it belongs to."""
        found = await mine(party_id, principal)
        if found is None:
            raise NotFound
        return Connection.model_validate(found)

    @router.put("/v1/connections/{party_id}", tags=["connections"])
    async def put_connection(party_id: UUID, new: NewConnection, principal: PartyWriter) -> Connection:
        """Connect a receiver's package. It holds for the next invoices; those under way go the old way (R52).

        An operator connects it first and says to which account it belongs; after that, both may change it.
        """
        operator = "operator" in principal.scopes
        if not operator and await mine(party_id, principal) is None:
            raise NotFound
        settings = new.settings.model_dump(exclude_none=True)
        if isinstance(new, ByMail) and new.settings.email is not None:
            settings = {"email": _address(new.settings.email)}
        if isinstance(new, Pushed):
            pushing.check(new.settings.url)
        if isinstance(new, SftpFolder):
            pushing.check_server(new.settings)
        settings |= _format(new) | _fallback(new)
        await connections.connect(
            worker,
            party_id,
            new.account_id if operator else principal.account_id,
            new.package,
            new.channel,
            settings,
        )
        found = Connection.model_validate(await connections.one(worker, party_id))
        if isinstance(new, Pushed):
            found.secret = await pushing.first_secret(party_id)
        if isinstance(new, SftpFolder):
            found.public_key = await pushing.public_key(party_id)
        return found

    @router.post("/v1/connections/{party_id}/secret", tags=["connections"])
    async def post_secret(party_id: UUID, principal: PartyWriter) -> NewSecret:
        """Another secret for what is pushed to a receiver. The old one signs along for a while: put the new one beside it,
        then take the old one away."""
        if await mine(party_id, principal) is None:
            raise NotFound
        return await pushing.another_secret(party_id)

    return router


def _fallback(new: NewConnection) -> dict[str, str]:
    """As it is kept with the connection. Raises ``BadInput``."""
    if new.fallback is None:
        return {}
    if new.channel not in ("folder", "sftp", "https"):
        raise BadInput(
            "only what goes into a folder or is pushed can go by e-mail instead: leave out `fallback`",
            nl="alleen wat in een map gaat of gepusht wordt kan anders per e-mail: laat `fallback` weg",
            code="no-fallback",
        )
    kept = {"fallback_after": str(60 * new.fallback.after_minutes)}
    if new.fallback.email is not None:
        kept["fallback_email"] = _address(new.fallback.email)
    return kept


def _address(text: str) -> str:
    address = plan.mail_address(text)
    if address is None:
        raise BadInput(
            "this is not an e-mail address the hub can send to: give a plain one, such as in@bakker.example",
            nl="hierheen kan de hub niet mailen: geef een gewoon adres, zoals in@bakker.example",
            code="bad-address",
        )
    return address


def _format(new: NewConnection) -> dict[str, str]:
    """What the package takes, as it is kept with the connection. Raises ``BadInput`` for what it does not take."""
    package = new.package
    name = packages.chosen(package, new.format)
    if name != packages.ORIGINAL:
        convert.target(name)
    known = packages.packages().get(package)
    kept = {"format": name} if name != packages.ORIGINAL else {}
    if new.page is not None:
        kept["page"] = "yes" if new.page else "no"
    elif known is not None and known.page and kept:
        kept["page"] = "yes"
    if new.language is not None:
        kept["language"] = new.language
    if new.books is not None:
        kept["books"] = new.books.model_dump_json()
    return kept
