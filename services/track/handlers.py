"""What track does with events: it writes everything down and works out what it adds up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from libs.contracts.envelope import Event, Payload
from libs.contracts.invoice import InvoiceErased, InvoiceFact
from libs.contracts.party import AccountConnectionLapsed, AccountLinkMade, AccountRegistered
from libs.db.types import Connection
from libs.errors import Park, Reject
from libs.messaging import AT_LEISURE, Decided, Plain
from libs.messaging.erasing import erase
from services.track import facts, link_mails, mailings, store
from services.track.notices import Notice, notices_of
from services.track.status import NOTHING, Fact
from services.track.store import Entry, News


@dataclass(frozen=True, slots=True)
class Told:
    """One event, read: its place in the timeline, its place in the status, the mails it may ask for."""

    entry: Entry
    fact: Fact | None
    notices: Sequence[Notice]


class Facts:
    """Timeline, status and due notices of a batch, in one transaction and at most six statements."""

    queue = "track.facts"
    pace = AT_LEISURE
    heavy = False

    async def gather(self, events: Sequence[Event]) -> None:
        return None

    def decide(self, event: Event, known: None) -> Told:
        data = event.data
        if not isinstance(data, InvoiceFact):
            raise TypeError(f"{event.type} is not a fact about an invoice")
        return Told(
            entry=Entry(event, data.invoice_id, data.axis, data.sequence, event.as_said()),
            fact=facts.read(event),
            notices=notices_of(event.id, data),
        )

    def refused(self, event: Event, word: Reject | Park) -> Told:
        raise word

    async def write(self, conn: Connection, decided: Sequence[Decided[Told]]) -> Sequence[Event]:
        told = [d.decision for d in decided if not isinstance(d.event.data, InvoiceErased)]
        fresh = await store.record(conn, (t.entry for t in told))
        news: dict[object, list[Told]] = {}
        for each in told:
            if each.fact is not None:
                news.setdefault(each.entry.invoice_id, []).append(each)
        after = await store.project(
            conn,
            {
                group[0].entry.invoice_id: News(
                    group[0].entry.event.account, [t.fact for t in group if t.fact is not None]
                )
                for group in news.values()
            },
        )
        # Only what is new and still so is worth a mail: a projection that is built again mails nobody, and
        # nobody reads that an invoice waits which has long gone on.
        await mailings.add(
            conn,
            [
                notice
                for t in told
                for notice in t.notices
                if t.entry.event.id in fresh and notice.is_so(after.get(notice.invoice_id, NOTHING))
            ],
        )
        # Last: what else this batch says of such an invoice goes with it.
        if erased := [
            d.decision.entry.invoice_id for d in decided if isinstance(d.event.data, InvoiceErased)
        ]:
            await erase(conn, erased, store.ERASE)
        return ()


class Accounts(Plain[Payload]):
    """Name, address and language of every account: a notice has to go somewhere. And what its people are mailed: links, and
    that a connection lapsed."""

    queue = "track.accounts"
    hears = (AccountRegistered, AccountLinkMade, AccountConnectionLapsed)

    async def write(self, conn: Connection, decided: Sequence[Decided[Payload]]) -> Sequence[Event]:
        said = [d.decision for d in decided]
        if claims := [each for each in said if isinstance(each, AccountRegistered)]:
            await store.know(conn, claims)
        await link_mails.add(conn, [each for each in said if isinstance(each, AccountLinkMade)])
        await link_mails.add_lapsed(
            conn, [each for each in said if isinstance(each, AccountConnectionLapsed)]
        )
        return ()
