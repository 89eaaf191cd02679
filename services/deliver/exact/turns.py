"""When whoever was told to wait for calls of a division comes back. Pure.

All at once they would only be told again that there are none, so each is given a turn, in the order they came. Where there
are no calls after all, a few stay at the head and come back the moment there are some: behind all others the calls of their
turn would be nobody's. So does what is half-way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

AT_HEAD = 4
"""So many of a lane come back the moment there are calls, beside what is half-way."""
SOON = timedelta(minutes=2)
"""A longer wait is for another day's calls, or for a key that is blocked: nobody stands at the head meanwhile."""
LONGEST = timedelta(hours=6)


@dataclass
class _Lane:
    spoken_for: float = 0.0
    """Until then its calls are."""
    seen: set[UUID] = field(default_factory=set)
    """Those that had a turn."""
    head: dict[UUID, float] = field(default_factory=dict)
    """When each comes back."""


@dataclass
class Turns:
    """Of one process; those of others are spread in the same way beside them."""

    lanes: dict[str, _Lane] = field(default_factory=dict)

    def wait(
        self, lane: str, who: UUID, wait: timedelta, takes: timedelta, now: float, *, half_way: bool
    ) -> timedelta:
        """How long ``who`` waits that was told ``wait``, at ``now`` in seconds of a clock that only goes on.
        ``takes``: its calls, in time of the lane."""
        own = self.lanes.setdefault(lane, _Lane())
        least = now + wait.total_seconds()
        if wait <= SOON and (half_way or who in own.seen):
            own.head = {each: at for each, at in own.head.items() if at > now and each != who}
            if half_way:
                return wait
            if len(own.head) < AT_HEAD:
                own.head[who] = least
                return wait
        own.seen.add(who)
        at = max(least, own.spoken_for)
        if at - least > LONGEST.total_seconds():
            return wait
        own.spoken_for = at + takes.total_seconds()
        return timedelta(seconds=at - now)

    def done(self, lane: str, who: UUID) -> None:
        """It waits for calls no more."""
        if lane in self.lanes:
            self.lanes[lane].seen.discard(who)
            self.lanes[lane].head.pop(who, None)
