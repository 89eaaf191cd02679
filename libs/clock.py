"""The only source of time and of time-ordered ids, so a test can hold both still."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from libs.ids import of_int

HERE = ZoneInfo("Europe/Amsterdam")
"""Days on invoices and days that people are told are legal days: local ones (Brussels has the same clock)."""
_one_at_a_time = threading.Lock()
_last = 0


def now() -> datetime:
    """This instant, in UTC."""
    return datetime.now(UTC)


def day(instant: datetime) -> date:
    """The legal day of an instant."""
    return instant.astimezone(HERE).date()


def monotonic() -> float:
    """Seconds on a clock that never goes back; only differences mean something."""
    return time.monotonic()


def boottime() -> float:
    """As ``monotonic``, on a clock that also runs while the machine sleeps (a paused VM): for whoever holds a lease
    that others count by theirs."""
    return time.clock_gettime(_BOOTTIME)


_BOOTTIME: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Where there is none (macOS), the monotonic clock has to do."""


def uuid7() -> UUID:
    """A new id, greater than every one this process made before (RFC 9562 §5.7, §6.2 method 3).

    The 12 bits after the millisecond hold its fraction; where the clock does not move on between two calls, or
    goes back, the next fraction is taken. Index pages fill in order, and rows read by id come as they were made.
    """
    global _last
    stamp = (time.time_ns() << 12) // 1_000_000
    with _one_at_a_time:
        stamp = _last = max(stamp, _last + 1)
    version_7, variant_2 = 0x7 << 76, 0x2 << 62
    ticks = (stamp >> 12) << 80 | (stamp & 0xFFF) << 64
    return of_int(ticks | version_7 | variant_2 | int.from_bytes(os.urandom(8), "big") >> 2)
