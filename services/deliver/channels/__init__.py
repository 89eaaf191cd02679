"""Ways to hand an invoice over. Each acts on a batch, and can tell what became of an attempt cut short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from services.deliver.parcel import Loaded, Outcome


class ChannelAdapter(Protocol):
    async def deliver(self, loaded: Sequence[Loaded]) -> list[Outcome]:
        """Hand all over; one outcome each, in order. For a job whose earlier attempt is *unknown* the
        channel finds out first, and acts again only if that cannot double; if it cannot find out it says
        ``repeated``."""

    async def settled(self, loaded: Sequence[Loaded]) -> None:
        """The outcomes are committed: what was kept to find out may go."""
