"""What one transaction of route writes: facts in the order they happened, each under its number."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import (
    InvoiceFact,
    InvoiceParked,
    InvoiceReleased,
    InvoiceReturned,
    InvoiceRouted,
    InvoiceValidated,
)
from libs.contracts.parts import Difference, Words
from libs.db.types import Connection
from services.route import store, words
from services.route.companies import directory
from services.route.companies.directory import Pair
from services.route.deciding import payees
from services.route.deciding.decision import Decision, Key, Parked, PayTo, Routed
from services.route.store import Fact, Last, Outcome, Silent, Waiting

SOURCE = "/postbode/route"
DUPLICATE = "duplicate"
_NOTHING = Last()


def validated_of(event: Event) -> InvoiceValidated:
    """Raises ``TypeError`` for any other event."""
    if not isinstance(event.data, InvoiceValidated):
        raise TypeError(f"{event.type} is not invoice.validated")
    return event.data


class Page:
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
        self._unseen: set[PayTo] = set()

    def outcome(self, invoice_id: UUID) -> Outcome | None:
        """Where the invoice stands now, with what this page says already."""
        return self._last.get(invoice_id, _NOTHING).outcome

    def routed(self, event: Event, decision: Routed) -> None:
        validated = validated_of(event)
        if self._confirms and decision.first:
            self._pairs.append(
                Pair(validated.account_id, decision.company, "corroborated", validated.invoice_id)
            )
        self._unseen.update(decision.unseen)
        before = self._tell(
            event,
            "routed",
            InvoiceRouted,
            receiver=decision.receiver,
            explanation=decision.explanation,
            original=validated.original,
            pdf=validated.pdf,
            summary=validated.summary,
            warnings=decision.warnings,
            lifted=decision.lifted,
            fields=validated.fields,
        )
        if before == "parked":
            self._closed[validated.invoice_id] = "released"

    def parked(self, event: Event, decision: Parked) -> None:
        validated = validated_of(event)
        self._keep(
            event, decision.code, decision.reason, decision.waits_for, decision.first, decision.differences
        )
        self._tell(
            event,
            "parked",
            InvoiceParked,
            code=decision.code,
            reason=decision.reason,
            candidates=validated.summary.candidates,
            summary=validated.summary,
            first=decision.first,
            differences=decision.differences,
        )

    def reminded(self, silent: Silent) -> None:
        """It waits as before; its row says so already."""
        event, day = silent.validated, clock.day(silent.return_at)
        reason = words.joined([silent.reason, words.given_back_on(day)])
        summary = validated_of(event).summary
        self._tell(
            event,
            "parked",
            InvoiceParked,
            code=silent.code,
            reason=reason,
            candidates=summary.candidates,
            summary=summary,
            first=silent.first,
            differences=silent.differences,
            return_on=day,
        )

    def decided(self, event: Event, decision: Decision) -> None:
        if isinstance(decision, Routed):
            self.routed(event, decision)
        elif isinstance(decision, Parked):
            self.parked(event, decision)
        else:
            # Kept as one that waited: should the first turn out to be undeliverable, this one may go instead.
            self._keep(
                event, DUPLICATE, decision.reason, ((words.INVOICE, str(decision.first)),), decision.first
            )
            self.returned(event, DUPLICATE, decision.reason, decision.first)

    def released(self, event: Event, by: str, why: Words) -> None:
        self._closed[validated_of(event).invoice_id] = "released"
        self._tell(event, "released", InvoiceReleased, by=by, reason=why)

    def returned(self, event: Event, code: str, why: Words, first: UUID | None = None) -> None:
        self._closed[validated_of(event).invoice_id] = "returned"
        self._tell(event, "returned", InvoiceReturned, code=code, reason=why, first=first)

    def _keep(
        self,
        event: Event,
        code: str,
        reason: Words,
        waits_for: tuple[Key, ...],
        first: UUID | None,
        differences: tuple[Difference, ...] = (),
    ) -> None:
        validated = validated_of(event)
        self._waiting[validated.invoice_id] = Waiting(
            validated.invoice_id, validated.account_id, code, reason, waits_for, event, first, differences
        )

    def _tell(self, event: Event, outcome: Outcome, kind: type[InvoiceFact], **terms: Any) -> Outcome | None:
        """Returns where the invoice stood before."""
        validated = validated_of(event)
        before = self._last.get(validated.invoice_id, _NOTHING)
        sequence = before.sequence + 1
        self._last[validated.invoice_id] = Last(sequence, outcome)
        self._facts.append(
            Fact(
                invoice_id=validated.invoice_id,
                sequence=sequence,
                account_id=validated.account_id,
                outcome=outcome,
                code=terms.get("code"),
                receiver=terms.get("receiver"),
            )
        )
        fact = kind(
            invoice_id=validated.invoice_id, account_id=validated.account_id, sequence=sequence, **terms
        )
        self._events.append(new_event(fact, source=SOURCE, account=validated.account_id, cause=event))
        return before.outcome

    async def write(self, conn: Connection) -> list[Event]:
        """All of it, set-based; returns the events to emit."""
        await store.insert_facts(conn, self._facts)
        await store.park(conn, list(self._waiting.values()))
        await store.close(conn, self._closed)
        await directory.confirm(conn, self._pairs)
        await payees.remember(conn, self._unseen)
        return self._events
