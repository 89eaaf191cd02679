"""Telling what is booked: once the entry stands in the books and was read back, it has arrived and is imported."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opentelemetry.trace import SpanKind

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceImported
from libs.db.types import Pool
from libs.messaging import outbox
from libs.service import Wake
from libs.telemetry import tracing
from services.deliver import facts, store, telemetry

PAGE = 500

_BOOKED = """
SELECT d.delivery_id, b.entry_number, b.booked_at, b.read_at, b.left_out
  FROM delivery d JOIN exact_booking b USING (delivery_id)
 WHERE d.channel = 'exact_online' AND d.state = 'handed_over' AND b.entry IS NOT NULL
 ORDER BY d.delivery_id LIMIT $1
"""


class ExactReports:
    """``look`` tells what was booked and not told yet. ``pool`` has the worker role."""

    def __init__(self, pool: Pool, wake: Wake) -> None:
        self._pool = pool
        self._wake = wake

    async def look(self) -> None:
        while rows := await self._pool.fetch(_BOOKED, PAGE):
            entries = {row["delivery_id"]: dict(row.items()) for row in rows}
            async with self._pool.acquire() as conn, conn.transaction():
                confirmed = await store.confirm(conn, entries)
                with tracing.batch("deliver exact online", SpanKind.INTERNAL, telemetry.causes(confirmed)):
                    told = [event for row in confirmed for event in events(row, entries[row["delivery_id"]])]
                    await outbox.append(conn, told)
            self._wake()


def events(row: Mapping[str, Any], said: Mapping[str, Any]) -> list[Event]:
    """That it arrived, and stands in the books; ``row`` as ``store.confirm`` returns it, ``said`` of its booking. Pure."""
    proof = evidence(said)
    number, at = said["entry_number"], said["booked_at"]
    return [
        facts.confirmed(row, proof),
        facts.booked(InvoiceImported, row, 1, proof, entry_number=number, booked_at=at),
    ]


def evidence(said: Mapping[str, Any]) -> str:
    """``Exact Online: entry 26600001, booked …, read back …``: what the sender may read. Where in the books, and what
    stands there otherwise, is for the receiver (``received``)."""
    parts = [f"Exact Online: entry {said['entry_number']}", f"booked {_shown(said['booked_at'])}"]
    parts.append("not read back" if said["read_at"] is None else f"read back {_shown(said['read_at'])}")
    if said["left_out"]:
        parts.append(f"without {', '.join(said['left_out'])}, which Exact Online did not take")
    return ", ".join(parts)


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
