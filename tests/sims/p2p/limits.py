"""A rate limit that is exact: at most so many requests in any stretch of so many seconds."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from tests.sims.p2p.settings import RateLimit


class Window:
    """The requests that were let through, by the moment they came (seconds, never backwards)."""

    def __init__(self, passed: Iterable[float] = ()) -> None:
        self._passed = deque(passed)

    def take(self, now: float, limit: RateLimit) -> int | None:
        """``None``: let through, and counted. Otherwise the whole seconds after which one more may come
        (RFC 9110, Retry-After); one that is refused does not count."""
        while self._passed and self._passed[0] <= now - limit.seconds:
            self._passed.popleft()
        if len(self._passed) < limit.requests:
            self._passed.append(now)
            return None
        free_at = self._passed[len(self._passed) - limit.requests] + limit.seconds
        return max(1, math.ceil(free_at - now))


def most_in_any(moments: Iterable[float], seconds: float) -> int:
    """The most of these moments that lie within any stretch of ``seconds``."""
    window: deque[float] = deque()
    most = 0
    for moment in moments:
        window.append(moment)
        while window[0] <= moment - seconds:
            window.popleft()
        most = max(most, len(window))
    return most
