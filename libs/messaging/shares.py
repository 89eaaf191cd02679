"""What one account gets of the way onward while others are about.

However fair the turns are, a machine that is busy to the brim answers everybody late: two hundred documents of one
account in a stage's hands are two hundred that the next one waits for. So the account that has most waits in its own
lane and goes on at a steady share, some together and then none for a while, and what the machine has beyond that stays
free for whoever comes now and then. An account that is alone gets all there is.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from libs import clock

WINDOW_SECONDS = 0.15
"""A share is handed out so often. What goes together costs less, and leaves the others more quiet between: seven batches a
second, where a stage cuts twenty at its pace (ADR 19)."""
ABOUT_SECONDS = 10.0
"""So long after its last event an account is still about."""


class Shares:
    """``per_second`` events of one account while others are about; 0: no bound."""

    def __init__(self, per_second: float, time: Callable[[], float] = clock.monotonic) -> None:
        self._share = max(1, round(per_second * WINDOW_SECONDS)) if per_second else 0
        self._time = time
        # The two seen last are enough to know whether there is more than one.
        self._seen: OrderedDict[UUID, float] = OrderedDict()
        self._used: Counter[UUID] = Counter()
        self.until = 0.0
        """When those that have had their share get more."""
        self.bounded = False
        """Others are about: nobody has more than its share."""

    def of(self, accounts: Sequence[UUID], most: int) -> list[int]:
        """Events that the lane of each of these ``accounts``, which have some waiting, gets now; 0: none before the
        window ends. ``most`` is there for all of them together."""
        equal = max(1, most // max(1, len(accounts)))
        if not self._share:
            return [equal] * len(accounts)
        now = self._time()
        for account in accounts:
            self._seen[account] = now
            self._seen.move_to_end(account)
            if len(self._seen) > 2:
                self._seen.popitem(last=False)
        if now >= self.until:
            self.until = now + WINDOW_SECONDS
            self._used.clear()
        self.bounded = len(self._seen) > 1 and now - min(self._seen.values()) <= ABOUT_SECONDS
        if not self.bounded:
            return [equal] * len(accounts)
        return [max(0, min(equal, self._share - self._used[account])) for account in accounts]

    def taken(self, accounts: Iterable[UUID]) -> None:
        """An event of each of these goes on."""
        if self._share:
            self._used.update(accounts)
