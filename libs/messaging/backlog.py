"""How much waits in an outbox, and since when: what alerts and autoscalers look at."""

from __future__ import annotations

from libs.db.types import Pool
from libs.telemetry import metrics

EVERY_SECONDS = 10.0

_MOST = 100_000
"""Counting on costs more the longer the outbox is, and says nothing new."""

# By id, not by the least created_at: the key's index has it at once. A retry that has just fallen due counts from
# when it was written, for the moment until it is published.
_WAITING = """
SELECT (SELECT count(*) FROM (SELECT FROM outbox WHERE not_before IS NULL LIMIT $1) AS bounded) AS events,
       coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM outbox
                  WHERE not_before IS NULL ORDER BY id LIMIT 1), 0) AS oldest
"""


async def measure(pool: Pool, schema: str) -> None:
    """Set the gauges of this outbox: events due and not published (at most 100,000), age of the oldest in seconds.
    Raises asyncpg's errors."""
    row = await pool.fetchrow(_WAITING, _MOST)
    assert row is not None
    metrics.outbox_rows.set(row["events"], {"service": schema})
    metrics.outbox_age.set(row["oldest"], {"service": schema})
