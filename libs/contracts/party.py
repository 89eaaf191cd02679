"""Facts about accounts and parties: exchange ``party.events``."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from libs.contracts.envelope import Payload
from libs.contracts.parts import Words


class AccountRegistered(Payload):
    """Somebody opened an account, or changed what it *claims* about itself. Nothing in it is proven."""

    exchange: ClassVar[str] = "party.events"
    type: ClassVar[str] = "account.registered.v1"

    account_id: UUID
    sequence: int
    name: str
    email: str
    kvk: str | None = None
    vat: str | None = None
    iban: str | None = None
    language: Literal["nl", "en"] = "nl"

    @property
    def subject(self) -> str:
        return str(self.account_id)


class AccountLinkMade(Payload):
    """A one-time link was made for a person, who is mailed about it; or (kind key) somebody registered asked for its key
    address. The event holds the link's id and not its token (``libs/links.py``), and addresses sealed
    (``libs/sealed.py``): whoever reads events can use neither."""

    exchange: ClassVar[str] = "party.events"
    type: ClassVar[str] = "account.link_made.v1"

    account_id: UUID
    link_id: UUID
    kind: Literal["sign-up", "known", "invitation", "reset", "key"] = Field(
        description="known: somebody wanted to open an account with the address of a person who is a user already"
    )
    email: str = Field(description="who gets the mail")
    account_name: str
    by: str | None = Field(default=None, description="kind invitation: who invites")
    language: Literal["nl", "en"] = "nl"
    expires_at: datetime
    sealed: str | None = Field(default=None, description="kind key: its addresses, one a line, sealed")

    @property
    def subject(self) -> str:
        return str(self.account_id)


class AccountConnectionLapsed(Payload):
    """An account's connection with a bookkeeping package holds no more, and only somebody of the account can set it up
    again: its owner is mailed."""

    exchange: ClassVar[str] = "party.events"
    type: ClassVar[str] = "account.connection_lapsed.v1"

    account_id: UUID
    lapse_id: UUID = Field(description="each is mailed once")
    package: Literal["exact-online"]
    user: str = Field(description="who had consented, by name")
    books: tuple[str, ...] = Field(description="the divisions that nothing is booked in any more, by name")
    code: str
    reason: Words = Field(description="why, and what to do")
    lapsed_at: datetime

    @property
    def subject(self) -> str:
        return str(self.account_id)


ALL: tuple[type[Payload], ...] = (AccountRegistered, AccountLinkMade, AccountConnectionLapsed)
