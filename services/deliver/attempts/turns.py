"""Whose deliveries a claim takes when more is due than it may take.

As long as a claim finds less than it may take, it takes all there is, the oldest first, and nobody has to be asked for
turns. One that leaves something behind is followed by claims that go round the accounts and take an equal part of each:
who sends a hundred thousand at once waits behind itself alone. The walk over accounts looks into an index once for each
(``claiming``), so a claim costs what it takes and not what waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

START = UUID(int=0)
MOST_ACCOUNTS = 200
"""Asked in one walk; the next goes on behind the last of them."""

Walk = Callable[[UUID, int], Awaitable[Sequence[tuple[UUID, bool]]]]
"""The accounts behind this one that have anything queued, in order, at most so many; and whether any of it is due."""


class Turns:
    """Of one channel, in one process."""

    __slots__ = ("_after", "_thin", "more")

    def __init__(self) -> None:
        self._after = START
        self._thin = False
        self.more = False
        """The last claim left something behind, or may have."""

    async def next(self, walk: Walk) -> list[UUID] | None:
        """The accounts whose turn it is, in that order; None: the oldest, whosever they are."""
        if not self.more or self._thin:
            self._thin = False
            return None
        found = list(await walk(self._after, MOST_ACCOUNTS))
        if len(found) < MOST_ACCOUNTS and self._after != START:
            # Once round: those before, as far as there is room, and none of them twice.
            before = await walk(START, MOST_ACCOUNTS - len(found))
            found += [(each, due) for each, due in before if each <= self._after]
        if found:
            self._after = found[-1][0]
        # Whose time has not come is walked past, and takes no part of what there is.
        return [each for each, due in found if due]

    def took(self, *, more: bool, last: UUID | None, thin: bool = False) -> None:
        """What a claim did: whether it left something behind, or may have; ``last``: whose turn was the last, where that of
        others was not reached; ``thin``: it went round and there was room left, for what others have due cannot go
        now. The next takes the oldest: in equal parts of nothing no flood ever drains."""
        self.more = more
        self._thin = more and thin
        if more and last is not None:
            self._after = last


def share(most: int, accounts: int) -> int:
    """How many of each account are looked at: twice an equal part, so that what one does not need goes to the others."""
    return min(most, max(1, 2 * most // max(1, accounts)))
