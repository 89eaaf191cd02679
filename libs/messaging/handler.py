"""What a service writes to handle the events of one queue. Everything else is the consumer's business.

::

    events ──gather──▶ known ──decide (per event, pure)──▶ decisions ──write (one transaction)──▶ new events
                                   │ Reject / Park ▶ refused(event, word) ▶ a decision like any other
                                   │ Retry         ▶ a row in the outbox with not_before
                                   └ anything else ▶ transient: retried with backoff, then a dead letter

``gather`` reads in bulk and changes nothing. ``decide`` sees one event and must not do I/O: one bad
event cannot hurt its neighbours. ``write`` gets only events this consumer has not written before; it
runs in the transaction that also holds the inbox rows and the outgoing events. If it fails, the batch
is bisected until the one that fails stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from libs.contracts.envelope import Event, Payload
from libs.errors import Park, Reject
from libs.messaging.pacing import CREDIT

if TYPE_CHECKING:
    from libs.db.types import Connection

K = TypeVar("K")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Decided(Generic[D]):
    """An event with what was decided about it."""

    event: Event
    decision: D


@dataclass(frozen=True, slots=True)
class Pace:
    """How a consumer cuts its batches. A batch costs much the same full or nearly empty, so company is waited for:
    not after a quiet moment, but long enough that batches under load do not shrink to a handful."""

    seconds: float
    """From the beginning of a batch to that of the next, unless that one is full before."""
    events: int = 200
    """A full batch."""
    messages: int = 20
    """Held at once, each of at most 200 events."""
    credit: int = 0
    """Batches put by in a quiet while, which are then cut at once (``pacing``)."""


PROMPT = Pace(0.05, credit=CREDIT)
"""Somebody's invoice waits for it."""

AT_LEISURE = Pace(0.5, events=2000, messages=200)
"""Nothing follows from it: several events about one invoice become one write."""


P = TypeVar("P", bound=Payload)


class Plain(Generic[P]):
    """A handler that reads nothing beforehand and decides nothing: what its events say is written. Subclasses add
    ``write``."""

    queue: str
    hears: tuple[type[P], ...]
    """What comes to this queue."""
    pace = AT_LEISURE
    heavy = False

    async def gather(self, events: Sequence[Event]) -> None:
        return None

    def decide(self, event: Event, known: None) -> P:
        data = event.data
        if not isinstance(data, self.hears):
            raise TypeError(f"{event.type} is not for {self.queue}")
        return data

    def refused(self, event: Event, word: Reject | Park) -> P:
        raise word


class Handler(Protocol[K, D]):
    queue: str
    """The queue this handler consumes, as named in ``libs.contracts.topology``."""
    pace: Pace
    heavy: bool
    """True when ``decide`` costs more than about a tenth of a millisecond: it then runs in a thread."""

    async def gather(self, events: Sequence[Event]) -> K:
        """Read everything ``decide`` needs for these events, in bulk. Per-event trouble belongs into
        what is returned; raising fails the whole batch as transient."""

    def decide(self, event: Event, known: K) -> D:
        """Decide about one event. Pure. May raise ``Retry``, ``Reject``, ``Park``."""

    def refused(self, event: Event, word: Reject | Park) -> D:
        """Turn a ``Reject`` or ``Park`` into a decision. A handler that never says them raises ``word``
        again: the event then ends as a dead letter with its cause."""

    async def write(self, conn: Connection, decided: Sequence[Decided[D]]) -> Sequence[Event]:
        """Write all decisions, set-based, and return the events to emit."""
