"""Writing decisions down: from what was decided to rows, numbers and events, in the caller's transaction.

The handler, a release and a retry all end here, so an invoice is numbered in one place. An invoice is routed
once: what has been routed or returned is not decided again by a verdict that is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import (
    InvoiceFact,
    InvoiceParked,
    InvoiceReleased,
    InvoiceReturned,
    InvoiceRouted,
    InvoiceValidated,
)
from libs.contracts.parts import Words
from libs.db.types import Connection
from services.route import directory, store, words
from services.route.decision import Decision, Directory, Parked, Party, Routed, chosen, decide, wanted
from services.route.directory import Pair, Pairs
from services.route.store import Fact, Last, Outcome, Waiting

SOURCE = "/postbode/route"


@dataclass(frozen=True, slots=True)
class Decided:
    """A validated invoice and what was decided about it."""

    event: Event
    decision: Decision

    @property
    def validated(self) -> InvoiceValidated:
        return validated_of(self.event)


def validated_of(event: Event) -> InvoiceValidated:
    """Raises ``TypeError`` for any other event."""
    if not isinstance(event.data, InvoiceValidated):
        raise TypeError(f"{event.type} is not invoice.validated")
    return event.data


@dataclass(frozen=True, slots=True)
class Known:
    """What decides about a batch: the parties its numbers name, and whom its senders are known to send to."""

    parties: Directory
    pairs: Pairs

    def decide(self, event: Event) -> Decision:
        validated = validated_of(event)
        return decide(validated.summary, self.parties, self.pairs.get(validated.account_id, ()))


async def know(conn: Connection, events: Sequence[Event]) -> Known:
    """Read it, in two queries. Needs the worker role."""
    asked = [(each.account_id, wanted(each.summary)) for each in map(validated_of, events)]
    parties = await directory.look_up(conn, {key for _, keys in asked for key in keys})
    together = {
        (account, party.company)
        for account, keys in asked
        for party in map(parties.get, keys)
        if party is not None
    }
    return Known(parties, await directory.confirmed(conn, together))


async def choose(conn: Connection, event: Event, party: Party) -> list[Event]:
    """A person says who receives a parked invoice. ``conn`` changes the directory alone (``change_alone``) and has locked
    the invoice's row, in this order. Returns the events to emit."""
    validated = validated_of(event)
    page = _Page(await store.last(conn, [validated.invoice_id]))
    page.released(event, "person", words.by_hand())
    page.routed(event, chosen(validated.summary, party))
    await directory.confirm(
        conn, [Pair(validated.account_id, party.company, "by hand", validated.invoice_id)]
    )
    return await page.write(conn)


async def settle(conn: Connection, decided: Sequence[Decided]) -> list[Event]:
    """Write first decisions; returns the events to emit. A few statements, however many there are."""
    # Whoever is confirmed here lets others go on that are being parked elsewhere: see `directory.change_alone`.
    first = any(isinstance(d.decision, Routed) and d.decision.company for d in decided)
    if first:
        await directory.change_alone(conn)
    decided = await _look_again(conn, decided)
    page = _Page(await store.last(conn, {d.validated.invoice_id for d in decided}), confirms=first)
    for each in decided:
        if page.outcome(each.validated.invoice_id) in ("routed", "returned"):
            continue
        if isinstance(each.decision, Routed):
            page.routed(each.event, each.decision)
        else:
            page.parked(each.event, each.decision)
    return await page.write(conn)


async def release(
    conn: Connection, waiting: Sequence[Event], by: str, why: Words, *, again: bool = False
) -> list[Event]:
    """Decide anew about parked invoices whose rows ``conn`` has locked; returns the events to emit.

    Those with a receiver are released and routed. The others stay as they are; with ``again`` (somebody
    asked) it is said anew why they wait.
    """
    known = await know(conn, waiting)
    decided = [Decided(event, known.decide(event)) for event in waiting]
    page = _Page(await store.last(conn, {d.validated.invoice_id for d in decided}))
    for each in decided:
        if isinstance(each.decision, Routed):
            page.released(each.event, by, why)
            page.routed(each.event, each.decision)
        elif again:
            page.parked(each.event, each.decision)
    return await page.write(conn)


async def give_back(
    conn: Connection, event: Event, code: str = "taken-back", why: Words | None = None
) -> list[Event]:
    """The sender takes a parked invoice back, unless ``why`` says otherwise; its row is locked. Returns the event."""
    invoice_id = validated_of(event).invoice_id
    page = _Page(await store.last(conn, [invoice_id]))
    page.returned(event, code, why or words.taken_back())
    return await page.write(conn)


async def _look_again(conn: Connection, decided: Sequence[Decided]) -> Sequence[Decided]:
    """Before anything is parked: has somebody become known since the directory was read?"""
    parked = [d for d in decided if isinstance(d.decision, Parked) and d.decision.waits_for]
    if not parked:
        return decided
    await directory.hold(conn)
    known = await know(conn, [d.event for d in parked])
    return [Decided(d.event, known.decide(d.event)) if isinstance(d.decision, Parked) else d for d in decided]


class _Page:
    """What one transaction writes: facts in the order they happened, each under its number."""

    def __init__(self, last: dict[UUID, Last], *, confirms: bool = False) -> None:
        """``confirms``: what an invoice shows of sender and receiver is remembered. Only who changes the directory alone
        may; else the next invoice will be."""
        self._confirms = confirms
        self._last = last
        self._facts: list[Fact] = []
        self._waiting: dict[UUID, Waiting] = {}
        self._closed: dict[UUID, Literal["released", "returned"]] = {}
        self._events: list[Event] = []
        self._pairs: list[Pair] = []

    def outcome(self, invoice_id: UUID) -> Outcome | None:
        """Where the invoice stands now, with what this page says already."""
        return self._last.get(invoice_id, Last()).outcome

    def routed(self, event: Event, decision: Routed) -> None:
        validated = validated_of(event)
        if self.outcome(validated.invoice_id) == "parked":
            self._closed[validated.invoice_id] = "released"
        if self._confirms and decision.company is not None:
            self._pairs.append(
                Pair(validated.account_id, decision.company, "corroborated", validated.invoice_id)
            )
        self._tell(
            event,
            "routed",
            decision.explanation,
            InvoiceRouted,
            receiver=decision.receiver,
            explanation=decision.explanation,
            original=validated.original,
            pdf=validated.pdf,
            summary=validated.summary,
        )

    def parked(self, event: Event, decision: Parked) -> None:
        validated = validated_of(event)
        self._waiting[validated.invoice_id] = Waiting(
            validated.invoice_id,
            validated.account_id,
            decision.code,
            decision.reason,
            decision.waits_for,
            event,
        )
        self._tell(
            event,
            "parked",
            decision.reason,
            InvoiceParked,
            code=decision.code,
            reason=decision.reason,
            candidates=validated.summary.candidates,
            summary=validated.summary,
        )

    def released(self, event: Event, by: str, why: Words) -> None:
        self._closed[validated_of(event).invoice_id] = "released"
        self._tell(event, "released", why, InvoiceReleased, by=by)

    def returned(self, event: Event, code: str, why: Words) -> None:
        self._closed[validated_of(event).invoice_id] = "returned"
        self._tell(event, "returned", why, InvoiceReturned, code=code, reason=why)

    def _tell(
        self, event: Event, outcome: Outcome, why: Words, kind: type[InvoiceFact], **terms: Any
    ) -> None:
        validated = validated_of(event)
        sequence = self._last.get(validated.invoice_id, Last()).sequence + 1
        self._last[validated.invoice_id] = Last(sequence, outcome)
        self._facts.append(
            Fact(
                invoice_id=validated.invoice_id,
                sequence=sequence,
                account_id=validated.account_id,
                outcome=outcome,
                explanation=why,
                code=terms.get("code"),
                receiver=terms.get("receiver"),
            )
        )
        fact = kind(
            invoice_id=validated.invoice_id, account_id=validated.account_id, sequence=sequence, **terms
        )
        self._events.append(new_event(fact, source=SOURCE, account=validated.account_id, cause=event))

    async def write(self, conn: Connection) -> list[Event]:
        """All of it, set-based; returns the events to emit."""
        await store.insert_facts(conn, self._facts)
        await store.park(conn, list(self._waiting.values()))
        await store.close(conn, self._closed)
        await directory.confirm(conn, self._pairs)
        return self._events
