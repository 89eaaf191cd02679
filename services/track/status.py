"""The status of an invoice, from facts in any order. Pure.

A status holds, per axis, the fact with the highest number. Each axis belongs to one service, which numbers
its facts per invoice in its own transaction; so ``apply`` is a maximum per axis: commutative, associative
and idempotent, and whatever the order and repetition of delivery, the same facts give the same status.
Everything shown (headline, reason, number, parties, times) is computed from the status alone and never
from the order of arrival or the clock.

The headline of an invoice, first match wins:

1. quarantined · rejected · returned: the hub is done with it, the sender has to act. duplicate: another of its number says
   the same and counts.
2. paid · imported: only when it was reported (R54). What is paid in part, or no longer, is as far as it was without that.
3. deliveries. *Of one receiver the best channel counts*: mail that arrived makes up for a folder that
   failed. *Of several receivers the worst one counts*: "arrived" means arrived everywhere, and an invoice
   that one of two receivers cannot get is undeliverable until somebody has seen to it. For the same reason
   2 does not hide an undeliverable or bounced delivery when there is more than one receiver.
   A delivery that is parked counts least: whatever was told of another channel to that receiver came after it.
4. parked, unless a delivery is past it: what was handed over is no longer waiting, even when the fact of
   its release is still on its way.
5. received: everything between the door and the first delivery.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NotRequired, TypeAlias, TypedDict

from services.track.labels import Headline


class Fact(TypedDict):
    """What one event says about one axis of one invoice. It is kept as it stands here, as JSON: a status is
    read, added to and written back hundreds of times a second, and any other form would cost a conversion
    each way. What is unknown is left out."""

    axis: str
    """``ingest``, ``validation``, ``routing``, ``accounting``, ``payment``, ``business`` or
    ``delivery:<channel>:<receiver id>``."""
    sequence: int
    event_id: str
    value: str
    at: str
    """ISO 8601 in UTC, as ``datetime.isoformat`` writes it: such texts sort as their instants do."""
    source: str
    nl: str
    """The sentence behind it, in Dutch and in English."""
    en: str
    code: NotRequired[str]
    number: NotRequired[str]
    issue_date: NotRequired[str]
    sender: NotRequired[str]
    receiver: NotRequired[str]
    filename: NotRequired[str]


Status: TypeAlias = Mapping[str, Fact]
"""The highest fact of every axis."""

NOTHING: Status = {}

_DELIVERY = "delivery:"

# How far a delivery came. Below `_MOVING` is a problem. A parked one that goes on by another channel is told of on that
# channel's axis, so the fact that it was parked must lose to anything told there.
_RANKS: Mapping[str, int] = {
    "parked": 0,
    "returned": 1,
    "undeliverable": 2,
    "expired": 2,
    "bounced": 3,
    "queued": 4,
    "attempting": 4,
    "handed_over": 5,
    "confirmed": 6,
}
_BY_RANK: tuple[Headline, ...] = (
    "parked",
    "returned",
    "undeliverable",
    "bounced",
    "received",
    "sent",
    "arrived",
)
_MOVING = 4

_ENDS: tuple[tuple[str, str, Headline], ...] = (
    ("ingest", "quarantined", "quarantined"),
    ("validation", "invalid", "rejected"),
    ("routing", "returned", "returned"),
    ("routing", "duplicate", "duplicate"),
)

# Best first. `paid` stood on the axis `accounting` until payments had one of their own.
_BOOKED: tuple[tuple[str, str, Headline], ...] = (
    ("payment", "paid", "paid"),
    ("accounting", "paid", "paid"),
    ("accounting", "imported", "imported"),
)


def apply(status: Status, fact: Fact) -> Status:
    """``status`` with ``fact``; the very same object when it changes nothing."""
    standing = status.get(fact["axis"])
    # The event id decides between two facts of one number: only a faulty producer makes them, and even
    # then every order must give one answer.
    if standing is not None and _order(standing) >= _order(fact):
        return status
    return {**status, fact["axis"]: fact}


def apply_all(status: Status, facts: Iterable[Fact]) -> Status:
    """``status`` with all ``facts``, in any order."""
    for fact in facts:
        status = apply(status, fact)
    return status


def _order(fact: Fact) -> tuple[int, str]:
    return fact["sequence"], fact["event_id"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a list shows of an invoice."""

    headline: Headline
    because: Fact
    """The fact the headline stands on."""
    number: str | None
    issue_date: date | None
    sender: str | None
    receiver: str | None
    filename: str | None
    received_at: datetime
    updated_at: datetime


def show(status: Status) -> Shown:
    """Everything a list shows. ``status`` holds at least one fact."""
    headline, because = headline_of(status)
    ingest = status.get("ingest")
    told = [status[axis] for axis in ("routing", "validation", "ingest") if axis in status]
    receivers = sorted({fact["receiver"] for fact in _deliveries(status) if "receiver" in fact})
    issued = next((f["issue_date"] for f in told if "issue_date" in f), None)
    times = [fact["at"] for fact in status.values()]
    return Shown(
        headline=headline,
        because=because,
        number=next((f["number"] for f in told if "number" in f), None),
        issue_date=date.fromisoformat(issued) if issued else None,
        sender=next((f["sender"] for f in told if "sender" in f), None),
        receiver=", ".join(receivers) or next((f["receiver"] for f in told if "receiver" in f), None),
        filename=ingest.get("filename") if ingest else None,
        received_at=datetime.fromisoformat(ingest["at"] if ingest else min(times)),
        updated_at=datetime.fromisoformat(max(times)),
    )


def headline_of(status: Status) -> tuple[Headline, Fact]:
    """The headline and the fact it stands on; the module's text says how it is found."""
    for axis, value, headline in _ENDS:
        fact = status.get(axis)
        if fact is not None and fact["value"] == value:
            return headline, fact
    receivers = _best_by_receiver(status)
    worst = min(receivers.values(), key=lambda f: (_rank(f), f["axis"]), default=None)
    rank = _rank(worst) if worst is not None else None
    several_and_one_failed = len(receivers) > 1 and rank is not None and rank < _MOVING
    if not several_and_one_failed:
        for axis, value, headline in _BOOKED:
            booked = status.get(axis)
            if booked is not None and booked["value"] == value:
                return headline, booked
    parked = status.get("routing")
    if parked is not None and parked["value"] == "parked" and (rank is None or rank < _MOVING):
        return "parked", parked
    if worst is not None and rank is not None:
        return _BY_RANK[rank], worst
    return "received", _furthest(status)


def stands(status: Status, axis: str, event_id: str) -> bool:
    """Whether this fact is still how things are: nothing newer on its axis, and, for a delivery that failed,
    no other channel that reached the same receiver."""
    fact = status.get(axis)
    if fact is None or fact["event_id"] != event_id:
        return False
    if not axis.startswith(_DELIVERY):
        return True
    return _best_by_receiver(status)[_receiver(axis)] == fact or _rank(fact) >= _MOVING


def _deliveries(status: Status) -> list[Fact]:
    return [fact for axis, fact in status.items() if axis.startswith(_DELIVERY)]


def _best_by_receiver(status: Status) -> dict[str, Fact]:
    best: dict[str, Fact] = {}
    for fact in _deliveries(status):
        receiver = _receiver(fact["axis"])
        standing = best.get(receiver)
        if standing is None or (_rank(fact), fact["axis"]) > (_rank(standing), standing["axis"]):
            best[receiver] = fact
    return best


def _receiver(axis: str) -> str:
    return axis.rpartition(":")[2]


def _rank(fact: Fact) -> int:
    # A word of a newer release is read as "under way": neither a problem nor a success is made up.
    return _RANKS.get(fact["value"], _MOVING)


def _furthest(status: Status) -> Fact:
    for axis in ("routing", "validation", "ingest"):
        if axis in status:
            return status[axis]
    return max(status.values(), key=lambda f: (f["at"], f["axis"]))
