"""What waits because its receiver has to do something, as the receiver sees it: SQL.

Its sender reads that, and nothing of the receiver's house (``parcel.Outward``); what is the matter stands under
``receiver`` in the delivery's reason, in the words and under the code that the channel gave it. A receiver is whoever has
the connection of the party. What a recall stopped is its sender's to decide.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.db.types import Connection, Pool
from services.deliver.parcel import Channel, Parcel
from services.deliver.store import parcel_of


@dataclass(frozen=True, slots=True)
class Held:
    """One delivery that waits for its receiver."""

    delivery_id: UUID
    invoice_id: UUID
    channel: Channel
    created_at: datetime
    due_at: datetime
    """When it is given back to its sender."""
    why: dict[str, str]
    """``code``, ``nl``, ``en``."""
    parcel: Parcel


_HELD = """
SELECT d.delivery_id, d.invoice_id, d.receiver_id, d.receiver_name, d.channel, d.created_at, d.due_at,
       d.reason -> 'receiver' AS why, p.body
  FROM delivery d LEFT JOIN parcel p USING (delivery_id)
 WHERE d.state = 'parked' AND d.reason -> 'receiver' IS NOT NULL AND NOT d.stopped AND NOT d.recalled
   AND ($1::uuid[] IS NULL OR d.receiver_id = ANY ($1)) AND ($2::uuid IS NULL OR d.delivery_id = $2)
   AND ($3::uuid IS NULL OR d.delivery_id > $3)
 ORDER BY d.delivery_id LIMIT $4
"""


async def held(
    conn: Connection | Pool,
    parties: Collection[UUID] | None,
    *,
    delivery_id: UUID | None = None,
    after: UUID | None = None,
    most: int = 200,
) -> list[Held]:
    """What waits for these parties, the oldest first; None: for anybody. Needs the worker role."""
    only = None if parties is None else list(parties)
    return [_read(row) for row in await conn.fetch(_HELD, only, delivery_id, after, most)]


def _read(row: Any) -> Held:
    names = ("delivery_id", "invoice_id", "channel", "created_at", "due_at", "why")
    return Held(**{name: row[name] for name in names}, parcel=parcel_of(row)[0])
