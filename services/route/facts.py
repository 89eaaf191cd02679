"""Writing decisions down: from what was decided to rows, numbers and events, in the caller's transaction.

The handler, a release and a retry all end here, so an invoice is numbered in one place. An invoice is routed
once: what has been routed or returned is not decided again by a verdict that is repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from uuid import UUID

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceValidated
from libs.contracts.parts import DocumentRef, Words
from libs.db.types import Connection
from libs.errors import Retry
from services.route import directory, links, numbers, payees, recalls, store, words
from services.route.decision import (
    Decision,
    Directory,
    Parked,
    Party,
    Repeated,
    Routed,
    chosen,
    decide,
    wanted,
)
from services.route.directory import Between, Pair
from services.route.links import Link
from services.route.numbering import Number, number_of
from services.route.numbers import Differs, Same, Taken
from services.route.page import Page, validated_of
from services.route.payees import Payees
from services.route.store import Silent

DIFFERS = "duplicate-differs"
STOPPED = "stopped"
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Decided:
    """A validated invoice and what was decided about it."""

    event: Event
    decision: Decision

    @property
    def validated(self) -> InvoiceValidated:
        return validated_of(self.event)


@dataclass(frozen=True)
class Known:
    """What decides about a batch: the parties its numbers name, what is known between them and its senders, what is
    against its invoice numbers, and where its receivers paid before."""

    parties: Directory
    between: Between
    taken: Taken
    payees: Payees

    def decide(self, event: Event) -> Decision:
        validated = validated_of(event)
        summary = validated.summary
        match self.taken.get(validated.invoice_id):
            case Same(first):
                return Repeated(first, words.repeated(summary.number, first))
            case Differs(first, others, differences):
                said = words.differs(summary.number, first, differences)
                waits_for = tuple((words.INVOICE, str(each)) for each in others)
                return Parked(DIFFERS, said, waits_for, first, differences or ())
        found = decide(summary, self.parties, self.between.pairs.get(validated.account_id, ()))
        if not isinstance(found, Routed):
            return found
        company = self._companies[found.receiver.party_id]
        stop = self.between.stops.get((validated.account_id, company))
        if stop is not None:
            if not stop.lifted:
                said = words.stopped(found.receiver.name)
                return Parked(STOPPED, said, waits_for=((words.COMPANY, str(company)),))
            found = replace(found, lifted=stop.number)
        return payees.warned(found, self.payees, summary)

    @cached_property
    def _companies(self) -> Mapping[UUID, UUID]:
        return {party.party_id: party.company for party in self.parties.values()}


async def know(conn: Connection, events: Sequence[Event]) -> Known:
    """Read it, in four queries; and two documents for each invoice whose number another has. Needs the worker role."""
    asked = [(each, wanted(each.summary)) for each in map(validated_of, events)]
    parties = await directory.look_up(conn, {key for _, keys in asked for key in keys})
    named = [(each, party) for each, keys in asked for party in map(parties.get, keys) if party is not None]
    return Known(
        parties,
        await directory.between(conn, {(each.account_id, party.company) for each, party in named}),
        await numbers.taken(conn, [each for each, _ in asked]),
        await payees.seen(conn, ((party.party_id, each.summary) for each, party in named)),
    )


async def choose(conn: Connection, event: Event, party: Party) -> list[Event]:
    """A person says who receives a parked invoice. ``conn`` changes the directory alone (``change_alone``) and has locked
    the invoice's row, in this order. Returns the events to emit."""
    validated = validated_of(event)
    page = Page(await store.last(conn, [validated.invoice_id]))
    page.released(event, "person", words.by_hand())
    seen = await payees.seen(conn, [(party.party_id, validated.summary)])
    lifted = await recalls.lift(conn, validated.account_id, party.company)
    found = replace(chosen(validated.summary, party), lifted=lifted)
    page.routed(event, payees.warned(found, seen, validated.summary))
    await numbers.beside(conn, validated)
    await directory.confirm(
        conn, [Pair(validated.account_id, party.company, "by hand", validated.invoice_id)]
    )
    return await page.write(conn)


async def let_through(conn: Connection, event: Event, by: str) -> list[Event]:
    """A person wants an invoice delivered although another has its number. ``conn`` keeps the directory as it is (``hold``)
    and has locked the invoice's row, in this order. Returns the events to emit."""
    await numbers.beside(conn, validated_of(event))
    return await release(conn, [event], by, words.let_through(), again=True)


async def settle(conn: Connection, decided: Sequence[Decided]) -> list[Event]:
    """Write first decisions; returns the events to emit. A few statements, however many there are."""
    last = await store.last(conn, {d.validated.invoice_id for d in decided})
    decided = [d for d in decided if not _over(last, d.validated.invoice_id)]
    # Whoever is confirmed here lets others go on that are being parked elsewhere: see `directory.change_alone`.
    first = any(isinstance(d.decision, Routed) and d.decision.company for d in decided)
    if first:
        await directory.change_alone(conn)
    decided, replaced = await _number(conn, await _look_again(conn, decided))
    page = Page(last, confirms=first)
    for each in decided:
        # The same invoice twice in one batch: the first verdict decides.
        if page.outcome(each.validated.invoice_id) not in store.ENDS:
            page.decided(each.event, each.decision)
    return [*await page.write(conn), *await _link(conn, decided, replaced)]


def _over(last: Mapping[UUID, store.Last], invoice_id: UUID) -> bool:
    return invoice_id in last and last[invoice_id].outcome in store.ENDS


async def release(
    conn: Connection, waiting: Sequence[Event], by: str, why: Words, *, again: bool = False
) -> list[Event]:
    """Decide anew about parked invoices whose rows ``conn`` has locked; returns the events to emit.

    Those with a receiver are released and routed. The others stay as they are; with ``again`` (somebody
    asked), or when they wait for something else now, it is said anew why they wait.
    """
    known = await know(conn, waiting)
    decided, replaced = await _number(conn, [Decided(event, known.decide(event)) for event in waiting])
    page = Page(await store.last(conn, {d.validated.invoice_id for d in decided}))
    for each in decided:
        if isinstance(each.decision, Routed):
            page.released(each.event, by, why)
        elif isinstance(each.decision, Parked) and not (
            again or each.decision.first or each.validated.invoice_id in replaced
        ):
            continue
        page.decided(each.event, each.decision)
    return [*await page.write(conn), *await _link(conn, decided, replaced)]


async def remind(conn: Connection, silent: Sequence[Silent]) -> list[Event]:
    """Tell on which day these are given back; their rows are locked. Returns the events to emit."""
    page = Page(await store.last(conn, [validated_of(each.validated).invoice_id for each in silent]))
    for each in silent:
        page.reminded(each)
    return await page.write(conn)


async def give_back(
    conn: Connection, waiting: Sequence[Event], code: str = "taken-back", why: Words | None = None
) -> list[Event]:
    """The sender takes parked invoices back, unless ``why`` says otherwise; their rows are locked. Returns the events."""
    invoices = [validated_of(event).invoice_id for event in waiting]
    page = Page(await store.last(conn, invoices))
    for event in waiting:
        page.returned(event, code, why or words.taken_back())
    emitted = await page.write(conn)
    await numbers.end(conn, invoices, "returned")
    return emitted


async def _look_again(conn: Connection, decided: Sequence[Decided]) -> Sequence[Decided]:
    """Before anything is parked: has somebody become known since the directory was read?"""
    parked = [
        d for d in decided if isinstance(d.decision, Parked) and d.decision.waits_for and not d.decision.first
    ]
    if not parked:
        return decided
    await directory.hold(conn)
    known = await know(conn, [d.event for d in parked])
    ours = {id(d) for d in parked}
    return [Decided(d.event, known.decide(d.event)) if id(d) in ours else d for d in decided]


async def _number(
    conn: Connection, decided: Sequence[Decided]
) -> tuple[Sequence[Decided], dict[UUID, UUID | None]]:
    """Take the numbers of all that may have theirs, and hold on to what speaks against the others. Returns the decisions
    that stand, and the invoices that got a number with the one each replaces.

    Between reading and this another worker may have taken a number, or whoever had it may be over: those are decided
    once more.
    """
    got: dict[UUID, UUID | None] = {}
    sure: set[UUID] = set()
    for _ in range(_TRIES):
        wanted: dict[UUID, tuple[Number, DocumentRef]] = {}
        against: dict[UUID, Collection[UUID]] = {}
        for each in decided:
            validated = each.validated
            number = number_of(validated.account_id, validated.summary)
            others = _others(each.decision)
            if others:
                against[validated.invoice_id] = others
            elif number is not None and validated.invoice_id not in sure:
                wanted[validated.invoice_id] = (number, validated.original)
        taken, lost = await numbers.take(conn, wanted)
        got |= taken
        sure |= wanted.keys() - lost
        still = await numbers.still(conn, {other for others in against.values() for other in others})
        lost |= {invoice_id for invoice_id, others in against.items() if not still.issuperset(others)}
        if not lost:
            return decided, got
        known = await know(conn, [each.event for each in decided if each.validated.invoice_id in lost])
        decided = [
            Decided(each.event, known.decide(each.event)) if each.validated.invoice_id in lost else each
            for each in decided
        ]
    raise Retry(timedelta(seconds=1), "its number changed hands again and again")


def _others(decision: Decision) -> Collection[UUID]:
    """The invoices that have the number, as far as this was decided by them."""
    if isinstance(decision, Repeated):
        return [decision.first]
    if isinstance(decision, Parked) and decision.first is not None:
        return [UUID(value) for _, value in decision.waits_for]
    return []


async def _link(
    conn: Connection, decided: Sequence[Decided], replaced: Mapping[UUID, UUID | None]
) -> list[Event]:
    """What is told in the timelines of both."""
    found: list[Link] = []
    for each in decided:
        own = each.validated.invoice_id
        if isinstance(each.decision, Repeated):
            found.append(Link(each.decision.first, "repeated_by", own, each.event))
        elif (before := replaced.get(own)) is not None:
            found += links.both(own, before, each.event)
    return await links.tell(conn, found)
