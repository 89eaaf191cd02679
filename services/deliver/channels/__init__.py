"""Ways to hand an invoice over.

A channel acts on a batch and reports as it goes, so that a slow receiver holds up nobody's result. It looks
at ``job.lease.held`` right before each act; when it is not held, nothing is done. Whether an attempt that
was cut short took place it finds out itself, first; where that cannot be known it repeats in the way the
receiver can best recognise, and says ``repeated``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from services.deliver.parcel import Job, Loaded, Outcome

Done = list[tuple[Job, Outcome]]


class ChannelAdapter(Protocol):
    def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        """Hand all over; one outcome each, in groups as they come."""

    async def settled(self, jobs: Sequence[Job]) -> None:
        """The last results of these are committed: what was kept to find out about them may go."""

    async def close(self) -> None:
        """Nothing more will be delivered."""
