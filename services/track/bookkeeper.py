"""Takes the ledger every few minutes: as metrics for whoever watches, and in the log when it does not balance."""

from __future__ import annotations

import structlog

from libs.db.settings import DatabaseSettings
from libs.telemetry import metrics
from services.track.ledger import Ledger, take
from services.track.snapshots import snapshots

NAMED = 20
"""Invoices named in one line of the log; `postbode ledger` names them all."""

_log = structlog.get_logger(__name__)


class Bookkeeper:
    """``run`` takes the ledger once. ``settings``: where the services' views are; ``ledger_reader`` logs in."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings

    async def run(self) -> None:
        """Raises asyncpg's errors and ``OSError`` when a service's database is away."""
        async with snapshots(self._settings) as found:
            tell(await take(found))


def tell(ledger: Ledger) -> None:
    """Set the gauges; say in the log what is wrong. A gauge keeps its last value when the ledger cannot be taken, so it
    is told of when it is."""
    metrics.ledger_taken.set(ledger.taken_at.timestamp())
    for outcome in ("acknowledged", "delivered", "returned", "open", "lost", "duplicated", "unaccounted"):
        metrics.ledger.set(getattr(ledger, outcome), {"outcome": outcome})
    if not ledger.balanced:
        _log.error(
            "the ledger does not balance: see `postbode ledger`",
            lost=ledger.lost,
            duplicated=ledger.duplicated,
            unaccounted=ledger.unaccounted,
            invoices=[str(entry.invoice_id) for entry in ledger.entries[:NAMED]],
        )
