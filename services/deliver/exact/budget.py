"""How many calls an app may make in a division of Exact Online, and whose turn it is. Pure.

Exact allows an app, per division, so many calls a minute and a day, and blocks a key after ten errors (400, 401, 403,
404) of one person at one endpoint within an hour ({O2}, {O3} of exact.md §3.3). Whether its minute slides or is the
clock's is not known. Counted here are the calls of the last ``WINDOW``, which is right for both.

What waits to be booked comes before polling: polling leaves a little of everything, and takes nothing while a booking
waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

Use = Literal["booking", "polling"]
Why = Literal["minute", "day", "blocked", "errors", "bookings-first"]

WINDOW = timedelta(seconds=60.5)
"""A minute, and half a second for calls that take longer on their way than others."""
PER_MINUTE, PER_DAY = 60, 5_000
"""Until headers say otherwise."""
MOST_ERRORS = 9
"""Of one endpoint within an hour: the tenth blocks the key."""
HOUR = timedelta(hours=1)
LOST = timedelta(minutes=3)
"""A call without an end after this long has none: its worker died. It counts no more as one that may yet fail."""
KEPT_OF_MINUTE, KEPT_OF_DAY = 3, 250
"""Calls that polling leaves to bookings."""
SPARED = 20
"""One in so many calls of a minute may be too few for whoever asks for more, and are lost."""
BOOKINGS_WAIT = timedelta(minutes=2)
"""So long after a booking was put off polling takes nothing: it comes back well before."""
ERRORS = frozenset({400, 401, 403, 404})
CALLS: frozenset[Why] = frozenset({"minute", "day"})
"""Reasons to wait that a division shares. The others are one person's, or one key's, and nobody else stands behind them."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now. ``until``: when it is worth asking again. ``takes``: what was asked for, of the division's time."""

    until: datetime
    why: Why
    takes: timedelta = field(default=timedelta(), compare=False)


@dataclass
class Allowance:
    """What an app has left in one division. ``calls``: moments of the last ones, the oldest first."""

    day_ends: datetime
    calls: list[datetime] = field(default_factory=list)
    per_minute: int = PER_MINUTE
    per_day: int = PER_DAY
    day_used: int = 0
    closed_until: datetime | None = None
    closed_why: Why = "minute"
    bookings_until: datetime | None = None

    @classmethod
    def fresh(cls, now: datetime) -> Allowance:
        return cls(day_ends=next_midnight(now))

    def turn(self, now: datetime) -> None:
        """Forget what counts no more."""
        since = now - WINDOW
        self.calls = [each for each in self.calls if each > since]
        if now >= self.day_ends:
            self.day_used, self.day_ends = 0, next_midnight(now)
        if self.closed_until is not None and now >= self.closed_until:
            self.closed_until = None

    def left(self) -> tuple[int, int]:
        """Calls of this minute and of this day, after ``turn``."""
        return max(0, self.per_minute - len(self.calls)), max(0, self.per_day - self.day_used)

    def ask(self, now: datetime, use: Use, room: int = 1) -> Wait | None:
        """One call is taken, if as many as ``room`` could be today: what takes five is not begun with one left."""
        self.turn(now)
        wait = self._wait(now, use, room)
        if wait is None:
            self.calls.append(now)
            self.day_used += 1
        elif use == "booking":
            self.bookings_until = now + BOOKINGS_WAIT
        return wait

    def _wait(self, now: datetime, use: Use, room: int) -> Wait | None:
        minute, day = self.per_minute, self.per_day
        if use == "polling":
            minute, day = minute - KEPT_OF_MINUTE, day - KEPT_OF_DAY
        # More room than there ever is would be waited for for ever, and no answer would say otherwise.
        room = max(1, min(room, day, minute))
        takes = room * WINDOW / max(1, minute)
        if self.closed_until is not None:
            return Wait(self.closed_until, self.closed_why, takes)
        if use == "polling" and self.bookings_until is not None and now < self.bookings_until:
            return Wait(self.bookings_until, "bookings-first", takes)
        if self.day_used + room > day:
            return Wait(self.day_ends, "day", takes)
        # Of a minute no more is left unused for it than can be spared: what is half-way goes on in the next.
        over = len(self.calls) + min(room, max(KEPT_OF_MINUTE, minute // SPARED)) - minute
        if over > 0:
            # Without a call there is no minute: it allows none at all.
            last = self.calls[min(over, len(self.calls)) - 1] if self.calls else now
            return Wait(last + WINDOW, "minute", takes)
        return None

    def hear(self, said: Said, now: datetime) -> None:
        """What the headers of an answer say counts, where it is less than what was thought to be left."""
        if said.day_limit:
            self.per_day = said.day_limit
        if said.day_left is not None:
            if said.day_ends is not None and said.day_ends > now:
                self.day_ends = said.day_ends
            self.day_used = max(self.day_used, self.per_day - said.day_left)
        if said.minute_limit:
            self.per_minute = said.minute_limit
        if said.minute_left is not None:
            # Others who use the app: as if their calls had been made now.
            unknown = self.per_minute - said.minute_left - len(self.calls)
            self.calls += [now] * max(0, unknown)

    def refused(self, said: Said, now: datetime) -> Wait:
        """429: nothing more before the moment the headers name."""
        spent_day = said.day_left == 0 and said.day_ends is not None
        ends = said.day_ends if spent_day else said.minute_ends
        why: Why = "day" if spent_day else "minute"
        # A moment that lies behind us, or none: a minute.
        self.close(ends if ends is not None and ends > now else now + timedelta(minutes=1), why)
        return Wait(self.closed_until or now, self.closed_why)

    def close(self, until: datetime, why: Why) -> None:
        if self.closed_until is None or until > self.closed_until:
            self.closed_until, self.closed_why = until, why


@dataclass
class Endpoint:
    """Calls of one person at one endpoint of a division: those that failed, and those of which nobody knows yet."""

    failed: list[datetime] = field(default_factory=list)
    open: list[datetime] = field(default_factory=list)

    def ask(self, now: datetime) -> Wait | None:
        """All that are under way may fail, and the tenth error must not come."""
        self.failed = [each for each in self.failed if each > now - HOUR]
        self.open = [each for each in self.open if each > now - LOST]
        if len(self.failed) >= MOST_ERRORS:
            return Wait(self.failed[0] + HOUR, "errors")
        if len(self.failed) + len(self.open) >= MOST_ERRORS:
            return Wait(now + timedelta(seconds=1), "errors")
        self.open.append(now)
        return None

    def end(self, now: datetime, status: int | None) -> None:
        """``status``: None where there was no answer."""
        if self.open:
            self.open.pop(0)
        if status in ERRORS:
            self.failed.append(now)


@dataclass(frozen=True, slots=True)
class Said:
    """``X-RateLimit-…``: the day's, and the minute's with ``Minutely``. Resets are epoch milliseconds."""

    day_limit: int | None = None
    day_left: int | None = None
    day_ends: datetime | None = None
    minute_limit: int | None = None
    minute_left: int | None = None
    minute_ends: datetime | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Said:
        """``headers``: names in any case. What is no number is as if it were not there."""

        def number(name: str) -> int | None:
            text = headers.get(f"X-RateLimit-{name}", "").strip()
            return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None

        return cls(
            number("Limit"),
            number("Remaining"),
            _moment(number("Reset")),
            number("Minutely-Limit"),
            number("Minutely-Remaining"),
            _moment(number("Minutely-Reset")),
        )


def _moment(milliseconds: int | None) -> datetime | None:
    """None, too, for a moment nobody will see."""
    if milliseconds is None or milliseconds > 4_000_000_000_000:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def next_midnight(now: datetime) -> datetime:
    """UTC: an inference, until a header names the moment."""
    return (now.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
