"""What one account gets of the way onward while others are about.

However fair the turns are, a machine that is busy to the brim answers everybody late: two hundred documents of one
account in a stage's hands are two hundred that the next one waits for. So the account that has most waits in its own
lane and goes on at a steady share, some together and then none for a while, and what the machine has beyond that stays
free for whoever comes now and then. Those stay below their share, and what they do not use is put by: several at once
after a quiet while do not wait. And they go first and by themselves: in one batch with the flood they would take as long
as all of it, at every stage.

An account that is alone gets all there is. So do several that all want more than their share: there is nobody to keep
the machine free for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from libs import clock

WINDOW_SECONDS = 0.15
"""A share is handed out so often. What goes together costs less, and leaves the others more quiet between: seven batches a
second, where a stage cuts twenty at its pace (ADR 19)."""
ABOUT_SECONDS = 10.0
"""So long after its last event an account is still about."""


class Shares:
    """``per_second`` events of one account while others are about, as many at once after a quiet while; 0: no bound."""

    def __init__(self, per_second: float, time: Callable[[], float] = clock.monotonic) -> None:
        self._share = per_second
        self._most = max(1.0, per_second)
        self._time = time
        self._seen: OrderedDict[UUID, float] = OrderedDict()
        self._left: dict[UUID, float] = {}
        """What each that is about has put by. Below nothing: what it had beyond its share."""
        self._bounded = False
        self._together_from = 0.0
        """Who has used up its share waits no longer than this for a round of its own."""
        self.until = 0.0
        """When there is more."""

    def of(self, accounts: Sequence[UUID], most: int) -> list[int]:
        """Events that the lane of each of these ``accounts``, which have some waiting, gets now; 0: none before
        ``until``. ``most`` is there for all of them together."""
        equal = max(1, most // max(1, len(accounts)))
        if not self._share:
            return [equal] * len(accounts)
        now = self._time()
        for account in accounts:
            self._seen[account] = now
            self._seen.move_to_end(account)
            if account not in self._left:
                self._left[account] = self._most
                self._bounded = len(self._left) > 1
        if now >= self.until:
            self._hand_out(now)
        if not self._bounded:
            return [equal] * len(accounts)
        first = [self._left[account] >= max(1.0, self._most / 2) for account in accounts]
        if all(first) or not any(first) or now >= self._together_from:
            first = [True] * len(accounts)
            self._together_from = now + 2 * WINDOW_SECONDS
        return [
            max(0, min(equal, int(self._left[account]))) if goes else 0
            for account, goes in zip(accounts, first, strict=True)
        ]

    def taken(self, accounts: Iterable[UUID]) -> None:
        """An event of each of these goes on."""
        if self._share:
            for account in accounts:
                self._left[account] -= 1

    def _hand_out(self, now: float) -> None:
        while self._seen and now - next(iter(self._seen.values())) > ABOUT_SECONDS:
            gone, _ = self._seen.popitem(last=False)
            del self._left[gone]
        self._bounded = len(self._left) > 1 and any(left >= 1 for left in self._left.values())
        more = self._share * (WINDOW_SECONDS + min(ABOUT_SECONDS, now - self.until))
        least = 0.0 if self._bounded else -self._most
        self._left = {a: min(self._most, max(left, least) + more) for a, left in self._left.items()}
        self.until = now + WINDOW_SECONDS
