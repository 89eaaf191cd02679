"""Rounds that are under way, and when the next of a channel may begin.

A round is over for the next one when its channel has said how each attempt ended: that the results are being committed
keeps nobody waiting. Mails, pushes and pairs on servers stand alone, so the next round begins at its pace beside those
before and leaves alone the lanes (a mail domain, a host) in which something is under way. Results of folders come together,
for a batch of them is cheap; whoever is due meanwhile is better off in the next batch. And who leaves something behind has
enough in hand for now. Both wait, but only while results come: who hangs delays nobody else.

What is bounded is what is in memory. The documents of all rounds that move, of whatever channel, share one bound; a channel
that has none may always begin one. A round that stands still has given back all but what hangs (``channels/lanes.py``): it
counts for its own channel alone, by deliveries and by documents, and for neither until there are very many.
"""

from __future__ import annotations

import asyncio

from libs import clock
from services.deliver.attempts.due import Due
from services.deliver.attempts.leases import Round
from services.deliver.parcel import Channel

TOGETHER: frozenset[Channel] = frozenset({"folder"})
PATIENCE_SECONDS = 0.5
"""Nobody waits longer for a round."""
STILL_SECONDS = 0.15
"""Nor longer than this for its next result: who is left in it hangs. A batch of folders takes a tenth of a second on a busy
machine: with less, rounds split into ever smaller ones."""
MOST_BYTES = 10 * 1024 * 1024
"""Documents of all rounds that move."""
LEAST_BYTES, FULL_BYTES = 1024 * 1024, 6 * 1024 * 1024
"""Of one: so much it may always have, and no more however much room there is. A single delivery may have more."""
MOST_HELD_BYTES = 64 * 1024 * 1024
MOST_HELD = 2000
"""Deliveries of a channel, and their documents, whether they move or not."""


class Rounds:
    """Of all channels of a process."""

    def __init__(self, due: Due) -> None:
        self.due = due
        self._held: dict[asyncio.Task[None], tuple[Channel, Round]] = {}
        self._waiting: set[Channel] = set()

    def lanes(self, channel: Channel) -> set[str]:
        """Those of this channel in which something is under way."""
        return {lane for held in self._of(channel) for lane in held.lanes}

    def room(self, channel: Channel) -> int:
        """For so many bytes of documents there is in another round; if for none, the channel is due when there may be."""
        own = self._of(channel)
        left = MOST_BYTES - sum(held.size for _, held in self._held.values() if held.moves)
        if (
            sum(len(held.jobs) for held in own) >= MOST_HELD
            or sum(held.size for held in own) >= MOST_HELD_BYTES
            or (left <= 0 and any(held.moves for held in own))
        ):
            self._waiting.add(channel)
            return 0
        return min(FULL_BYTES, max(LEAST_BYTES, left))

    def freed(self) -> None:
        """Something was committed, so it is in memory no more."""
        while self._waiting:
            self.due[self._waiting.pop()].set()

    def begin(self, channel: Channel, task: asyncio.Task[None], held: Round) -> None:
        self._held[task] = channel, held
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        channel, held = self._held.pop(task)
        if not held.said.is_set():
            held.said.set()
            self.due[channel].set()
        self.freed()

    def _of(self, channel: Channel) -> list[Round]:
        return [held for of, held in self._held.values() if of == channel]

    async def let_move(self, channel: Channel, held: Round, *, more: bool) -> None:
        """Until the next may begin after this one, which left something behind if there is ``more``."""
        if not (channel in TOGETHER or more):
            return
        until, left = clock.monotonic() + PATIENCE_SECONDS, -1
        while clock.monotonic() < until and not held.said.is_set():
            if held.acting and held.left == left:
                return
            left = held.left if held.acting else -1
            await within(STILL_SECONDS, held.said)

    async def end(self, channel: Channel) -> None:
        """Until all of this channel are over."""
        await asyncio.gather(*(task for task, (of, _) in self._held.items() if of == channel))


async def within(seconds: float, event: asyncio.Event) -> None:
    """Until it is set, or the time is over."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait([waiting], timeout=seconds)
    finally:
        waiting.cancel()
