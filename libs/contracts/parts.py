"""Values that several events share."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field

from libs.contracts.envelope import Frozen


class DocumentRef(Frozen):
    """Claim check: the bytes lie in the document store; whoever fetches them re-checks the hash."""

    document_id: UUID
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0, description="bytes")
    media_type: str
    filename: str | None = None


class Words(Frozen):
    """One message in the two languages every user-facing text of the hub has."""

    nl: str
    en: str


class Identifier(Frozen):
    """A party identifier. ``scheme`` is the ISO 6523 / EAS code (0106 KvK, 0190 OIN, 9944 NL VAT, 0208
    BE enterprise number, 0088 GLN) or ``branch``: a Dutch *vestigingsnummer*, which never routes alone."""

    scheme: str
    value: str


class ReceiverCandidate(Frozen):
    """One place of the invoice that may name the receiver, in the order of trust."""

    identifier: Identifier
    path: str = Field(description="where in the document it stood")


class PartyFacts(Frozen):
    """What an invoice says about its seller (BG-4) or buyer (BG-7)."""

    name: str | None = None
    identifiers: tuple[Identifier, ...] = ()
    country: str | None = None
    post_code: str | None = Field(default=None, description="BT-38, BT-53")


class InvoiceSummary(Frozen):
    """The few terms every later stage needs, read once by validate."""

    number: str | None = Field(default=None, description="BT-1")
    issue_date: date | None = Field(default=None, description="BT-2")
    type_code: str | None = Field(default=None, description="BT-3")
    currency: str | None = Field(default=None, description="BT-5")
    payable: Decimal | None = Field(default=None, description="BT-115, in BT-5")
    pay_to: tuple[str, ...] = Field(
        default=(), description="BT-84: the accounts it is to be paid into, as IBAN where it is one"
    )
    payment_reference: str | None = Field(
        default=None, description="BT-83: what the payment shall say, such as a betalingskenmerk or RF number"
    )
    seller: PartyFacts = PartyFacts()
    buyer: PartyFacts = PartyFacts()
    candidates: tuple[ReceiverCandidate, ...] = ()


class Finding(Frozen):
    """One thing a rule has to say about an invoice."""

    rule: str
    severity: Literal["fatal", "warning"]
    terms: tuple[str, ...] = Field(default=(), description="EN 16931 business terms, such as BT-48")
    xpath: str = ""
    line: int | None = Field(default=None, description="line in the original file, from 1")
    seen: str | None = None
    expected: str | None = None
    message: Words
    hint: Words | None = Field(default=None, description="where the sender usually mends it")


class Difference(Frozen):
    """One business term in which two invoices of one number differ."""

    term: str = Field(description="EN 16931 business term, such as BT-115")
    path: str = Field(description="where in the model, repeated groups counted from 1: lines[2].quantity")
    before: str | None = Field(default=None, description="in the invoice that came first; null: not there")
    after: str | None = Field(default=None, description="in this one; null: not there")


class Receiver(Frozen):
    """The receiver as route agreed it: a full snapshot, so deliver never asks back."""

    party_id: UUID
    name: str
    identifier: Identifier
    email: str | None = Field(default=None, description="agreed delivery address")
    language: Literal["nl", "en"] = "nl"


class Agreed(Frozen):
    """How a receiver wanted an invoice when its delivery was planned: its own choice, else the hub's."""

    package: str | None = Field(default=None, description="the package it has connected; null: none")
    format: str = Field(default="original", description="what that takes, a name of POST /v1/convert")
    page: bool = Field(
        default=False, description="whether the hub makes a PDF of it where its sender gave none"
    )
