"""What an app may ask: so many calls a minute and a day in a division, so many errors an hour (reference §3.3)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tests.sims.exact_online.errors import Refused, forbidden
from tests.sims.exact_online.settings import Settings

MINUTE, DAY, HOUR = 60, 86_400, 3_600
ERRORS = frozenset({400, 401, 403, 404})
"""The statuses that count."""


@dataclass
class Window:
    """Of the clock: a minute begins at :00, a day at midnight UTC (inference)."""

    seconds: int
    began: int = 0
    used: int = 0

    def roll(self, now: float) -> None:
        began = int(now // self.seconds) * self.seconds
        if began != self.began:
            self.began, self.used = began, 0

    def headers(self, name: str, limit: int) -> dict[str, str]:
        return {
            f"X-RateLimit-{name}Limit": str(limit),
            f"X-RateLimit-{name}Remaining": str(max(0, limit - self.used)),
            f"X-RateLimit-{name}Reset": str((self.began + self.seconds) * 1000),
        }


class Budget:
    """Of one app in one division."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._minute = Window(MINUTE)
        self._day = Window(DAY)

    def take(self, now: float) -> None:
        """One call. Raises 429; a call that is refused is not counted (inference)."""
        self._minute.roll(now)
        self._day.roll(now)
        if self._day.used >= self._settings.per_day:
            raise Refused(429, "The calls of this day are used up.", self.headers())
        if self._minute.used >= self._settings.per_minute:
            raise Refused(429, "The calls of this minute are used up.", self.headers())
        self._minute.used += 1
        self._day.used += 1

    def headers(self) -> dict[str, str]:
        """With nothing left in the minute only the minute's are sent, unless the day is spent too."""
        minute = self._minute.headers("Minutely-", self._settings.per_minute)
        spent = self._minute.used >= self._settings.per_minute
        if spent and self._day.used < self._settings.per_day:
            return minute
        return self._day.headers("", self._settings.per_day) | minute

    def spend(self, now: float, *, day: bool) -> None:
        """Somebody else with this app used up what was left."""
        self._minute.roll(now)
        self._day.roll(now)
        if day:
            self._day.used = self._settings.per_day
        else:
            self._minute.used = self._settings.per_minute

    @property
    def used_today(self) -> int:
        return self._day.used


Scope = tuple[object, ...]
"""Who and what errors are counted for: app, person, division, endpoint."""


class Blocks:
    """Ten errors within an hour for one scope block the app's key: an hour, then twice as long each time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._errors: dict[Scope, deque[float]] = {}
        self._until: dict[Scope, float] = {}
        self._times: dict[Scope, int] = {}

    def check(self, now: float, scope: Scope) -> None:
        """403 while blocked; it is no error that counts (inference)."""
        if self._until and now < max(self._until.get(scope, 0), self._until.get(scope[:1], 0)):
            raise forbidden("This API key is blocked for now: too many requests went wrong.")

    def note(self, now: float, scope: Scope) -> None:
        """A request of this scope ended in an error."""
        recent = self._errors.setdefault(scope, deque())
        recent.append(now)
        while recent[0] <= now - HOUR:
            recent.popleft()
        if len(recent) >= self._settings.errors_per_hour:
            recent.clear()
            self.block(now, scope[:1] if self._settings.block_whole_key else scope)

    def block(self, now: float, who: Scope) -> None:
        times = self._times.get(who, 0)
        self._until[who] = now + self._settings.block_seconds * 2**times
        self._times[who] = times + 1
