"""The sandbox: what is sent with a ``pb_test_`` key travels through the whole hub and never leaves it. Pure.

What belongs to the sandbox says so itself: the id of a sandbox account, and of every invoice of one, is a UUID of version
8 (RFC 9562 §5.8) where all others have 7. An account's sandbox has the account's own id but for that digit. So there is no
flag that a service could forget to pass on and no table to ask: duplicates, numbers, keys and lists stay apart because
accounts do, and whoever holds an id knows.

Its receivers are these; nobody else can be found there. The numbers are none that the trade register gives out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from libs.contracts.parts import InvoiceSummary

Outcome = Literal["delivered", "sent", "slow", "imported", "paid", "undeliverable", "parked", "rejected"]

RECEIVERS: Mapping[str, Outcome] = {
    "00000001": "delivered",
    "00000002": "sent",
    "00000003": "slow",
    "00000004": "imported",
    "00000005": "paid",
    "00000006": "undeliverable",
    "00000007": "parked",
    "00000008": "rejected",
}
"""By KvK number what becomes of an invoice to it."""

_KVK = "0106"
_SHIFT = 76
_VERSION = 0xF << _SHIFT

IN_SQL = "get_byte(uuid_send({column}), 6) / 16 = 8"
"""``is_sandbox`` for a query."""


def is_sandbox(own: UUID) -> bool:
    """Whether this account or invoice belongs to the sandbox."""
    return own.int & _VERSION == 8 << _SHIFT


def sandbox_of(account_id: UUID) -> UUID:
    """The sandbox of an account; of a sandbox itself."""
    return UUID(int=account_id.int & ~_VERSION | 8 << _SHIFT)


def marked(own: UUID, account_id: UUID) -> UUID:
    """A new id, marked as the account is."""
    return sandbox_of(own) if is_sandbox(account_id) else own


def receiver_id(number: str) -> UUID:
    """The party that a magic number names."""
    return UUID(f"5a4db080-0000-8000-8000-0000{number}")


OF_RECEIVER: Mapping[UUID, Outcome] = {receiver_id(number): outcome for number, outcome in RECEIVERS.items()}


def outcome_of(summary: InvoiceSummary) -> Outcome | None:
    """What the first magic number of an invoice asks for."""
    said = (c.identifier for c in summary.candidates if c.identifier.scheme == _KVK)
    return next((RECEIVERS[each.value] for each in said if each.value in RECEIVERS), None)
