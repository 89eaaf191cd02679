"""What a receiver's Exact Globe says of a pair it took from its folder, on a disk or over SFTP, where somebody puts that
beside it.

Globe shows for each file of an import *Processed* or *Can't process:* and a reason (exact.md §1.4). A file of the pair's
name ending in ``.txt`` or ``.log`` that begins with one of these is read and taken away: imported, or given back. That
such a file is written is an inference: Exact does not publish where the import's result is kept. Without one, nothing is
assumed.

::

    handed_over, confirmed ─┬─ Processed ─────────────▶ confirmed, and a fact *imported*
                           └─ Can't process: reason ──▶ undeliverable, with the reason
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceImported
from libs.contracts.parts import Words
from libs.db.types import Connection, Pool
from libs.messaging import outbox
from libs.service import Wake
from services.deliver import facts
from services.deliver.parcel import Refused
from services.deliver.results import line
from services.deliver.store import reason_of

LOOKED_FOR = timedelta(days=14)
"""So long after its hand-over something may still be said of a pair."""
MOST = 200
"""Results of one transaction."""
AT_ONCE = 8
"""Folders that are looked into side by side: one that hangs holds up few others."""

_NAME = re.compile(r"[A-Za-z0-9._-]*_([0-9a-f]{32})\.(?:txt|log)", re.IGNORECASE)
_PROCESSED = re.compile(r"\s*processed\b", re.IGNORECASE)
_REFUSED = re.compile(r"\s*can[’'`]?t process\s*:?\s*(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Said:
    """``refused``: why it cannot be processed; empty when it was."""

    delivery_id: UUID
    name: str
    processed: bool
    refused: str = ""

    @property
    def words(self) -> str:
        return "Globe: Processed" if self.processed else f"Globe: Can't process: {self.refused}"


def about(name: str) -> UUID | None:
    """The delivery a file is about, when it is named like a result. Pure."""
    found = _NAME.fullmatch(name)
    return UUID(hex=found[1]) if found else None


def read(delivery_id: UUID, name: str, data: bytes) -> Said | None:
    """What a result says; None for any other text. Pure."""
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")
    if refused := _REFUSED.match(text):
        return Said(delivery_id, name, False, line(refused[1], 300) or "?")
    return Said(delivery_id, name, True) if _PROCESSED.match(text) else None


def why(said: Said) -> Refused:
    return Refused(
        "globe-refused",
        Words(
            nl=f"Exact Globe van de ontvanger kan de factuur niet verwerken ({said.refused}). Vraag de ontvanger wat hij "
            "nodig heeft; stuur de factuur daarna opnieuw.",
            en=f"The receiver's Exact Globe cannot process the invoice ({said.refused}). Ask the receiver what it "
            "needs; send the invoice again after that.",
        ),
    )


# Not for folders: all deliveries of two weeks would be read, every few seconds.
_LANES = """
SELECT DISTINCT lane FROM delivery
 WHERE channel = $2 AND reported_at IS NULL AND state IN ('handed_over', 'confirmed') AND handed_at > now() - $1::interval
 ORDER BY lane
"""
_FOLDERS = "SELECT name AS lane FROM folder WHERE prepared_at IS NOT NULL ORDER BY name"
_TELL = """
WITH told AS (
    SELECT * FROM unnest($1::uuid[], $2::boolean[], $3::text[], $4::jsonb[]) AS t (delivery_id, processed, said, reason)
), was AS MATERIALIZED (
    SELECT d.delivery_id, d.state AS before, t.processed, t.said, t.reason
      FROM delivery d JOIN told t USING (delivery_id)
     WHERE d.channel = $6 AND d.lane = $5 AND d.reported_at IS NULL AND d.state IN ('handed_over', 'confirmed')
     ORDER BY d.delivery_id FOR NO KEY UPDATE OF d
), changed AS (
    UPDATE delivery d
       SET reported_at = now(), state = CASE WHEN was.processed THEN 'confirmed' ELSE 'undeliverable' END,
           reason = CASE WHEN was.processed THEN d.reason ELSE was.reason END,
           handed_at = CASE WHEN was.processed THEN d.handed_at END,
           sequence = d.sequence + CASE WHEN NOT was.processed THEN 2 WHEN was.before = 'handed_over' THEN 1 ELSE 0 END
      FROM was WHERE d.delivery_id = was.delivery_id
    RETURNING d.delivery_id, d.invoice_id, d.account_id, d.receiver_id, d.receiver_name, d.channel, d.attempts, d.sequence,
              d.correlation, d.traceparent, was.before, was.processed
), given_back AS (
    UPDATE attempt a
       SET outcome = 'bounced', code = 'globe-refused', detail = left(concat_ws(' · ', a.detail, was.said), 600)
      FROM changed c JOIN was USING (delivery_id)
     WHERE NOT c.processed AND a.delivery_id = c.delivery_id AND a.number = c.attempts
)
SELECT * FROM changed ORDER BY delivery_id
"""


class Folders(Protocol):
    """Where pairs lie, by the lane of their deliveries. What cannot be seen or done now is tried again at the next look."""

    async def names(self, lane: str) -> frozenset[str] | None:
        """What is to be seen; None when that cannot be known now."""

    async def texts(self, lane: str, names: Sequence[str]) -> dict[str, bytes]:
        """The beginning of these files, as far as they are plain ones."""

    async def take_away(self, lane: str, names: Sequence[str]) -> None:
        """Remove these files; what cannot be removed stays."""


class GlobeReports:
    """``look`` reads what is said in every folder of this channel of which something may be. ``pool``: the worker's."""

    def __init__(self, pool: Pool, channel: Literal["folder", "sftp"], folders: Folders, wake: Wake) -> None:
        self._pool = pool
        self._channel = channel
        self._folders = folders
        self._wake = wake

    async def look(self) -> None:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(lane: str) -> None:
            async with places:
                names = sorted(await self._folders.names(lane) or ())
                found = [(each, name) for name in names if (each := about(name)) is not None]
                for n in range(0, len(found), MOST):
                    await self._tell(lane, found[n : n + MOST])

        asked = (_FOLDERS,) if self._channel == "folder" else (_LANES, LOOKED_FOR, self._channel)
        await asyncio.gather(*(one(row["lane"]) for row in await self._pool.fetch(*asked)))

    async def _tell(self, lane: str, found: Sequence[tuple[UUID, str]]) -> None:
        texts = await self._folders.texts(lane, [name for _, name in found])
        # Of two about one delivery the first counts, and both are taken away.
        said = {
            each: got for each, name in reversed(found) if (got := read(each, name, texts.get(name, b"")))
        }
        if not said:
            return
        async with self._pool.acquire() as conn, conn.transaction():
            await outbox.append(conn, await _told(conn, self._channel, lane, said))
        self._wake()
        # A kill before this leaves them lying: they are read again, and change nothing any more.
        await self._folders.take_away(lane, [name for each, name in found if each in said])


async def _told(conn: Connection, channel: str, lane: str, said: Mapping[UUID, Said]) -> list[Event]:
    all_said = [said[each] for each in sorted(said)]
    rows = await conn.fetch(
        _TELL,
        [each.delivery_id for each in all_said],
        [each.processed for each in all_said],
        [each.words for each in all_said],
        [reason_of(why(each)) for each in all_said],
        lane,
        channel,
    )
    return [event for row in rows for event in events(dict(row.items()), said[row["delivery_id"]])]


def events(row: Mapping[str, Any], said: Said) -> list[Event]:
    """What follows of it; ``row`` has the columns of the delivery, ``before`` (its state then) and ``processed``. Pure."""
    if said.processed:
        arrived = [facts.confirmed(row, said.words)] if row["before"] == "handed_over" else []
        return [*arrived, facts.booked(InvoiceImported, row, 1, said.words)]
    refused = why(said)
    first = {**row, "sequence": row["sequence"] - 1}
    return [facts.bounced(first, refused.code, refused.reason), facts.undeliverable(row, refused)]
