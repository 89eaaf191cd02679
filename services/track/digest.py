"""Which invoices need a look: sums over ranges of invoice ids, compared between the services.

A service's rows of one part in one range of ids are summed up as how many there are and the exclusive or of
64 bit hashes of their ids. What one service gave on, the next one must hold, so the sums balance; where
they do, every invoice of the range has its place and only the counts are needed. A range that does not
balance is cut into smaller ones, until what is left is worth reading row by row. What is under way between two services
is young and its ids are neighbours, so that is little, whatever the number of invoices there ever were.

The hash is no secret and no defence against somebody who forges rows: it finds rows that are gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeAlias
from uuid import UUID

from libs.contracts.sandbox import IN_SQL
from services.track.books import Service

PARTS: Mapping[Service, Sequence[str]] = {
    "ingest": ("received", "quarantined"),
    "validate": ("valid", "invalid"),
    "route": ("routed", "returned"),
    "deliver": ("delivered", "undeliverable", "receipt"),
    "track": (
        "status", "told-delivered", "told-undeliverable", "told-returned", "told-invalid", "told-quarantined",
    ),
}  # fmt: skip
"""What is summed range by range: each has an index of invoice ids."""

PASSING: Mapping[Service, Sequence[str]] = {
    "route": ("waiting",),
    "deliver": ("queued", "attempting", "parked"),
}
"""What is summed in one go, because it is little and changes too much for an index of its own."""

BALANCES: Sequence[tuple[Sequence[str], Sequence[str]]] = (
    (("received",), ("valid", "invalid")),
    (("valid",), ("routed", "returned", "waiting")),
    (("routed",), ("queued", "attempting", "parked", "delivered", "undeliverable")),
    (("delivered",), ("receipt",)),
    (("delivered",), ("told-delivered",)),
    (("undeliverable",), ("told-undeliverable",)),
    (("returned",), ("told-returned",)),
    (("invalid",), ("told-invalid",)),
    (("quarantined",), ("told-quarantined",)),
    (("received", "quarantined"), ("status",)),
)
"""What holds when nothing is between two services and no row is missing."""

LIVE = f"NOT {IN_SQL.format(column='invoice_id')}"
"""What is tried out in the sandbox is in no book."""

_LAST = (1 << 128) - 1


@dataclass(frozen=True, slots=True)
class Sum:
    """How many ids, and the exclusive or of their hashes."""

    count: int = 0
    mark: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.count + other.count, self.mark ^ other.mark)


Sums: TypeAlias = Mapping[str, Sum]
"""Of one range: by part; one that is not there is nothing."""


def total(sums: Sums, *parts: str) -> Sum:
    """Several parts together."""
    return sum((sums.get(part, Sum()) for part in parts), Sum())


def balanced(sums: Sums) -> bool:
    """Whether every invoice of this range has its place."""
    return all(total(sums, *left) == total(sums, *right) for left, right in BALANCES)


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Invoice ids from ``low`` up to but not including ``high``."""

    low: UUID
    high: UUID

    def split(self, pieces: int) -> Iterator[Range]:
        """As many equal ranges, or one for each id if there are fewer."""
        step = max(1, (self.high.int - self.low.int) // pieces)
        bounds = [*range(self.low.int, self.high.int, step)][:pieces]
        for low, high in zip(bounds, [*bounds[1:], self.high.int], strict=True):
            yield Range(UUID(int=low), UUID(int=high))


_LADDER = (
    # back to, steps
    (timedelta(days=3650), 60),
    (timedelta(days=180), 60),
    (timedelta(days=14), 60),
    (timedelta(days=1), 48),
    (timedelta(hours=1), 60),
)


def ranges(now: datetime) -> list[Range]:
    """All ids there can be, in their order. An id begins with the instant of its making (UUIDv7, RFC 9562), so
    the ranges are stretches of time: minutes up to ``now``, where things move, and months long ago."""
    bounds = [UUID(int=0)]
    for (back, steps), (until, _) in zip(_LADDER, (*_LADDER[1:], (timedelta(0), 0)), strict=True):
        bounds += [_born(now - back + (back - until) * n / steps) for n in range(steps)]
    bounds += [_born(now + timedelta(minutes=1)), UUID(int=_LAST)]
    return [Range(low, high) for low, high in pairwise(bounds)]


def _born(instant: datetime) -> UUID:
    return UUID(int=int(instant.timestamp() * 1000) << 80)


def in_ranges(schema: str, part: str) -> str:
    """The query of one part's sums: $1 and $2 are arrays of lows and highs, ascending."""
    return f"""
SELECT r.n - 1, d.count, d.mark
  FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS r (low, high, n), LATERAL (
       SELECT count(*), coalesce(bit_xor(uuid_hash_extended(invoice_id, 0)), 0) AS mark
         FROM {schema}.ledger
        WHERE part = '{part}' AND invoice_id >= r.low AND invoice_id < r.high AND {LIVE}) AS d
 WHERE d.count > 0
"""  # noqa: S608 - constants of this module


def in_one_go(schema: str, part: str) -> str:
    """The same from one reading of the part: every second step between the bounds is a range."""
    return f"""
SELECT (step - 1) / 2, count(*), bit_xor(uuid_hash_extended(invoice_id, 0))
  FROM (SELECT invoice_id, width_bucket(invoice_id, bounds) AS step
          FROM {schema}.ledger, (
               SELECT array_agg(bound ORDER BY n, bound) AS bounds
                 FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS r (low, high, n),
                      unnest(ARRAY[low, high]) AS bound) AS b
         WHERE part = '{part}' AND {LIVE}) AS t
 WHERE step % 2 = 1
 GROUP BY step
"""  # noqa: S608 - constants of this module
