"""What a sync is set up with, by HTTP or on the command line: one shape and one set of bounds for both."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import time
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from libs.contracts.parts import Words
from libs.errors import BadInput
from libs.text import PLAIN, PlainText
from services.sync.clients import Member
from services.sync.p2p.client import Account

T = TypeVar("T", bound=BaseModel)


def _plain(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(PLAIN, secret.get_secret_value()):
        raise ValueError("no control characters")
    return secret


def _address(text: str) -> str:
    parts = urlsplit(text)
    # Asking for a port that is none raises. A password does not belong in an address: that is shown.
    if not parts.hostname or parts.port == 0 or parts.username is not None:
        raise ValueError("write it as https://p2p.example or http://p2p.example:8080")
    return text


Secret = Annotated[SecretStr, Field(max_length=500), AfterValidator(_plain)]


class GivenClient(BaseModel):
    """A Purchase to Pay (R203)."""

    account_id: UUID
    name: PlainText = Field(min_length=1, max_length=100)
    base_address: Annotated[
        str,
        Field(pattern=r"^https?://[^\s\x00-\x1f\x7f-\x9f?#]+$", max_length=300),
        AfterValidator(_address),
    ]
    username: PlainText = Field(min_length=1, max_length=200)
    password: Secret
    api_key: Secret

    @property
    def account(self) -> Account:
        return Account(
            self.base_address,
            self.username,
            self.password.get_secret_value(),
            self.api_key.get_secret_value(),
        )


class GivenAdministration(BaseModel):
    """A Globe+ administration and where its database is."""

    account_id: UUID
    code: str = Field(pattern=r"^[A-Za-z0-9]{1,3}$")
    name: PlainText = Field(default="", max_length=100)
    source: Secret = Field(description="mssql+mssqlpython://user:password@server/database")
    product_update: str = Field(pattern=r"^[0-9]{3}(SP[0-9]{1,2})?$", description="such as 421SP7 or 508")
    integrator: Literal["integrator", "cmdm"] = "integrator"
    licensed: bool = True

    @property
    def member(self) -> Member:
        return Member(
            self.code,
            self.name or self.code,
            self.source.get_secret_value(),
            self.product_update,
            self.integrator,
            self.licensed,
        )


class GivenSettings(BaseModel):
    """What differs between installations; what is not given is as usual."""

    model_config = ConfigDict(extra="forbid")

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


class GivenChange(BaseModel):
    """What changes of a configuration; what is not given stays as it is."""

    every: PlainText | None = None
    at: time | None = None
    timezone: PlainText | None = None
    settings: GivenSettings | None = Field(default=None, description="only those given; null: as usual again")


def given(model: type[T], **values: Any) -> T:
    """What was typed, checked. Raises ``BadInput`` naming each field that cannot be."""
    try:
        return model(**values)
    except ValidationError as wrong:
        found = wrong.errors(include_url=False, include_input=False, include_context=False)
        en, nl = (
            "; ".join(_told(each["loc"], each["msg"], language) for each in found)
            for language in ("en", "nl")
        )
        raise BadInput(f"This cannot be: {en}.", nl=f"Dit kan niet: {nl}.") from wrong


_WRITTEN: Mapping[str, Words] = {
    "base_address": Words(
        nl="schrijf https://p2p.voorbeeld of http://p2p.voorbeeld:8080",
        en="write https://p2p.example or http://p2p.example:8080",
    ),
    "code": Words(
        nl="een administratie heeft een tot drie letters of cijfers, zoals 001",
        en="an administration has one to three letters or digits, such as 001",
    ),
    "product_update": Words(nl="schrijf 421SP7 of 508", en="write 421SP7 or 508"),
}
"""How a field is written whose form a pattern holds, for people."""


def _told(where: Sequence[object], message: str, language: str) -> str:
    name = ".".join(map(str, where))
    words = _WRITTEN.get(name)
    return f"{name}: {words.model_dump()[language] if words else message}"
