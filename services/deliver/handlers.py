"""What deliver does with a routing decision: it plans one delivery; and with a recall: what is under way waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from libs import clock
from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceRecalled, InvoiceRouted
from libs.db.types import Connection, Pool
from libs.errors import Park, Reject
from libs.messaging import PROMPT, Decided
from services.deliver import facts, plan, store
from services.deliver.exact import sales_store
from services.deliver.parcel import Channel, Parcel, Refused
from services.deliver.receivers import connections
from services.deliver.store import Planned
from services.deliver.waits import recalls


@dataclass(frozen=True, slots=True)
class Known:
    """``selling``: the accounts whose own invoices are booked in their own books."""

    connections: Mapping[UUID, plan.Connection]
    selling: Collection[UUID]


def _nobody(_: Iterable[Channel]) -> None:
    """The default: the dispatcher finds out when it next looks."""


class Routed:
    """One delivery per routing decision, by the way the receiver has now."""

    queue = "deliver.routed"
    pace = PROMPT
    heavy = False

    def __init__(
        self, pool: Pool, patience: timedelta, planned: Callable[[Iterable[Channel]], None] = _nobody
    ) -> None:
        """``patience``: how long what is parked waits before it is given back. ``planned`` is told the channels of
        each batch before it is committed."""
        self._pool = pool
        self._patience = patience
        self._planned = planned

    async def gather(self, events: Sequence[Event]) -> Known:
        routed = [e.data for e in events if isinstance(e.data, InvoiceRouted)]
        return Known(
            *await asyncio.gather(
                connections.current(self._pool, sorted({data.receiver.party_id for data in routed})),
                sales_store.selling(self._pool, sorted({data.account_id for data in routed})),
            )
        )

    def decide(self, event: Event, known: Known) -> Planned:
        data = event.data
        if not isinstance(data, InvoiceRouted):
            raise TypeError(f"{event.type} is not a routing decision")
        connection = known.connections.get(data.receiver.party_id)
        way = plan.way_to(data.account_id, data.receiver, connection)
        refused = way if isinstance(way, Refused) else None
        return Planned(
            delivery_id=clock.uuid7(),
            invoice_id=data.invoice_id,
            account_id=data.account_id,
            routing=data.sequence,
            channel=(connection.channel if connection else "smtp")
            if isinstance(way, Refused)
            else way.channel,
            lane="" if isinstance(way, Refused) else way.lane,
            parcel=Parcel(
                receiver=data.receiver,
                original=data.original,
                pdf=data.pdf,
                # How the receiver was found is route's affair, and most of the summary.
                summary=data.summary.model_copy(update={"candidates": ()}),
                settings={} if isinstance(way, Refused) else dict(way.settings),
                connection_id=connection.connection_id if connection else None,
                package=connection.package if connection else None,
                warnings=data.warnings,
                fields=data.fields or {},
            ),
            refused=refused,
            correlation=event.correlation_id,
            traceparent=event.traceparent,
            sold=data.account_id in known.selling,
        )

    def refused(self, event: Event, word: Reject | Park) -> Planned:
        raise word

    async def write(self, conn: Connection, decided: Sequence[Decided[Planned]]) -> Sequence[Event]:
        entered = await store.enter(conn, [d.decision for d in decided])
        lifted = {
            d.decision.delivery_id: d.event.data.lifted
            for d in decided
            if isinstance(d.event.data, InvoiceRouted) and d.decision.delivery_id in entered
        }
        parked = await recalls.look(conn, lifted, self._patience)
        self._planned({d.decision.channel for d in decided if d.decision.refused is None})
        sold = [d.event for d in decided if d.decision.sold and d.decision.delivery_id in entered]
        await sales_store.enter(conn, sold)
        return parked + [
            facts.no_way(d.decision, entered[d.decision.delivery_id], d.event)
            for d in decided
            if d.decision.refused is not None and d.decision.delivery_id in entered
        ]


class Recalled:
    """Nothing more goes from that sender to that receiver."""

    queue = "deliver.recalls"
    pace = PROMPT
    heavy = False

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience

    async def gather(self, events: Sequence[Event]) -> None:
        return None

    def decide(self, event: Event, known: None) -> InvoiceRecalled:
        if not isinstance(event.data, InvoiceRecalled):
            raise TypeError(f"{event.type} is not a recall")
        return event.data

    def refused(self, event: Event, word: Reject | Park) -> InvoiceRecalled:
        raise word

    async def write(self, conn: Connection, decided: Sequence[Decided[InvoiceRecalled]]) -> Sequence[Event]:
        return await recalls.stop(conn, [d.decision for d in decided], self._patience)
