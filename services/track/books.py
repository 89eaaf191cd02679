"""Where one invoice is, from what every service holds of it. Pure.

::

    taken in ─▶ judged ─▶ routed ─▶ brought ─▶ receipt       delivered
        │          │        ├─▶ parked                       open: route's own row names it
        │          │        └─▶ given back                   returned
        │          └─▶ invalid                               returned
        └─▶ quarantined                                      returned

An invoice that was erased, because it was kept as long as it must be, is in no book: only while another service still
holds something of it, it is open.

An invoice stands where the furthest record of it says. Everything before that must be there too, and its
end must be known to track, where its sender looks. When the next service has no record of it, something must
show that it is on its way: a row in an outbox, a retry, an open dead letter. An event that was published and
not taken up yet counts as on its way for ``grace``; after that nobody can name it.

*lost*: nothing will bring it any more: the service that must hold it has dealt with it and holds nothing, or
its event is nowhere. *unaccounted*: named by nobody since too long, or a record of it is missing.
*duplicated*: a receiver was given it more than once, unannounced; counted beside what became of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from libs.lifetimes import OUTBOX_SENT

Outcome = Literal["delivered", "returned", "open", "lost", "unaccounted"]
Service = Literal["ingest", "validate", "route", "deliver", "track"]

GRACE = timedelta(minutes=5)
"""How long an event may be with the broker before somebody must name it."""
KEPT = OUTBOX_SENT.kept
"""How long what was published is surely kept (``outbox_sent``)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a view ``ledger``; what its columns mean stands in the migration that makes the view."""

    part: str
    what: str | None
    number: int | None
    at: datetime | None
    until: datetime | None
    place: str | None
    ref: UUID | None


_BY_NAME = ("folder", "sftp")
"""Channels that show a delivery under one name, however often it was put there."""


@dataclass(slots=True)
class Held:
    """What the services hold of one invoice: by service, the rows of its state."""

    ingest: list[Row] = field(default_factory=list)
    validate: list[Row] = field(default_factory=list)
    route: list[Row] = field(default_factory=list)
    deliver: list[Row] = field(default_factory=list)
    track: list[Row] = field(default_factory=list)

    def of(self, service: Service, part: str) -> list[Row]:
        rows: list[Row] = getattr(self, service)
        return [row for row in rows if row.part == part]

    def last(self, service: Service) -> Row | None:
        """The state with the highest number."""
        return max(self.of(service, "state"), key=lambda row: row.number or 0, default=None)


@dataclass(frozen=True, slots=True)
class Passage:
    """How an invoice goes from one service to the next."""

    giver: Service
    taker: Service
    events: tuple[str, ...]
    """What its event is called, without the version."""
    queue: str


TO_VALIDATE = Passage("ingest", "validate", ("invoice.received",), "validate.received")
TO_ROUTE = Passage("validate", "route", ("invoice.validated",), "route.validated")
TO_DELIVER = Passage("route", "deliver", ("invoice.routed",), "deliver.routed")


def to_track(giver: Service, *events: str) -> Passage:
    return Passage(giver, "track", events, "track.facts")


def erasing(taker: Service) -> Passage:
    return Passage("ingest", taker, ERASED, "track.facts" if taker == "track" else f"{taker}.erased")


ERASED = ("invoice.erased",)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an invoice stands. ``why`` says by which record it is open, or what is missing."""

    outcome: Outcome
    service: Service
    why: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seek:
    """The next service has no record: its messages must tell. ``told`` is what became of it if they show
    that only the news of it is on its way."""

    passage: Passage
    since: datetime | None
    told: Place | None = None


ENDS: Mapping[str, str] = {
    "quarantined": "invoice.quarantined",
    "invalid": "invoice.rejected",
    "returned": "invoice.returned",
    "undeliverable": "invoice.undeliverable",
    "handed_over": "invoice.handed_over",
    "confirmed": "invoice.handed_over",
}
"""The fact with which track knows of an end."""

_TELLS: Mapping[str, Service] = {
    "invoice.quarantined": "ingest",
    "invoice.rejected": "validate",
    "invoice.returned": "route",
    "invoice.undeliverable": "deliver",
    "invoice.handed_over": "deliver",
}
"""Who made the facts that track keeps."""

_DELIVERED = ("handed_over", "confirmed")


def look(held: Held) -> Place | Seek:
    """Where the records of the services say that it is."""
    place = _look(held)
    if isinstance(place, Place) and place.outcome == "open" and not held.of("track", "state"):
        # Its sender does not see it: the news that it came in must at least be on its way.
        return Seek(to_track("ingest", "invoice.received"), place.at, place)
    return place


def over(held: Held) -> bool:
    """Whether it was erased, and nobody holds anything of it any more."""
    return _erased(held) is not None and not _left(held)


def _erased(held: Held) -> Row | None:
    receipt = held.last("ingest")
    return receipt if receipt is not None and receipt.what == "erased" else None


def _left(held: Held) -> Service | None:
    """Who still has something of it."""
    services: tuple[Service, ...] = (*_LINE[1:], "track")
    return next((service for service in services if getattr(held, service)), None)


def _look(held: Held) -> Place | Seek:
    erased, left = _erased(held), _left(held)
    if erased is not None and left is not None:
        return Seek(erasing(left), erased.at, Place("open", left, "erasing", erased.at))
    missing = _missing(held)
    if missing is not None:
        return missing
    deliveries = held.of("deliver", "state")
    if deliveries:
        return _delivery(held, deliveries)
    decision = held.last("route")
    if decision is not None:
        return _decision(held, decision)
    verdict = held.last("validate")
    if verdict is not None:
        if verdict.what == "invalid":
            return _ended(held, "validate", "invalid", verdict.at)
        return Seek(TO_ROUTE, verdict.at)
    receipt = held.last("ingest")
    if receipt is None:
        return Place("unaccounted", "ingest", "receipt")
    if receipt.what == "quarantined":
        return _ended(held, "ingest", "quarantined", receipt.at)
    return Seek(TO_VALIDATE, receipt.at)


def _missing(held: Held) -> Place | None:
    """A record that an earlier service must have, since a later one has one."""
    known = {service for service in _LINE if held.of(service, "state")}
    told = {_TELLS[fact] for row in held.of("track", "fact") if (fact := _name(row)) in _TELLS}
    furthest = max((_LINE.index(service) for service in known | told), default=0)
    for service in _LINE[: furthest + 1]:
        if service not in known:
            return Place("unaccounted", service, RECORD[service])
    return None


def _name(row: Row) -> str:
    """An event's type without its version."""
    return (row.what or "").rpartition(".")[0]


_LINE: tuple[Service, ...] = ("ingest", "validate", "route", "deliver")
RECORD: Mapping[Service, str] = {
    "ingest": "receipt",
    "validate": "verdict",
    "route": "decision",
    "deliver": "delivery",
    "track": "status",
}
"""What is missing where a service has no record."""


def _decision(held: Held, decision: Row) -> Place | Seek:
    if decision.what == "returned":
        return _ended(held, "route", "returned", decision.at)
    if decision.what == "routed":
        return Seek(TO_DELIVER, decision.at)
    if held.of("route", "waiting"):
        return Place("open", "route", "parked", decision.at)
    # The row that lets it go on again is not there: nobody will.
    return Place("lost", "route", "parked-row", decision.at)


def _delivery(held: Held, deliveries: Sequence[Row]) -> Place | Seek:
    for row in deliveries:
        if row.what == "unpacked":
            # It waits, but what was to be delivered is not there: no attempt will get it anywhere.
            return Place("lost", "deliver", "parcel", row.at)
    waiting = [row for row in deliveries if row.what in ("queued", "attempting", "parked")]
    if waiting:
        return Place("open", "deliver", str(waiting[0].what), waiting[0].until)
    done = [row for row in deliveries if row.what in _DELIVERED]
    if not done:
        return _ended(held, "deliver", "undeliverable", max(row.at for row in deliveries if row.at))
    proven = {row.ref for row in held.of("deliver", "receipt")}
    if any(row.ref not in proven for row in done):
        return Place("unaccounted", "deliver", "attempt", done[0].at)
    return _ended(held, "deliver", "handed_over", max(row.at for row in done if row.at))


def _ended(held: Held, service: Service, how: str, at: datetime | None) -> Place | Seek:
    """The hub is done with it: its sender must be able to know."""
    end = Place("delivered" if how in _DELIVERED else "returned", service, how, at)
    fact = ENDS[how]
    if fact not in {_name(row) for row in held.of("track", "fact")}:
        # Without its end being told, what was returned is not over; what was delivered is, for its receiver.
        told = end if end.outcome == "delivered" else Place("open", service, "untold", at)
        return Seek(to_track(service, fact), at, told)
    if not held.of("track", "state"):
        return Place("unaccounted", "track", "status", at)
    return end


def duplicated(held: Held) -> bool:
    """Whether a receiver was given it more than once. What a channel announced as a possible repeat is not
    counted, nor what is there under one name."""
    ways = {row.ref: (row.place or "").partition(":") for row in held.of("deliver", "state")}
    times: defaultdict[str, set[tuple[UUID | None, int | None]]] = defaultdict(set)
    for row in held.of("deliver", "receipt"):
        channel, _, receiver = ways.get(row.ref, ("", "", ""))
        if row.what == "handed_over":
            times[receiver].add((row.ref, None if channel in _BY_NAME else row.number))
    proven = {row.ref for row in held.of("deliver", "receipt")}
    for row in held.of("deliver", "state"):
        if row.what in _DELIVERED and row.ref not in proven:
            times[ways[row.ref][2]].add((row.ref, None))
    return any(len(each) > 1 for each in times.values())


@dataclass(frozen=True, slots=True)
class Traces:
    """What the messages of giver and taker tell of one invoice's passage, and which of its published
    events the taker has finished with."""

    giver: Sequence[Row]
    taker: Sequence[Row]
    finished: frozenset[UUID] = frozenset()


def follow(seek: Seek, traces: Traces, now: datetime, grace: timedelta = GRACE) -> Place:
    """Where an invoice is that the next service has no record of."""
    passage = seek.passage
    end = seek.told
    given = [row for row in traces.giver if _name(row) in passage.events]
    ours = {row.ref for row in given}

    def is_ours(row: Row) -> bool:
        # Every fact goes to track's one queue; to any other queue goes only what this passage is about. When its first
        # sending is too long ago to be found, a dead letter does not say which fact it is: it may be this one.
        old = not given and seek.since is not None and now - seek.since > KEPT
        return row.ref in ours or passage.taker != "track" or old

    again = [row for row in (*traces.giver, *traces.taker) if row.what == passage.queue and is_ours(row)]
    buried = [
        row for row in traces.taker if row.part == "dead" and row.place == passage.queue and is_ours(row)
    ]
    waiting = [row for row in (*given, *again) if row.part == "outbox"]
    if waiting:
        return end or Place("open", passage.giver, "outbox", waiting[0].until or waiting[0].at)
    for row in buried:
        if row.what != "dropped":
            why = "second-round" if row.until else "dead-letter"
            return end or Place("open", passage.taker, why, row.until or row.at)
    sent = [row for row in (*given, *again) if row.part == "sent"]
    gone: Outcome = "unaccounted" if end else "lost"
    if buried:
        return Place(gone, passage.taker, "dropped", buried[0].at)
    if any(row.ref in traces.finished for row in sent):
        why = "erasure" if passage.events == ERASED else "fact" if end else RECORD[passage.taker]
        return Place(gone, passage.taker, why, seek.since)
    if sent:
        last = max(row.at for row in sent if row.at is not None)
        if now - last <= grace:
            return end or Place("open", passage.taker, "in-flight", last)
        return Place("unaccounted", passage.taker, "not-taken-up", last)
    return Place(gone, passage.giver, "event", seek.since)
