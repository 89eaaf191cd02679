"""Where the time of invoices goes: between which two stages, from what the services note themselves.

::

    due · taken · sent │ judged · judged_sent │ routed · routed_sent │ planned · begun · delivered
        ingest      relay   │ validate     relay   │  route        relay  │ deliver  dispatcher  channel

Each name is a moment, its figure the time since the one before. A transaction's rows have the time of its beginning:
what a batch costs to write is in the figure behind it.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping

import asyncpg

_TIMES = """
SELECT i.filename, extract(epoch FROM r.created_at) AS taken, extract(epoch FROM r.sent_at) AS sent,
       extract(epoch FROM v.created_at) AS judged, extract(epoch FROM v.sent_at) AS judged_sent,
       extract(epoch FROM d.created_at) AS routed, extract(epoch FROM d.sent_at) AS routed_sent,
       extract(epoch FROM p.created_at) AS planned, extract(epoch FROM a.started_at) AS begun
  FROM ingest.invoice i
  JOIN ingest.outbox_sent r ON r.subject = i.invoice_id::text AND r.routing_key = 'invoice.received.v1'
  JOIN validate.outbox_sent v ON v.subject = r.subject AND v.routing_key = 'invoice.validated.v1'
  JOIN route.outbox_sent d ON d.subject = r.subject AND d.routing_key = 'invoice.routed.v1'
  JOIN deliver.delivery p ON p.invoice_id = i.invoice_id
  JOIN deliver.attempt a ON a.delivery_id = p.delivery_id
 WHERE i.filename = ANY ($1::text[])
"""
_NAMES = ("taken", "sent", "judged", "judged_sent", "routed", "routed_sent", "planned", "begun", "delivered")


async def between(
    url: str, due: Mapping[str, float], delivered: Mapping[str, float]
) -> dict[str, list[float]]:
    """Milliseconds between one stage and the next, p50 and p99. ``due`` when each was due, ``delivered`` when it lay in
    its folder, by number."""
    conn = await asyncpg.connect(url)
    try:
        rows = await conn.fetch(_TIMES, [f"{number}.xml" for number in due])
    finally:
        await conn.close()
    spans: dict[str, list[float]] = {name: [] for name in _NAMES}
    for row in rows:
        number = row["filename"].removesuffix(".xml")
        if number in delivered:
            times = [due[number], *(float(row[name]) for name in _NAMES[:-1]), delivered[number]]
            for name, before, after in zip(_NAMES, times, times[1:], strict=False):
                spans[name].append(1000 * (after - before))
    return {name: _cuts(each) for name, each in spans.items() if len(each) > 1}


def _cuts(times: list[float]) -> list[float]:
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return [round(cuts[49], 1), round(cuts[98], 1)]
