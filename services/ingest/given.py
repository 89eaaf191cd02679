"""What somebody says about an account or a key, by API or at the command line: checked here for both. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from libs.text import EmailAddress, PlainText

SCOPES = Literal["invoice:write", "invoice:read", "party:read", "party:write", "account:admin"]


class Address(BaseModel):
    """Where the account does business."""

    street: PlainText = Field(min_length=1, max_length=200)
    post_code: PlainText = Field(min_length=1, max_length=20)
    city: PlainText = Field(min_length=1, max_length=100)
    country: str = Field(default="NL", pattern=r"^[A-Z]{2}$")


class NewAccount(BaseModel):
    """What an account claims about itself; nothing of it is proven yet."""

    name: PlainText = Field(min_length=1, max_length=200)
    email: EmailAddress
    kvk: str | None = Field(default=None, pattern=r"^[0-9]{8}$")
    vat: PlainText | None = Field(default=None, max_length=20)
    iban: PlainText | None = Field(default=None, max_length=34)
    language: Literal["nl", "en"] = "nl"
    address: Address | None = Field(
        default=None, description="the seller's, on invoices that name none (eExact files of Exact Globe)"
    )


class NewKey(BaseModel):
    label: PlainText = Field(default="API key", min_length=1, max_length=100)
    scopes: list[SCOPES] = ["invoice:write", "invoice:read"]
