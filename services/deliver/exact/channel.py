"""The channel into Exact Online: deliveries become purchase entries (``booking.py``), a few of a division at once.

When the calls of a division are used up, those that wait are spread over the time after (``turns.py``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import structlog

from libs import clock
from libs.db.trouble import NOT_NOW
from libs.db.types import Pool
from services.deliver.channels import Done
from services.deliver.channels.lanes import Lanes
from services.deliver.exact import links, outcomes, records
from services.deliver.exact.booking import Booking
from services.deliver.exact.client import Calling
from services.deliver.exact.kinds import PURCHASE, SALES, Kind
from services.deliver.exact.trouble import Lapsed
from services.deliver.exact.turns import Turns
from services.deliver.parcel import HandedOver, Job, Loaded, NotBegun, Outcome, Parked

AT_ONCE = 4
"""Bookings of one division under way at a time, in one process."""

_log = structlog.get_logger(__name__)


class ExactChannel:
    """A ``ChannelAdapter``. ``pool`` has the worker role; ``settle``: how long a step of unknown end is left alone."""

    def __init__(self, pool: Pool, calling: Calling, settle: timedelta) -> None:
        self._pool = pool
        self._calling = calling
        self._settle = settle
        self._lanes = Lanes(AT_ONCE, self._attempt)
        self._turns = Turns()

    async def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        coming = self._lanes.deliver(loaded)
        del loaded  # each is let go of by itself
        async for done in coming:
            yield done

    async def settled(self, jobs: Sequence[Job]) -> None:
        """What was booked stays written down: payments are followed by it."""

    async def close(self) -> None:
        await self._calling.http.aclose()

    async def _attempt(self, each: Loaded) -> Outcome:
        return outcomes.outward(await self.book(each, each.job.parcel.receiver.party_id, PURCHASE))

    async def book(self, each: Loaded, party_id: UUID, kind: Kind) -> Outcome:
        """One attempt, in this party's books; of a delivery, or of a sale in its sender's own (``sales_runner``)."""
        job = each.job
        try:
            outcome = await self._book(each, party_id, kind)
        except NOT_NOW as away:
            # Each step is in its row before it is taken and after it: the next attempt finds out.
            _log.warning("the database is away in the middle of a booking", error=repr(away))
            return NotBegun(f"the database is away: {type(away).__name__}", wait=timedelta(seconds=5))
        if not isinstance(outcome, NotBegun):
            self._turns.done(job.lane, job.delivery_id)
        return outcome

    async def _book(self, each: Loaded, party_id: UUID, kind: Kind) -> Outcome:
        job = each.job
        if not job.lease.held:
            return NotBegun("the lease ran out")
        link = await links.one(self._pool, party_id)
        # A sale is its sender's: whoever links the party later has books of his own.
        ours = link is not None and (kind is not SALES or link.account_id == job.account_id)
        if link is None or not ours or link.state != "live" or link.division is None:
            done = await records.standing(self._pool, job.delivery_id)
            if done is not None:
                return HandedOver(f"{done}; it was not read back: the link does not hold any more")
        if link is None or not ours or link.division is None:
            return outcomes.NO_LINK
        if link.state == "lapsed" and link.reason is not None:
            reason = Lapsed(link.reason["code"], outcomes.words_of(link.reason))
            return Parked(reason.code, reason.reason, str(reason))
        if link.state != "live":
            return outcomes.NO_LINK
        record = await records.begin(
            self._pool, job.delivery_id, job.invoice_id, link.link_id, link.division, kind.name
        )
        if record.division != link.division:
            done = await records.standing(self._pool, job.delivery_id)
            if done is not None:
                return HandedOver(f"{done}; it was not read back: another division was chosen since")
            return outcomes.OTHER_DIVISION
        planned = job.parcel.settings.get("division")
        if planned is not None and planned != str(link.division):
            _log.info("booked in the division that was chosen since", delivery_id=str(job.delivery_id))

        async def may() -> bool:
            return job.lease.held and await links.holds(self._pool, link.link_id, record.division)

        booking = Booking(
            self._pool,
            self._calling.books(link.grant, record.division, "booking", may=may),
            link.grant.base,
            kind,
            link,
            each,
            record,
            self._settle,
        )
        outcome = await booking.book()
        if not isinstance(outcome, NotBegun) or outcome.wait is None or booking.short is None:
            return outcome
        turn = self._turns.wait(
            job.lane,
            job.delivery_id,
            outcome.wait,
            booking.short.takes,
            clock.monotonic(),
            half_way=record.document is not None,
        )
        return replace(outcome, wait=turn)
