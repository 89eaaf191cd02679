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
from services.route.decision import Decision, Parked, Routed, decide, wanted
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


async def settle(conn: Connection, decided: Sequence[Decided]) -> list[Event]:
    """Write first decisions; returns the events to emit. A few statements, however many there are."""
    decided = await _look_again(conn, decided)
    page = _Page(await store.last(conn, {d.validated.invoice_id for d in decided}))
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
    keys = {key for event in waiting for key in wanted(validated_of(event).summary)}
    known = await directory.look_up(conn, keys)
    decided = [Decided(event, decide(validated_of(event).summary, known)) for event in waiting]
    page = _Page(await store.last(conn, {d.validated.invoice_id for d in decided}))
    for each in decided:
        if isinstance(each.decision, Routed):
            page.released(each.event, by, why)
            page.routed(each.event, each.decision)
        elif again:
            page.parked(each.event, each.decision)
    return await page.write(conn)


async def give_back(conn: Connection, event: Event) -> list[Event]:
    """The sender takes a parked invoice back; its row is locked. Returns the event to emit."""
    invoice_id = validated_of(event).invoice_id
    page = _Page(await store.last(conn, [invoice_id]))
    page.returned(event, "taken-back", words.taken_back())
    return await page.write(conn)


async def _look_again(conn: Connection, decided: Sequence[Decided]) -> Sequence[Decided]:
    """Before anything is parked: has somebody become known since the directory was read?"""
    parked = [d for d in decided if isinstance(d.decision, Parked) and d.decision.waits_for]
    if not parked:
        return decided
    await directory.hold(conn)
    known = await directory.look_up(conn, {key for d in parked for key in wanted(d.validated.summary)})
    return [
        Decided(d.event, decide(d.validated.summary, known)) if isinstance(d.decision, Parked) else d
        for d in decided
    ]


class _Page:
    """What one transaction writes: facts in the order they happened, each under its number."""

    def __init__(self, last: dict[UUID, Last]) -> None:
        self._last = last
        self._facts: list[Fact] = []
        self._waiting: dict[UUID, Waiting] = {}
        self._closed: dict[UUID, Literal["released", "returned"]] = {}
        self._events: list[Event] = []

    def outcome(self, invoice_id: UUID) -> Outcome | None:
        """Where the invoice stands now, with what this page says already."""
        return self._last.get(invoice_id, Last()).outcome

    def routed(self, event: Event, decision: Routed) -> None:
        validated = validated_of(event)
        if self.outcome(validated.invoice_id) == "parked":
            self._closed[validated.invoice_id] = "released"
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
        return self._events
