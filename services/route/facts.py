"""Writing decisions down: from what was decided to rows, numbers and events, in the caller's transaction.

The handler, a release and a retry all end here, so an invoice is numbered in one place. An invoice is routed
once: what has been routed or returned is not decided again by a verdict that is repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from libs.contracts.envelope import Event
from libs.contracts.invoice import ACCOUNT_DIFFERS, GACCOUNT_UNNAMED, InvoiceValidated
from libs.contracts.parts import Words
from libs.contracts.sandbox import is_sandbox
from libs.db.types import Connection, Pool
from libs.errors import Retry
from libs.identifiers.iban import meant, squeezed
from libs.meanwhile import meanwhile
from services.route import store, words
from services.route.companies import directory, sellers
from services.route.companies.directory import Named, Pair, as_text
from services.route.companies.sellers import Remembered, Saying
from services.route.deciding import links, numbers, payees, sandbox
from services.route.deciding.decision import (
    Decision,
    Parked,
    Party,
    Repeated,
    Routed,
    carried,
    chosen,
    decide,
    wanted,
)
from services.route.deciding.links import Link
from services.route.deciding.numbering import Number, numbered
from services.route.deciding.numbers import Claim, Differs, Same, Taken
from services.route.deciding.payees import Payees
from services.route.page import Page, validated_of
from services.route.store import Last, Silent
from services.route.waits import recalls

DIFFERS = "duplicate-differs"
ACCOUNT = "account-differs"
CONFIRMED = frozenset({DIFFERS, ACCOUNT})
"""Why an invoice waits of which the receiver is not in question: somebody says that it may go."""
STOPPED = "stopped"
_TRIES = 4


class Decided(NamedTuple):
    """A validated invoice and what was decided about it."""

    event: Event
    validated: InvoiceValidated
    decision: Decision
    number: Number | None
    """What its invoice number is known by (``numbering``)."""
    new: tuple[Saying, ...] = ()
    """What its seller is known by now and was not before."""
    last: Last | None = None
    """Where it stood when it was decided; None: nothing was decided before."""


@dataclass(frozen=True, slots=True)
class Known:
    """What decides about a batch: whom its numbers name and what is known between these and its senders, what is against
    its invoice numbers, and where its receivers paid before."""

    named: Named
    numbers: Mapping[UUID, Number]
    """By invoice; none where nothing can be said about its number."""
    taken: Taken
    new: Mapping[UUID, tuple[Saying, ...]]
    """By invoice, what its seller is known by now and was not before."""
    payees: Payees
    last: Mapping[UUID, Last] = field(default_factory=dict)
    """Where those stand about which something was decided before."""

    def decide(self, event: Event) -> Decided:
        validated = validated_of(event)
        own = validated.invoice_id
        return Decided(
            event,
            validated,
            self._decision(validated),
            self.numbers.get(own),
            self.new.get(own, ()),
            self.last.get(own),
        )

    def _decision(self, validated: InvoiceValidated) -> Decision:
        found = self._found(validated)
        if not validated.pdf_accounts or isinstance(found, Repeated):
            return found
        doubt = words.account_differs(
            _unnamed(validated.summary.pay_to, validated.pdf_accounts),
            validated.pdf_accounts,
            blocked=_only_blocked(validated),
        )
        if isinstance(found, Routed):
            return Parked(ACCOUNT, doubt, waits_for=())
        # Whoever answers what it waits for is told of this too, for with the answer it goes on.
        return replace(found, reason=words.joined([found.reason, doubt]))

    def _found(self, validated: InvoiceValidated) -> Decision:
        summary, sender = validated.summary, validated.account_id
        match self.taken.get(validated.invoice_id) if self.taken else None:
            case Same(first):
                return Repeated(first, words.repeated(summary.number, first))
            case Differs(first, others, differences):
                said = words.differs(summary.number, first, differences)
                waits_for = tuple((words.INVOICE, str(each)) for each in others)
                return Parked(DIFFERS, said, waits_for, first, differences or ())
        if is_sandbox(sender):
            return sandbox.find(summary)
        found = decide(summary, self.named.parties, self.named.pairs.get(sender, ()))
        if not isinstance(found, Routed):
            return found
        stop = self.named.stops.get((sender, found.receiver.party_id)) if self.named.stops else None
        if stop is not None:
            if not stop.lifted:
                said = words.stopped(found.receiver.name)
                confirmed = (str(found.receiver.party_id), str(found.company))
                # A word on either lets it go on, and so does a number of its that becomes another's.
                waits_for = (*((words.COMPANY, each) for each in confirmed), *carried(summary))
                return Parked(STOPPED, said, waits_for=tuple(dict.fromkeys(waits_for)))
            found = found._replace(lifted=stop.number)
        return payees.warned(found, self.payees, summary)


def _only_blocked(validated: InvoiceValidated) -> bool:
    """All that its PDF leaves out is the g-account. Where the findings that travel are not all, the worst is taken."""
    told = {finding.rule for finding in validated.findings}
    return (
        GACCOUNT_UNNAMED in told
        and ACCOUNT_DIFFERS not in told
        and validated.warnings == len(validated.findings)
    )


def _unnamed(asked: Sequence[str], printed: Collection[str]) -> list[str]:
    """Those to pay into that are not on the page, as they are written in the invoice."""
    named = {squeezed(each) for each in printed}
    return [each for each in asked if named.isdisjoint(meant(each) or (squeezed(each),))]


async def know(
    conn: Connection | Pool,
    events: Sequence[Event],
    remembered: Remembered | None = None,
    *,
    at_once: bool = False,
) -> Known:
    """Read it, in three queries; one more where a seller is not ``remembered``, or is without its best number; and two
    documents for each invoice whose number another has. ``at_once``: ``conn`` is a pool, so that these need not wait for
    each other, and where the invoices stand is read too. Needs the worker role."""
    invoices = [validated_of(event) for event in events]
    if not at_once:
        named, paid = await _named(conn, invoices)
        return Known(named, *await _taken(conn, invoices, remembered), paid)
    async with (
        meanwhile(_named(conn, invoices)) as naming,
        meanwhile(store.last(conn, {each.invoice_id for each in invoices})) as standing,
    ):
        numbered = await _taken(conn, invoices, remembered)
        named, paid = await naming
        return Known(named, *numbered, paid, await standing)


async def _named(conn: Connection | Pool, invoices: Sequence[InvoiceValidated]) -> tuple[Named, Payees]:
    """Whom these name, and where those paid before."""
    asked = [(each, wanted(each.summary)) for each in invoices]
    named = await directory.named(conn, [(each.account_id, key) for each, keys in asked for key in keys])
    paid = (
        (named.parties[key].party_id, each.summary)
        for each, keys in asked
        if each.summary.pay_to
        for key in keys & named.parties.keys()
    )
    return named, await payees.seen(conn, paid)


async def _taken(
    conn: Connection | Pool, invoices: Sequence[InvoiceValidated], remembered: Remembered | None
) -> tuple[dict[UUID, Number], Taken, dict[UUID, tuple[Saying, ...]]]:
    """By invoice its number, what is against that, and what is new of its seller."""
    claims, new = await _numbers(conn, invoices, Remembered() if remembered is None else remembered)
    return claims, await numbers.taken(conn, invoices, claims), new


async def _numbers(
    conn: Connection | Pool, invoices: Sequence[InvoiceValidated], remembered: Remembered
) -> tuple[dict[UUID, Number], dict[UUID, tuple[Saying, ...]]]:
    """By invoice its number, and what is new of its seller."""
    sold = [(each, remembered.seller(each.account_id, each.summary.seller)) for each in invoices]
    heard = await sellers.heard(conn, [seller for _, seller in sold])
    claims = {
        each.invoice_id: number
        for each, seller in sold
        if (number := numbered(each.account_id, each.summary, seller.names, heard.better.get(seller, ())))
    }
    return claims, {each.invoice_id: said for each, seller in sold if (said := heard.new.get(seller))}


async def choose(conn: Connection, event: Event, party: Party) -> list[Event]:
    """A person says who receives a parked invoice. ``conn`` changes the directory alone (``change_alone``) and has locked
    the invoice's row, in this order. Returns the events to emit."""
    validated = validated_of(event)
    page = Page(await store.last(conn, [validated.invoice_id]))
    page.released(event, "person", words.by_hand())
    if is_sandbox(validated.account_id):
        # Of what is tried out nothing is learned about anybody.
        page.routed(event, chosen(validated.summary, party))
        await numbers.beside(conn, validated)
        return await page.write(conn)
    seen = await payees.seen(conn, [(party.party_id, validated.summary)])
    lifted = await recalls.lift(conn, validated.account_id, party)
    found = chosen(validated.summary, party)._replace(lifted=lifted)
    page.routed(event, payees.warned(found, seen, validated.summary))
    await numbers.beside(conn, validated)
    await directory.confirm(
        conn, [Pair(validated.account_id, party.company, "by hand", validated.invoice_id)]
    )
    return await page.write(conn)


async def let_through(conn: Connection, event: Event, by: str) -> list[Event]:
    """A person wants an invoice delivered although another has its number, or although its PDF names another account.
    ``conn`` keeps the directory as it is (``hold``) and has locked the invoice's row, in this order. Returns the events to
    emit."""
    validated = validated_of(event)
    code, _ = (await store.waits(conn, [validated.invoice_id]))[validated.invoice_id]
    if code == DIFFERS:
        await numbers.beside(conn, validated)
    # What a person was told of and has answered is not asked again, should it have to wait for something else now.
    answered = replace(event, data=validated.model_copy(update={"pdf_accounts": ()}))
    said = words.account_confirmed() if code == ACCOUNT else words.let_through()
    return await release(conn, [answered], by, said, again=True)


async def settle(conn: Connection, decided: Sequence[Decided]) -> list[Event]:
    """Write first decisions; returns the events to emit. A few statements, however many there are."""
    # Read before this transaction: two that go on from one place clash on the key, and the second is decided anew.
    last = {d.validated.invoice_id: d.last for d in decided if d.last is not None}
    if last:
        decided = [d for d in decided if not _over(last, d.validated.invoice_id)]
    # Whoever is confirmed here lets others go on that are being parked elsewhere: see `directory.change_alone`.
    first = any(isinstance(d.decision, Routed) and d.decision.first for d in decided)
    if first:
        await directory.change_alone(conn)
    likely = await _look_again(conn, decided, alone=first)
    async with meanwhile(_take(conn, likely)) as taking:
        page = _page(last, likely, confirms=first)
        decided, replaced = await taking
    if decided is not likely:
        page = _page(last, decided, confirms=first)
    await sellers.remember(conn, {said for each in decided for said in each.new})
    return [*await page.write(conn), *await _link(conn, decided, replaced)]


def _page(last: Mapping[UUID, Last], decided: Sequence[Decided], *, confirms: bool) -> Page:
    page = Page(dict(last), confirms=confirms)
    for each in decided:
        # The same invoice twice in one batch: the first verdict decides.
        if page.outcome(each.validated.invoice_id) not in store.ENDS:
            page.decided(each.event, each.decision)
    return page


def _over(last: Mapping[UUID, Last], invoice_id: UUID) -> bool:
    return invoice_id in last and last[invoice_id].outcome in store.ENDS


async def release(
    conn: Connection, waiting: Sequence[Event], by: str, why: Words, *, again: bool = False
) -> list[Event]:
    """Decide anew about parked invoices whose rows ``conn`` has locked; returns the events to emit.

    Those with a receiver are released and routed. The others stay as they are; with ``again`` (somebody
    asked), or when they wait for something else now, it is said anew why they wait: else what they wait for now would
    come and find nobody.
    """
    known = await know(conn, waiting)
    decided, replaced = await _take(conn, list(map(known.decide, waiting)))
    invoices = {d.validated.invoice_id for d in decided}
    page, before = Page(await store.last(conn, invoices)), await store.waits(conn, invoices)
    for each in decided:
        if isinstance(each.decision, Routed):
            page.released(each.event, by, why)
        elif isinstance(each.decision, Parked) and not again:
            waits_for = frozenset(map(as_text, each.decision.waits_for))
            if before.get(each.validated.invoice_id) == (each.decision.code, waits_for):
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


async def _look_again(conn: Connection, decided: Sequence[Decided], *, alone: bool) -> Sequence[Decided]:
    """Before anything is parked: has somebody become known since the directory was read? ``alone``: nobody can any more."""
    parked = [
        d for d in decided if isinstance(d.decision, Parked) and d.decision.waits_for and not d.decision.first
    ]
    if not parked:
        return decided
    if not alone:
        await directory.hold(conn)
    # Whoever had their numbers is asked by the numbers themselves (`_take`).
    named, paid = await _named(conn, [d.validated for d in parked])
    known = Known(named, {}, {}, {}, paid)
    again = {id(d): d._replace(decision=known.decide(d.event).decision) for d in parked}
    return [again.get(id(d), d) for d in decided]


async def _take(conn: Connection, decided: Sequence[Decided]) -> tuple[Sequence[Decided], dict[UUID, UUID]]:
    """Take the numbers of all that may have theirs, and hold on to what speaks against the others. Returns the decisions
    that stand, and by invoice the one it replaces.

    Between reading and this another worker may have taken a number, or whoever had it may be over: those are decided
    once more.
    """
    await numbers.alone_with(conn, [each.number for each in decided if each.number is not None])
    decided = await _by_now(conn, decided)
    replaced: dict[UUID, UUID] = {}
    sure: set[UUID] = set()
    for _ in range(_TRIES):
        wanted: dict[UUID, Claim] = {}
        against: dict[UUID, Collection[UUID]] = {}
        for each in decided:
            validated = each.validated
            others = _others(each.decision)
            if others:
                against[validated.invoice_id] = others
            elif each.number is not None and not (sure and validated.invoice_id in sure):
                wanted[validated.invoice_id] = Claim(
                    each.number.key,
                    each.number.others,
                    validated.summary.number,
                    validated.original,
                )
        before, lost = await numbers.take(conn, wanted)
        replaced |= before
        still = await numbers.still(conn, {other for others in against.values() for other in others})
        lost |= {invoice_id for invoice_id, others in against.items() if not still.issuperset(others)}
        if not lost:
            return decided, replaced
        sure |= wanted.keys() - lost
        known = await know(conn, [each.event for each in decided if each.validated.invoice_id in lost])
        decided = [
            known.decide(each.event) if each.validated.invoice_id in lost else each for each in decided
        ]
    raise Retry(timedelta(seconds=1), "its number changed hands again and again")


async def _by_now(conn: Connection, decided: Sequence[Decided]) -> Sequence[Decided]:
    """With the numbers under which those whose seller left out who it is would be looked for by now."""
    unsure = [each.validated for each in decided if each.number is not None and not each.number.sure]
    if not unsure:
        return decided
    found, _ = await _numbers(conn, unsure, Remembered())
    more = {
        each.validated.invoice_id: joined
        for each in decided
        if each.number is not None
        and (later := found.get(each.validated.invoice_id)) is not None
        and (joined := each.number.joined(later)) != each.number
    }
    if not more:
        return decided
    return [each._replace(number=more.get(each.validated.invoice_id, each.number)) for each in decided]


def _others(decision: Decision) -> Collection[UUID]:
    """The invoices that have the number, as far as this was decided by them."""
    if isinstance(decision, Repeated):
        return [decision.first]
    if isinstance(decision, Parked) and decision.first is not None:
        return [UUID(value) for _, value in decision.waits_for]
    return []


async def _link(conn: Connection, decided: Sequence[Decided], replaced: Mapping[UUID, UUID]) -> list[Event]:
    """What is told in the timelines of both."""
    found: list[Link] = []
    for each in decided:
        own = each.validated.invoice_id
        if isinstance(each.decision, Repeated):
            found.append(Link(each.decision.first, "repeated_by", own, each.event))
        elif replaced and (before := replaced.get(own)) is not None:
            found += links.both(own, before, each.event)
    return await links.tell(conn, found)
