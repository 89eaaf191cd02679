"""The channel of receivers that fetch: an invoice lies ready, and nothing leaves the hub until its receiver asks.

It is *sent* when the receiver acknowledges it (``waiting.py``), not before: one that never asks has nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta

from libs.contracts.parts import Words
from services.deliver.channels import Done
from services.deliver.parcel import Job, Loaded, Offered, Outcome, Refused

NOT_ACKNOWLEDGED = Refused(
    "not-acknowledged",
    Words(
        nl="De ontvanger haalt zijn facturen zelf op en heeft de ontvangst van deze niet op tijd bevestigd. Vraag hem of "
        "hij haar heeft, en stuur haar anders langs een andere weg.",
        en="The receiver fetches its invoices itself and did not acknowledge this one in time. Ask whether it has it; else "
        "send it another way.",
    ),
)


class PullChannel:
    """A ``ChannelAdapter``. ``patience``: how long an invoice lies ready."""

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience

    async def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        yield [(each.job, self._outcome(each.job)) for each in loaded]

    async def settled(self, jobs: Sequence[Job]) -> None:
        return None

    async def close(self) -> None:
        return None

    def _outcome(self, job: Job) -> Outcome:
        left = self._patience - job.age
        return Offered(left) if left > timedelta() else NOT_ACKNOWLEDGED
