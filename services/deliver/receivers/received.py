"""What receivers got, as they see it: SQL, and the documents made once more.

A receiver is whoever has the connection of the party (``connections``). What was recalled, because it went to the wrong
company, is not shown to it any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from libs.contracts.parts import Words
from libs.db.types import Connection, Pool
from libs.documents.store import DocumentStore
from libs.errors import Conflict, HubError, NotFound
from services.deliver.attempts import conversion
from services.deliver.parcel import Channel, Job, Lease, Loaded, Parcel, base_name
from services.deliver.receivers.answers import Answer
from services.deliver.store import parcel_of

GONE = Words(
    nl="Deze factuur bewaart de hub niet meer.",
    en="The hub does not keep this invoice any longer.",
)
NO_PAGE = Words(
    nl="Van deze factuur is er geen PDF, en de hub kan er geen maken.",
    en="There is no PDF of this invoice, and the hub cannot make one.",
)
NOT_MADE = Words(
    nl="De hub kan deze factuur nu niet meer maken zoals zij bezorgd is. Haal haar op als PDF, of vraag haar bij de "
    "afzender.",
    en="The hub cannot make this invoice any more as it was delivered. Fetch it as PDF, or ask its sender for it.",
)
AT_ONCE = 2
"""Documents made side by side for those who fetch: each holds a processor."""


@dataclass(frozen=True, slots=True)
class Booked:
    """Where it stands in its receiver's books, and what stands there otherwise than it was sent."""

    entry_number: str | None
    division: int
    booked_at: datetime
    read_at: datetime | None
    """None: it could not be read back."""
    differences: list[dict[str, Any]]
    left_out: list[str]


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery that its receiver got."""

    delivery_id: UUID
    invoice_id: UUID
    account_id: UUID
    """The sender's."""
    channel: Channel
    state: Literal["handed_over", "confirmed"]
    handed_at: datetime
    parcel: Parcel
    broken: str
    answer: Answer | None
    booked: Booked | None = None


_OWN = "SELECT party_id FROM connection WHERE ended_at IS NULL AND account_id = $1"


async def parties_of(worker: Pool, account_id: UUID) -> list[UUID]:
    """The parties whose connection this account has."""
    return [row["party_id"] for row in await worker.fetch(_OWN, account_id)]


_RECEIVED = """
SELECT d.delivery_id, d.invoice_id, d.account_id, d.receiver_id, d.receiver_name, d.channel, d.state,
       coalesce(d.handed_at, d.created_at) AS handed_at, p.body, a.answer, a.code, a.said, a.answered_at,
       b.entry_number, b.division, b.booked_at, b.read_at, b.differences, b.left_out
  FROM delivery d LEFT JOIN parcel p USING (delivery_id)
  LEFT JOIN exact_booking b ON b.delivery_id = d.delivery_id AND b.kind = 'purchase' AND b.entry IS NOT NULL
  LEFT JOIN LATERAL (
       SELECT answer, code, said, answered_at FROM response
        WHERE invoice_id = d.invoice_id AND delivery_id = d.delivery_id ORDER BY sequence DESC LIMIT 1) AS a ON true
 WHERE d.state IN ('handed_over', 'confirmed') AND NOT d.recalled AND d.channel <> 'sandbox'
   AND ($1::uuid[] IS NULL OR d.receiver_id = ANY ($1)) AND ($2::uuid IS NULL OR d.delivery_id = $2)
   AND ($3::uuid IS NULL OR d.delivery_id < $3)
 ORDER BY d.delivery_id DESC LIMIT $4
"""


async def received(
    conn: Connection | Pool,
    parties: Collection[UUID] | None,
    *,
    delivery_id: UUID | None = None,
    before: UUID | None = None,
    most: int = 200,
) -> list[Received]:
    """What these parties got, newest first; None: everybody. Needs the worker role."""
    only = None if parties is None else list(parties)
    return [_read(row) for row in await conn.fetch(_RECEIVED, only, delivery_id, before, most)]


def _read(row: Any) -> Received:
    parcel, broken = parcel_of(row)
    names = ("delivery_id", "invoice_id", "account_id", "channel", "state", "handed_at")
    said = Answer(row["answer"], row["code"], row["said"], row["answered_at"]) if row["answer"] else None
    known = {name: row[name] for name in names}
    return Received(**known, parcel=parcel, broken=broken, answer=said, booked=_booked(row))


def _booked(row: Any) -> Booked | None:
    if row["booked_at"] is None:
        return None
    return Booked(
        row["entry_number"],
        row["division"],
        row["booked_at"],
        row["read_at"],
        list(row["differences"] or ()),
        list(row["left_out"] or ()),
    )


@dataclass(frozen=True, slots=True)
class File:
    """A document as a receiver fetches it."""

    name: str
    data: bytes


class Making:
    """Makes what was delivered once more: byte for byte the same, as long as the hub writes its format the same."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def document(self, each: Received) -> File:
        """In the receiver's own format. Raises ``Conflict`` for what cannot be made any more, ``NotFound`` for what is not
        kept."""
        made = await self._made(_as(await self._loaded(each), page="no"), NOT_MADE)
        if made.xml is None and made.pdf is not None:
            return File(f"{_base(each)}.pdf", made.pdf)
        if made.xml is None:
            raise Conflict(NOT_MADE.en, nl=NOT_MADE.nl, code="not-made")
        return File(f"{_base(each)}.{made.extension}", made.xml)

    async def page(self, each: Received) -> File:
        """The sender's PDF, or else one of ours. Raises as ``document``."""
        loaded = await self._loaded(each)
        if loaded.pdf is None:
            loaded = await self._made(_as(loaded, format="pdf", page="yes"), NO_PAGE)
        if loaded.pdf is None:
            raise Conflict(NO_PAGE.en, nl=NO_PAGE.nl, code="no-page")
        return File(f"{_base(each)}.pdf", loaded.pdf)

    async def _loaded(self, each: Received) -> Loaded:
        if each.broken:
            raise NotFound(GONE.en, nl=GONE.nl, code="gone")
        refs = [r for r in (each.parcel.original, each.parcel.pdf) if r is not None]
        found = await self._documents.get(refs, [each.account_id] * len(refs))
        bodies = [_kept(found.get(r.document_id)) for r in refs]
        return Loaded(_job(each), bodies[0], bodies[1] if len(bodies) > 1 else None)

    async def _made(self, loaded: Loaded, otherwise: Words) -> Loaded:
        if not conversion.needed(loaded):
            return loaded
        async with self._turns:
            made = await asyncio.to_thread(conversion.fit, loaded)
        if not isinstance(made, Loaded):
            raise Conflict(otherwise.en, nl=otherwise.nl, code="not-made")
        return made


def _kept(body: bytes | HubError | None) -> bytes:
    if not isinstance(body, bytes):
        raise NotFound(GONE.en, nl=GONE.nl, code="gone")
    return body


def _as(loaded: Loaded, **wanted: str) -> Loaded:
    parcel = loaded.job.parcel
    asked = parcel.model_copy(update={"settings": {**parcel.settings, **wanted}})
    return replace(loaded, job=replace(loaded.job, parcel=asked))


def _base(each: Received) -> str:
    return base_name(each.parcel.summary, each.delivery_id)


def _job(each: Received) -> Job:
    """As conversion knows it; nothing is attempted with it."""
    return Job(
        delivery_id=each.delivery_id,
        invoice_id=each.invoice_id,
        account_id=each.account_id,
        channel=each.channel,
        lane="",
        number=1,
        unresolved=False,
        failures=0,
        age=timedelta(),
        parcel=each.parcel,
        lease=Lease(0.0),
    )
