"""A party as whoever entered it and operators read it."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from libs.contracts.parts import Identifier
from services.route.companies.addresses import AddressView
from services.route.companies.parties import Entry


class PartyView(BaseModel):
    """A party, for whoever entered it and for operators."""

    party_id: UUID
    name: str
    identifiers: list[Identifier]
    email: str | None
    language: str
    country: str
    names: list[str]
    post_codes: list[str]
    addresses: list[AddressView]
    status: str
    branch_of: UUID | None


def as_line(entry: Entry) -> str:
    """For a terminal: who, under which numbers, and where its invoices go."""
    numbers = " ".join(f"{i.scheme}:{i.value}" for i in entry.identifiers)
    return f"{entry.party_id}  {entry.status:9}  {entry.name}  {numbers}  {entry.email or '-'}"


def party_view(entry: Entry) -> PartyView:
    return PartyView(
        party_id=entry.party_id,
        name=entry.name,
        identifiers=list(entry.identifiers),
        email=entry.email,
        language=entry.language,
        country=entry.country,
        names=list(entry.names),
        post_codes=list(entry.post_codes),
        addresses=[AddressView(**each.as_json()) for each in entry.addresses],
        status=entry.status,
        branch_of=entry.branch_of,
    )
