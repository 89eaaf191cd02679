"""Whose deliveries a claim takes when more is due than it may take.

As long as a claim finds less than it may take, it takes all there is, the oldest first, and nobody has to be asked for
turns. One that leaves something behind is followed by claims that go round the accounts and take an equal part of each:
who sends a hundred thousand at once waits behind itself alone. Where that leaves room, what is due soonest cannot go now
(its lane is held up), and the next goes round the lanes: what waits behind one that hangs is not even looked at. Then the
oldest have their turn again. A walk looks into an index once for each account or lane (``claiming``), and a claim at twice
what it may take, so it costs that and not what waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal
from uuid import UUID

Kind = Literal["oldest", "accounts", "lanes"]
Key = UUID | str
"""An account, or a lane."""

MOST_KEYS = 200
"""Asked in one walk; the next goes on behind the last of them."""
START: dict[Kind, Key] = {"accounts": UUID(int=0), "lanes": ""}

Walk = Callable[[Kind, Key, int], Awaitable[Sequence[tuple[Key, bool]]]]
"""The accounts or lanes behind this one that have anything queued, in order, at most so many; and whether any of it may go
now."""


class Turns:
    """Of one channel, in one process."""

    __slots__ = ("_after", "again", "kind", "more")

    def __init__(self) -> None:
        self._after = dict(START)
        self.kind: Kind = "oldest"
        """Who has the next turn."""
        self.more = False
        """The last claim left something behind, or may have."""
        self.again = False
        """It took nothing, and there is more to look at."""

    async def next(self, walk: Walk) -> list[Key]:
        """The accounts or lanes whose turn it is, in that order."""
        kind = self.kind
        if kind == "oldest":
            return []
        after = self._after[kind]
        found = list(await walk(kind, after, MOST_KEYS))
        if len(found) < MOST_KEYS and after != START[kind]:
            # Once round: those before, as far as there is room, and none of them twice.
            met = {each for each, _ in found}
            before = await walk(kind, START[kind], MOST_KEYS - len(found))
            found += [(each, due) for each, due in before if each not in met]
        if found:
            self._after[kind] = found[-1][0]
        # What cannot go now is walked past, and takes no part of what there is.
        return [each for each, due in found if due]

    def took(self, count: int, *, more: bool, full: bool, last: str | None, put_off: bool = False) -> None:
        """What a claim did: how many it took; whether it left something behind, or may have, had no room (``full``), or
        ``put_off`` what stood in its way; ``last``: whose turn was the last, where others' were not reached."""
        kind = self.kind
        self.more = more or kind != "oldest"
        self.again = not count and (put_off or kind != "oldest")
        if last is not None:
            # Behind those of whom the oldest were, too.
            self._after["lanes" if kind == "lanes" else "accounts"] = last if kind == "lanes" else UUID(last)
        if full or kind == "oldest":
            self.kind = "accounts" if self.more else "oldest"
        else:
            self.kind = "lanes" if kind == "accounts" else "oldest"


def share(most: int, keys: int) -> int:
    """How many of each are looked at: twice an equal part, so that what one does not need goes to the others."""
    return min(most, max(1, 2 * most // max(1, keys)))
