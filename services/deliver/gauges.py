"""What stands still in deliver, counted every so often: parked deliveries, receivers with an open breaker. The sandbox
is left out: there, both are what was asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

from libs.db.types import Pool
from libs.telemetry import metrics
from libs.telemetry.gauges import Shares
from services.deliver.parcel import Channel

EVERY = timedelta(seconds=30)
OUTSIDE = tuple(channel for channel in get_args(Channel) if channel != "sandbox")
"""Channels that leave the hub."""

_PARKED = """
SELECT coalesce(reason->>'code', 'unknown') AS cause, count(*) FROM delivery
 WHERE state = 'parked' AND channel <> 'sandbox' GROUP BY 1
"""
_BREAKERS = """
SELECT channel, count(*) AS open, extract(epoch FROM now() - min(since))::float8 AS oldest FROM breaker
 WHERE open_until IS NOT NULL AND channel <> 'sandbox' GROUP BY channel
"""


class Gauges:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._parked = Shares(metrics.parked, "cause", {"service": "deliver"})
        self._open = Shares(metrics.breakers_open, "channel", {}, OUTSIDE)
        self._oldest = Shares(metrics.breaker_age, "channel", {}, OUTSIDE)

    async def look(self) -> None:
        """Raises asyncpg's errors; then the gauges keep what they had."""
        parked = await self._pool.fetch(_PARKED)
        breakers = await self._pool.fetch(_BREAKERS)
        self._parked.set({row["cause"]: row["count"] for row in parked})
        self._open.set({row["channel"]: row["open"] for row in breakers})
        self._oldest.set({row["channel"]: row["oldest"] for row in breakers})
