"""Which channels should look for something due, and when.

To look costs a claim, and most channels have nothing most of the time. So a commit of the consumer wakes those that it,
or one a moment before, planned something for; whoever else makes something due wakes all. A channel that nobody wakes
looks once a second.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable

from libs import clock
from services.deliver.parcel import Channel

LATELY_SECONDS = 1.0
"""Planned is said inside a transaction, committed of any: what was planned last may be in another."""


class Due:
    def __init__(self, channels: Iterable[Channel], time: Callable[[], float] = clock.monotonic) -> None:
        self._events = {channel: asyncio.Event() for channel in channels}
        self._planned = dict.fromkeys(self._events, -math.inf)
        self._time = time

    def __getitem__(self, channel: Channel) -> asyncio.Event:
        """Set when ``channel`` should look; whoever looks clears it first."""
        return self._events[channel]

    def planned(self, channels: Iterable[Channel]) -> None:
        """These have something due once the transaction at hand is committed."""
        for channel in self._planned.keys() & set(channels):
            self._planned[channel] = self._time()

    def committed(self) -> None:
        """Something was committed that may have been planned."""
        lately = self._time() - LATELY_SECONDS
        for channel, at in self._planned.items():
            if at >= lately:
                self._events[channel].set()

    def everywhere(self) -> None:
        """Anything may be due."""
        for event in self._events.values():
            event.set()
