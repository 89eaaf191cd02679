"""A small directory to decide by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from libs.contracts.parts import Identifier, InvoiceSummary, PartyFacts, ReceiverCandidate
from services.route.deciding.decision import Directory, Key, Party

KVK, VAT, OIN, BRANCH, GLN, BE, BE_VAT = "0106", "9944", "0190", "branch", "0088", "0208", "9925"


BUYER = "Klant BV"
"""What invoices call their receiver here."""
NAMES = (BUYER, "Aannemer De Jong BV")
"""What every party here goes by, so that its number is believed the first time: the invoices of this module, and those of
``libs.testing.builders``."""


def party(
    number: int,
    name: str,
    *keys: Key,
    branch_of: Party | None = None,
    names: Sequence[str] = NAMES,
    post_codes: Sequence[str] = (),
) -> Party:
    language: Literal["nl", "en"] = "nl"
    head = branch_of.party_id if branch_of else None
    return Party(
        UUID(int=number),
        name,
        f"in@{number}.example",
        language,
        frozenset(keys),
        head,
        tuple(names),
        tuple(post_codes),
    )


def directory(*parties: Party) -> Directory:
    return {key: party for party in parties for key in party.keys}


def summary(
    *candidates: Key,
    buyer: Sequence[Key] = (),
    country: str | None = "NL",
    name: str | None = BUYER,
    post_code: str | None = None,
    **terms: Any,
) -> InvoiceSummary:
    """An invoice whose reader found these, in this order; ``buyer`` is what else its buyer block says.

    It has no date, so that nothing of its number is compared; ``terms`` of the summary may say one.
    """
    read = [
        ReceiverCandidate(identifier=Identifier(scheme=scheme, value=value), path=f"/Invoice/place[{n}]")
        for n, (scheme, value) in enumerate(candidates, 1)
    ]
    others = [Identifier(scheme=scheme, value=value) for scheme, value in buyer]
    said = (*(c.identifier for c in read), *others)
    return InvoiceSummary(
        **{
            "number": "F1",
            "buyer": PartyFacts(name=name, identifiers=said, country=country, post_code=post_code),
            "candidates": tuple(read),
            **terms,
        },
    )


X = party(1, "X BV", (KVK, "58070036"), (VAT, "NL001234567B01"))
Y = party(2, "Y BV", (KVK, "69599084"), (VAT, "NL007654321B01"))
X_NORTH = party(3, "X Noord", (BRANCH, "000027449173"), branch_of=X)
"""A place of business of X."""
