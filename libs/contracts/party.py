"""Facts about accounts and parties: exchange ``party.events``."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from libs.contracts.envelope import Payload


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


ALL: tuple[type[Payload], ...] = (AccountRegistered,)
