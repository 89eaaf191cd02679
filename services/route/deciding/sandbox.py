"""Who receives an invoice of the sandbox: one of its own receivers, by the same rules as anywhere, or nobody. Pure."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from libs.contracts.parts import InvoiceSummary
from libs.contracts.sandbox import RECEIVERS, receiver_id
from libs.identifiers import kvk
from services.route.deciding.decision import Answer, Directory, Parked, Party, decide

_NOT_FOUND = frozenset({"parked", "rejected"})
"""Outcomes for which nobody is found, or asked for."""

DIRECTORY: Directory = {
    (kvk.SCHEME, number): Party(
        party_id=receiver_id(number),
        name=f"Sandbox {outcome} B.V.",
        email=None,
        language="nl",
        keys=frozenset({(kvk.SCHEME, number)}),
    )
    for number, outcome in RECEIVERS.items()
    if outcome not in _NOT_FOUND
}
"""Nobody else is in it, whoever is confirmed in the hub."""

_BY_ID = {party.party_id: party for party in DIRECTORY.values()}


def find(summary: InvoiceSummary) -> Answer:
    """The receiver, or why it waits: for a person, since nobody new ever becomes known here."""
    found = decide(summary, DIRECTORY, _BY_ID.keys())
    return replace(found, waits_for=()) if isinstance(found, Parked) else found


def by_id(party_id: UUID) -> Party | None:
    return _BY_ID.get(party_id)
