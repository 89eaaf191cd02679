"""What somebody says about an account or a key, by API or at the command line: checked here for both. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from libs.text import EMAIL, EmailAddress, Name, PlainText
from services.ingest.access.roles import Role

SCOPES = Literal["invoice:write", "invoice:read", "party:read", "party:write", "account:admin"]


NO_COLON = EMAIL.replace("^[^@", "^[^@:")


class Address(BaseModel):
    """Where the account does business."""

    street: PlainText = Field(min_length=1, max_length=200)
    post_code: PlainText = Field(min_length=1, max_length=20)
    city: PlainText = Field(min_length=1, max_length=100)
    country: str = Field(default="NL", pattern=r"^[A-Z]{2}$")


class NewAccount(BaseModel):
    """What an account claims about itself; nothing of it is proven yet."""

    name: Name = Field(min_length=1, max_length=200)
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
    expires_at: AwareDatetime | None = Field(default=None, description="when it ends by itself")
    sandbox: bool = Field(
        default=False,
        description="a pb_test_ key: what is sent with it never leaves the hub; scopes invoice:write and invoice:read only",
    )

    @model_validator(mode="after")
    def _no_more_than_invoices(self) -> NewKey:
        if self.sandbox and not set(self.scopes) <= {"invoice:write", "invoice:read"}:
            raise ValueError("a key of the sandbox has invoice:write and invoice:read only")
        return self


UserName = Annotated[str, AfterValidator(str.lower), StringConstraints(pattern=NO_COLON)]
"""An e-mail address, in small letters. RFC 7617 has no way to write a colon in a user name."""

Password = Annotated[PlainText, Field(min_length=12, max_length=200)]
"""Twelve characters or more, of any kind: length is what helps (NIST SP 800-63B §3.1.1.2)."""


class SignUp(NewAccount):
    email: UserName = Field(max_length=200, description="gets the link, and is the user name of its owner")


class ForgottenPassword(BaseModel):
    email: UserName = Field(max_length=200)


class UsedLink(BaseModel):
    """What somebody does with the link that was mailed."""

    token: PlainText = Field(max_length=200, description="of the link in the mail: pb_link_…")
    password: Password


class NewUser(BaseModel):
    """A colleague to be invited."""

    email: UserName = Field(max_length=200)
    role: Role = "reader"
    language: Literal["nl", "en"] = "nl"


class NewRole(BaseModel):
    role: Role


class ChangedPassword(BaseModel):
    password: PlainText = Field(max_length=200, description="the one you have")
    new_password: Password


class Overlap(BaseModel):
    """For how long the old one still works beside the new one."""

    hours: int = Field(default=24, ge=0, le=24 * 365)


class Closing(BaseModel):
    name: PlainText = Field(max_length=200, description="the account's name, to show that you mean it")
