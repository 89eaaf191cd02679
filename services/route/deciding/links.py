"""Two invoices of one number belong together: told in the timeline of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceLinked, InvoiceRejected, InvoiceValidated
from libs.db.types import Connection
from services.route import words
from services.route.deciding import numbers
from services.route.page import SOURCE

Relation = Literal["replaces", "replaced_by", "repeated_by"]


@dataclass(frozen=True, slots=True)
class Link:
    """What one invoice is to another of its number; ``cause`` is about either."""

    invoice_id: UUID
    relation: Relation
    other: UUID
    cause: Event


def both(new: UUID, old: UUID, cause: Event) -> list[Link]:
    """``new`` came in place of ``old``."""
    return [Link(new, "replaces", old, cause), Link(old, "replaced_by", new, cause)]


async def tell(conn: Connection, links: Sequence[Link]) -> list[Event]:
    """Number them, in the caller's transaction; returns the events to emit."""
    counted = Counter(link.invoice_id for link in links)
    upto = await numbers.count_links(conn, counted)
    events: list[Event] = []
    for link in links:
        sequence = upto[link.invoice_id] - counted[link.invoice_id] + 1
        counted[link.invoice_id] -= 1
        events.append(_event(link, sequence))
    return events


def _event(link: Link, sequence: int) -> Event:
    data = link.cause.data
    if not isinstance(data, InvoiceValidated | InvoiceRejected):
        raise TypeError(f"{link.cause.type} says nothing about an invoice's number")
    return new_event(
        InvoiceLinked(
            invoice_id=link.invoice_id,
            account_id=data.account_id,
            sequence=sequence,
            relation=link.relation,
            other=link.other,
            reason=words.linked(link.relation, data.summary.number, link.other),
        ),
        source=SOURCE,
        account=data.account_id,
        cause=link.cause,
    )
