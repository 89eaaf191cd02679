"""What stands still in route, counted every so often: parked invoices, by why they wait; none of the sandbox."""

from __future__ import annotations

from datetime import timedelta

from libs.contracts.sandbox import IN_SQL
from libs.db.types import Pool
from libs.telemetry import metrics
from libs.telemetry.gauges import Shares

EVERY = timedelta(seconds=30)

_PARKED = f"""
SELECT code, count(*) FROM parked WHERE state = 'open' AND NOT ({IN_SQL.format(column="account_id")}) GROUP BY code
"""  # noqa: S608 - a constant


class Gauges:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._parked = Shares(metrics.parked, "cause", {"service": "route"})

    async def look(self) -> None:
        """Raises asyncpg's errors; then the gauge keeps what it had."""
        self._parked.set({row["code"]: row["count"] for row in await self._pool.fetch(_PARKED)})
