"""What the receivers of the sandbox report after they were handed an invoice: arrived, imported, paid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import SpanKind

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceImported, InvoicePaid
from libs.db.types import Pool
from libs.messaging import outbox
from libs.service import Wake
from libs.telemetry import tracing
from services.deliver import facts, store, telemetry

PAGE = 500
EVIDENCE = "sandbox: reported by nobody"

_TOLD = """
SELECT delivery_id, lane FROM delivery
 WHERE channel = 'sandbox' AND state = 'handed_over' AND lane <> 'sent'
   AND (lane <> 'slow' OR handed_at < now() - interval '1 minute')
 ORDER BY delivery_id LIMIT $1
"""


class SandboxReports:
    """``look`` tells what is due; ``sent`` reports nothing, as most mail does."""

    def __init__(self, pool: Pool, wake: Wake) -> None:
        self._pool = pool
        self._wake = wake

    async def look(self) -> None:
        while rows := await self._pool.fetch(_TOLD, PAGE):
            lanes = {row["delivery_id"]: row["lane"] for row in rows}
            async with self._pool.acquire() as conn, conn.transaction():
                confirmed = await store.confirm(conn, lanes)
                with tracing.batch("deliver sandbox", SpanKind.INTERNAL, telemetry.causes(confirmed)):
                    events = [e for row in confirmed for e in _reported(row, lanes[row["delivery_id"]])]
                    await outbox.append(conn, events)
            self._wake()


def _reported(row: Mapping[str, Any], lane: str) -> list[Event]:
    told = [facts.confirmed(row, EVIDENCE)]
    if lane in ("imported", "paid"):
        told.append(facts.booked(InvoiceImported, row, 1, EVIDENCE))
    if lane == "paid":
        told.append(facts.booked(InvoicePaid, row, 1, EVIDENCE))
    return told
