"""What deliver does with a routing decision: plan one delivery."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceRouted, InvoiceUndeliverable
from libs.db.types import Connection, Pool
from libs.errors import Park, Reject
from libs.messaging import Decided
from services.deliver import SOURCE, plan, store
from services.deliver.parcel import Parcel, Refused
from services.deliver.store import Planned

Known = Mapping[UUID, plan.Connection]


class Routed:
    """One delivery per routing decision, by the way the receiver has now."""

    queue = "deliver.routed"
    heavy = False

    def __init__(self, pool: Pool, due: Callable[[], None]) -> None:
        self._pool = pool
        self._due = due

    async def gather(self, events: Sequence[Event]) -> Known:
        parties = {e.data.receiver.party_id for e in events if isinstance(e.data, InvoiceRouted)}
        return await store.connections(self._pool, sorted(parties))

    def decide(self, event: Event, known: Known) -> Planned | tuple[Planned, Refused]:
        data = event.data
        if not isinstance(data, InvoiceRouted):
            raise TypeError(f"{event.type} is not a routing decision")
        way = plan.way_to(data.receiver, known.get(data.receiver.party_id))
        refused = way if isinstance(way, Refused) else None
        planned = Planned(
            delivery_id=clock.uuid7(),
            invoice_id=data.invoice_id,
            account_id=data.account_id,
            receiver_id=data.receiver.party_id,
            routing=data.sequence,
            channel="smtp" if isinstance(way, Refused) else way.channel,
            parcel=Parcel(
                receiver=data.receiver,
                original=data.original,
                pdf=data.pdf,
                summary=data.summary,
                settings={} if isinstance(way, Refused) else dict(way.settings),
            ),
            state="undeliverable" if refused else "queued",
            correlation=event.correlation_id,
            traceparent=event.traceparent,
        )
        return (planned, refused) if refused else planned

    def refused(self, event: Event, word: Reject | Park) -> Planned | tuple[Planned, Refused]:
        raise word

    async def write(
        self, conn: Connection, decided: Sequence[Decided[Planned | tuple[Planned, Refused]]]
    ) -> Sequence[Event]:
        pairs = [
            (d.event, *(d.decision if isinstance(d.decision, tuple) else (d.decision, None))) for d in decided
        ]
        fresh = await store.enter(conn, [planned for _, planned, _ in pairs])
        self._due()
        return [
            new_event(
                _undeliverable(planned, refused), source=SOURCE, account=planned.account_id, cause=event
            )
            for event, planned, refused in pairs
            if refused is not None and planned.delivery_id in fresh
        ]


def _undeliverable(planned: Planned, refused: Refused) -> InvoiceUndeliverable:
    return InvoiceUndeliverable(
        invoice_id=planned.invoice_id,
        account_id=planned.account_id,
        sequence=1,
        delivery_id=planned.delivery_id,
        channel="smtp",
        receiver_id=planned.receiver_id,
        receiver_name=planned.parcel.receiver.name,
        attempt=1,
        code=refused.code,
        reason=refused.reason,
    )
