"""The service's clock, which a test can hold still and move; and how its dates look on the wire."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

OFFICE = ZoneInfo("Europe/Amsterdam")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  dates have no zone here


class Clock:
    """Seconds since 1970. ``Clock(start)`` stands still until it is moved; ``Clock()`` runs along with the world's."""

    def __init__(self, start: datetime | None = None) -> None:
        self._stands = None if start is None else start.timestamp()
        self._moved = 0.0

    def now(self) -> float:
        return (time.time() if self._stands is None else self._stands) + self._moved

    def advance(self, seconds: float) -> None:
        """Forward only: what the limits count never goes back."""
        if seconds < 0:
            raise ValueError("clocks here go forward")
        self._moved += seconds

    def moment(self) -> datetime:
        """Now, as a column ``Created`` has it: UTC, without a zone."""
        return datetime.fromtimestamp(self.now(), UTC).replace(tzinfo=None)

    def today(self) -> datetime:
        """The office's day, at midnight, without a zone."""
        there = datetime.fromtimestamp(self.now(), OFFICE)
        return datetime(there.year, there.month, there.day)  # noqa: DTZ001


def shown(value: datetime) -> str:
    """``/Date(ms)/``: a value without a zone, counted as if it were UTC."""
    return f"/Date({(value - _EPOCH) // timedelta(milliseconds=1)})/"


def taken(text: str) -> datetime:
    """ISO 8601. One with a zone is moved to the office's clock first: what ends on Z comes back an hour or two later
    (reference §3.2 names one source that saw it shifted; which way is inference)."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is None else found.astimezone(OFFICE).replace(tzinfo=None)
