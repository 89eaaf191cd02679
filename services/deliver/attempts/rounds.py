"""Rounds of one channel that are under way, and when the next may begin.

A round is over for the next one when its channel has said how each attempt ended: that the results are being committed
keeps nobody waiting. Mails, pushes and pairs on servers stand alone, so the next round begins at its pace beside those
before and leaves alone the lanes (a mail domain, a host) in which something is under way. Results of folders come together,
for a batch of them is cheap; whoever is due meanwhile is better off in the next batch. And who leaves something behind has
enough in hand for now. Both wait, but only while results come: who hangs delays nobody else.
"""

from __future__ import annotations

import asyncio

from libs import clock
from services.deliver.attempts.leases import Round
from services.deliver.parcel import Channel

TOGETHER: frozenset[Channel] = frozenset({"folder"})
PATIENCE_SECONDS = 0.5
"""Nobody waits longer for a round."""
STILL_SECONDS = 0.15
"""Nor longer than this for its next result: who is left in it hangs. A batch of folders takes a tenth of a second on a busy
machine: with less, rounds split into ever smaller ones."""
MOST_ROUNDS = 64
MOST_BYTES = 64 * 1024 * 1024
"""Documents in hand, of all rounds of a channel. Counted is what waits, not rounds: a few receivers that hang, each in a
round of its own, must not use up the room of all others."""


class Rounds:
    def __init__(self, channel: Channel) -> None:
        self._together = channel in TOGETHER
        self._held: dict[asyncio.Task[None], Round] = {}

    @property
    def lanes(self) -> set[str]:
        """Those in which something is under way."""
        return {lane for held in self._held.values() for lane in held.lanes}

    @property
    def room(self) -> bool:
        """Whether there is any for another round."""
        return len(self._held) < MOST_ROUNDS and sum(held.size for held in self._held.values()) < MOST_BYTES

    def begin(self, task: asyncio.Task[None], held: Round) -> None:
        self._held[task] = held
        task.add_done_callback(lambda ended: self._end(ended, held))

    def _end(self, task: asyncio.Task[None], held: Round) -> None:
        del self._held[task]
        held.said.set()

    async def let_move(self, held: Round, *, more: bool) -> None:
        """Until the next may begin after this one, which left something behind if there is ``more``."""
        if not (self._together or more):
            return
        until, left = clock.monotonic() + PATIENCE_SECONDS, -1
        while clock.monotonic() < until and not held.said.is_set():
            if held.acting and held.left == left:
                return
            left = held.left if held.acting else -1
            await within(STILL_SECONDS, held.said)

    async def end(self) -> None:
        """Until all are over."""
        await asyncio.gather(*self._held)


async def within(seconds: float, event: asyncio.Event) -> None:
    """Until it is set, or the time is over."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait([waiting], timeout=seconds)
    finally:
        waiting.cancel()
