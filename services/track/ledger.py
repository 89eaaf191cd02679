"""The ledger: every invoice that was acknowledged, and where it is, by what the services hold independently.

::

    sums of every range of ids ──balance──▶ counted
              │ do not balance
              ▼
    smaller ranges ─▶ rows of every service ─▶ books.look ─▶ counted
                                                  │ the next service has no record
                                                  ▼
                            messages of both services ─▶ books.follow ─▶ counted, or named

``snapshots.py`` says how all of it is seen at one moment, ``digest.py`` how most of it need not be read.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from libs.db.types import Record
from services.track import books, digest
from services.track.books import GRACE, Held, Passage, Place, Row, Seek, Service, Traces
from services.track.digest import Range, Sum, Sums
from services.track.snapshots import Snapshot, Snapshots

SMALLER = 16
"""Into how many a range that does not balance is cut."""
WORTH_READING = 5_000
"""Invoices in ranges that do not balance, from which these are cut once more instead of being read."""
_NEIGHBOURS = 64
_CUTS = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """An invoice with which something is wrong."""

    invoice_id: UUID
    problem: str
    """``lost``, ``duplicated`` or ``unaccounted``."""
    place: Place


@dataclass(slots=True)
class Ledger:
    """The answer. ``acknowledged`` is the sum of delivered, returned, open, lost and unaccounted;
    ``duplicated`` counts beside them."""

    taken_at: datetime
    delivered: int = 0
    returned: int = 0
    open: int = 0
    lost: int = 0
    unaccounted: int = 0
    duplicated: int = 0
    waiting: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """The open ones by what names them, such as ``route: parked``."""
    entries: list[Entry] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        return self.delivered + self.returned + self.open + self.lost + self.unaccounted

    @property
    def balanced(self) -> bool:
        return not (self.lost or self.duplicated or self.unaccounted)

    def add(self, invoice_id: UUID, place: Place, *, twice: bool) -> None:
        """One invoice that was looked at."""
        setattr(self, place.outcome, getattr(self, place.outcome) + 1)
        if place.outcome == "open":
            self.waiting[f"{place.service}: {place.why}"] += 1
        if place.outcome in ("lost", "unaccounted"):
            self.entries.append(Entry(invoice_id, place.outcome, place))
        if twice:
            self.duplicated += 1
            self.entries.append(Entry(invoice_id, "duplicated", Place("delivered", "deliver", "twice")))

    def add_balanced(self, sums: Sums) -> None:
        """All invoices of a range in which each has its place."""
        self.delivered += sums.get("delivered", Sum()).count
        self.returned += digest.total(sums, "quarantined", "invalid", "returned", "undeliverable").count
        for part, name in _WAITING_PARTS.items():
            if count := sums.get(part, Sum()).count:
                self.open += count
                self.waiting[name] += count


_WAITING_PARTS = {
    "waiting": "route: parked",
    "queued": "deliver: queued",
    "attempting": "deliver: attempting",
    "parked": "deliver: parked",
}
_NOW = "SELECT now()"

Parts: TypeAlias = tuple[Mapping[Service, Sequence[str]], Callable[[str, str], str]]
"""By service the parts that are summed, and the query that sums one."""
_ALL: Sequence[Parts] = ((digest.PARTS, digest.in_ranges), (digest.PASSING, digest.in_one_go))
_REPEATED: Parts = ({"ingest": ("repeat",), "track": ("told-repeat",)}, digest.in_ranges)


async def take(snapshots: Snapshots, grace: timedelta = GRACE) -> Ledger:
    """Compare everything the services hold. ``grace``: how long an event may be with the broker."""
    [(now,)] = await snapshots["ingest"].fetch(_NOW)
    ledger = Ledger(now)
    held = await _held(snapshots, await _unbalanced(snapshots, ledger))
    seeking: dict[UUID, Seek] = {}
    for invoice_id, each in held.items():
        if books.over(each):
            continue
        place = books.look(each)
        if isinstance(place, Seek):
            seeking[invoice_id] = place
        else:
            ledger.add(invoice_id, place, twice=books.duplicated(each))
    for invoice_id, place in (await _follow(snapshots, seeking, now, grace)).items():
        ledger.add(invoice_id, place, twice=books.duplicated(held[invoice_id]))
    await _count_repeats(snapshots, ledger)
    ledger.entries.sort(key=lambda entry: (entry.problem, entry.invoice_id))
    return ledger


async def _unbalanced(snapshots: Snapshots, ledger: Ledger) -> list[Range]:
    """Counts all that balances; returns what must be read."""
    asked, left = digest.ranges(ledger.taken_at), list[Range]()
    for cuts in range(_CUTS + 1):
        crooked: dict[Range, int] = {}
        for each, sums in zip(asked, await _survey(snapshots, asked), strict=True):
            if digest.balanced(sums):
                ledger.add_balanced(sums)
            else:
                crooked[each] = max(one.count for one in sums.values())
        if cuts == _CUTS or sum(crooked.values()) <= WORTH_READING:
            return left + list(crooked)
        left += [each for each, count in crooked.items() if count <= _NEIGHBOURS]
        asked = [
            piece for each, count in crooked.items() if count > _NEIGHBOURS for piece in each.split(SMALLER)
        ]
    return left


async def _survey(snapshots: Snapshots, asked: Sequence[Range], *of: Parts) -> list[dict[str, Sum]]:
    """The sums of these ranges, in their order."""
    found: list[dict[str, Sum]] = [{} for _ in asked]
    lows, highs = [each.low for each in asked], [each.high for each in asked]

    async def add(snapshot: Snapshot, part: str, query: str) -> None:
        for number, count, mark in await snapshot.fetch(query, lows, highs):
            found[number][part] = Sum(count, mark)

    try:
        async with asyncio.TaskGroup() as group:
            for parts, query_of in of or _ALL:
                for service, names in parts.items():
                    for part in names:
                        group.create_task(add(snapshots[service], part, query_of(service, part)))
    except ExceptionGroup as several:
        # One will do: what it says is what its caller knows how to say.
        raise several.exceptions[0] from None
    return found


async def _count_repeats(snapshots: Snapshots, ledger: Ledger) -> None:
    """Each time the same bytes came again was acknowledged too, and answered by the first one's receipt. One that only
    the timeline knows of is missing at the door; the other way round its news is on its way."""
    asked = digest.ranges(ledger.taken_at)
    crooked: list[Range] = []
    for each, sums in zip(asked, await _survey(snapshots, asked, _REPEATED), strict=True):
        kept, told = sums.get("repeat", Sum()), sums.get("told-repeat", Sum())
        ledger.returned += kept.count
        if kept != told:
            crooked.append(each)
    if not crooked:
        return
    times: dict[str, set[tuple[UUID, int]]] = {}
    for service, (part,) in _REPEATED[0].items():
        rows = await _rows(snapshots, service, [part], crooked)
        times[service] = {(row["invoice_id"], row["number"]) for row in rows}
    for invoice_id, _ in sorted(times["track"] - times["ingest"]):
        ledger.add(invoice_id, Place("unaccounted", "ingest", "repeat"), twice=False)


_ROWS = """
SELECT l.invoice_id, l.part, l.what, l.number, l.at, l.until, l.place, l.ref
  FROM unnest($1::uuid[], $2::uuid[]) AS r (low, high), LATERAL (
       SELECT * FROM {schema}.ledger
        WHERE part IN ({parts}) AND invoice_id >= r.low AND invoice_id < r.high AND {live}
       OFFSET 0) AS l
"""
# OFFSET 0: this subquery is asked range by range. Merged with its surroundings, every row there is would be read.
_READ: Mapping[Service, Sequence[str]] = {
    "ingest": ("received", "quarantined", "erased"),
    "validate": ("valid", "invalid"),
    "route": ("routed", "returned", "held", "waiting"),
    "deliver": ("queued", "attempting", "parked", "unpacked", "delivered", "undeliverable", "receipt"),
    "track": digest.PARTS["track"],
}
_KEPT = ("waiting", "receipt")


async def _rows(
    snapshots: Snapshots, service: Service, parts: Sequence[str], left: Sequence[Range]
) -> list[Record]:
    query = _ROWS.format(schema=service, live=digest.LIVE, parts=", ".join(f"'{part}'" for part in parts))
    return await snapshots[service].fetch(query, [each.low for each in left], [each.high for each in left])


async def _held(snapshots: Snapshots, left: Sequence[Range]) -> dict[UUID, Held]:
    held: defaultdict[UUID, Held] = defaultdict(Held)
    if not left:
        return held
    for service, parts in _READ.items():
        for invoice_id, part, *row in await _rows(snapshots, service, parts, left):
            kind = part if part in _KEPT else "fact" if part.startswith("told-") else "state"
            getattr(held[invoice_id], service).append(Row(kind, *row))
    return held


_MESSAGES = """
SELECT subject, part, what, number, at, until, place, ref FROM {schema}.ledger
 WHERE part IN ('outbox', 'dead') AND subject = ANY ($1::text[])
UNION ALL
SELECT subject, part, what, number, at, until, place, ref FROM {schema}.ledger
 WHERE part = 'sent' AND subject = ANY ($1::text[])
"""
_FINISHED = """
SELECT ref FROM {schema}.ledger WHERE part = 'inbox' AND place = $1 AND ref = ANY ($2::uuid[])
"""


async def _follow(
    snapshots: Snapshots, seeking: Mapping[UUID, Seek], now: datetime, grace: timedelta
) -> dict[UUID, Place]:
    """Where those are that the next service has no record of."""
    by_passage: defaultdict[Passage, list[UUID]] = defaultdict(list)
    for invoice_id, seek in seeking.items():
        by_passage[seek.passage].append(invoice_id)
    found: dict[UUID, Place] = {}
    for passage, invoices in by_passage.items():
        giver = await _traces(snapshots[passage.giver], passage.giver, invoices)
        taker = await _traces(snapshots[passage.taker], passage.taker, invoices)
        sent = {
            row.ref for rows in (giver, taker) for own in rows.values() for row in own if row.part == "sent"
        }
        finished = await snapshots[passage.taker].fetch(
            _FINISHED.format(schema=passage.taker), passage.queue, list(sent)
        )
        done = frozenset(row["ref"] for row in finished)
        for invoice_id in invoices:
            traces = Traces(giver[invoice_id], taker[invoice_id], done)
            found[invoice_id] = books.follow(seeking[invoice_id], traces, now, grace)
    return found


async def _traces(
    snapshot: Snapshot, service: Service, invoices: Collection[UUID]
) -> defaultdict[UUID, list[Row]]:
    subjects = [str(invoice_id) for invoice_id in invoices]
    found: defaultdict[UUID, list[Row]] = defaultdict(list)
    for subject, *row in await snapshot.fetch(_MESSAGES.format(schema=service), subjects):
        found[UUID(subject)].append(Row(*row))
    return found
