"""SQL of decisions and parked invoices: each statement stands beside the one function that runs it.

The directory has its own in ``directory.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

import orjson

from libs.contracts import registry
from libs.contracts.envelope import Event
from libs.contracts.parts import Difference, Receiver, Words
from libs.db.types import Connection, Pool
from services.route.companies.directory import as_text
from services.route.deciding.decision import Key

Outcome = Literal["routed", "parked", "released", "returned"]


ENDS: frozenset[Outcome] = frozenset({"routed", "returned"})
"""After these nothing is decided any more."""


class Last(NamedTuple):
    """The latest fact of an invoice on the routing axis; number 0 when there is none."""

    sequence: int = 0
    outcome: Outcome | None = None


_LAST = """
SELECT DISTINCT ON (invoice_id) invoice_id, sequence, outcome FROM decision
 WHERE invoice_id = ANY ($1::uuid[]) ORDER BY invoice_id, sequence DESC
"""


async def last(conn: Connection | Pool, invoices: Collection[UUID]) -> dict[UUID, Last]:
    """Where these invoices stand. Two transactions that go on from the same place clash on the key."""
    rows = await conn.fetch(_LAST, list(invoices))
    return {row["invoice_id"]: Last(row["sequence"], row["outcome"]) for row in rows}


class Fact(NamedTuple):
    """One row of ``decision``."""

    invoice_id: UUID
    sequence: int
    account_id: UUID
    outcome: Outcome
    code: str | None = None
    receiver: Receiver | None = None


_INSERT_FACTS = """
INSERT INTO decision (invoice_id, sequence, account_id, outcome, code, receiver)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[])
"""


async def insert_facts(conn: Connection, facts: Sequence[Fact]) -> None:
    if facts:
        await conn.execute(
            _INSERT_FACTS,
            [f.invoice_id for f in facts],
            [f.sequence for f in facts],
            [f.account_id for f in facts],
            [f.outcome for f in facts],
            [f.code for f in facts],
            [orjson.Fragment(f.receiver.model_dump_json()) if f.receiver else None for f in facts],
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """An invoice that is being parked, with the event it goes on from."""

    invoice_id: UUID
    account_id: UUID
    code: str
    reason: Words
    waits_for: tuple[Key, ...]
    validated: Event
    first: UUID | None = None
    differences: tuple[Difference, ...] = ()


_PARK = """
INSERT INTO parked (invoice_id, account_id, code, reason, waits_for, validated, first_id, differences)
SELECT invoice_id, account_id, code, reason,
       ARRAY(SELECT jsonb_array_elements_text(waits_for::jsonb)), validated, first_id, differences::jsonb
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[], $5::text[], $6::jsonb[], $7::uuid[], $8::text[])
       AS t (invoice_id, account_id, code, reason, waits_for, validated, first_id, differences)
ON CONFLICT (invoice_id) DO UPDATE
   SET code = excluded.code, reason = excluded.reason, waits_for = excluded.waits_for,
       validated = excluded.validated, first_id = excluded.first_id, differences = excluded.differences
"""


async def park(conn: Connection, waiting: Sequence[Waiting]) -> None:
    """Park invoices, or say anew why one waits."""
    if waiting:
        await conn.execute(
            _PARK,
            [w.invoice_id for w in waiting],
            [w.account_id for w in waiting],
            [w.code for w in waiting],
            [w.reason.model_dump() for w in waiting],
            # As text: a list inside an array of jsonb would be taken for another dimension of the array.
            [orjson.dumps([as_text(key) for key in w.waits_for]).decode() for w in waiting],
            [orjson.loads(w.validated.encode()) for w in waiting],
            [w.first for w in waiting],
            [orjson.dumps([each.model_dump() for each in w.differences]).decode() for w in waiting],
        )


_CLOSE = """
UPDATE parked p SET state = t.state, closed_at = now()
  FROM unnest($1::uuid[], $2::text[]) AS t (invoice_id, state)
 WHERE p.invoice_id = t.invoice_id AND p.state = 'open'
"""


async def close(conn: Connection, invoices: Mapping[UUID, Literal["released", "returned"]]) -> None:
    """These wait no longer."""
    if invoices:
        await conn.execute(_CLOSE, list(invoices), list(invoices.values()))


_LOCK_OPEN = """
SELECT invoice_id, validated FROM parked
 WHERE invoice_id = ANY ($1::uuid[]) AND state = 'open' ORDER BY invoice_id FOR NO KEY UPDATE
"""


async def lock_open(conn: Connection, invoices: Collection[UUID]) -> list[Event]:
    """The validated events of those that still wait; nobody else moves them until this transaction ends."""
    rows = await conn.fetch(_LOCK_OPEN, sorted(invoices))
    return [registry.decode(row["validated"]) for row in rows]


_WAITS = "SELECT invoice_id, code, waits_for FROM parked WHERE invoice_id = ANY ($1::uuid[])"


async def waits(conn: Connection, invoices: Collection[UUID]) -> dict[UUID, tuple[str, frozenset[str]]]:
    """Why these wait, as a code, and for what."""
    rows = await conn.fetch(_WAITS, list(invoices))
    return {row["invoice_id"]: (row["code"], frozenset(row["waits_for"])) for row in rows}


@dataclass(frozen=True, slots=True)
class Silent:
    """An invoice that waits and whose sender is told now when it is given back."""

    validated: Event
    code: str
    reason: Words
    return_at: datetime
    first: UUID | None
    differences: tuple[Difference, ...]


# SKIP LOCKED: who is releasing one of these, or taking it back, is not waited for and not overtaken.
_LOCK_SILENT = """
WITH silent AS (
    SELECT invoice_id FROM parked
     WHERE state = 'open' AND return_at IS NULL AND parked_at <= now() - $1::interval / 2
     ORDER BY parked_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE parked p SET return_at = greatest(p.parked_at + $1::interval, now() + $1::interval / 2)
  FROM silent WHERE p.invoice_id = silent.invoice_id
RETURNING p.validated, p.code, p.reason, p.return_at, p.first_id, p.differences
"""


async def lock_silent(conn: Connection, patience: timedelta, limit: int) -> list[Silent]:
    """The longest waiting of which half the time is over, with the day on which they are given back, set now."""
    return [
        Silent(
            registry.decode(row["validated"]),
            row["code"],
            Words.model_validate(row["reason"]),
            row["return_at"],
            row["first_id"],
            tuple(Difference.model_validate(each) for each in row["differences"]),
        )
        for row in await conn.fetch(_LOCK_SILENT, patience, limit)
    ]


_LOCK_OVERDUE = """
SELECT validated FROM parked WHERE state = 'open' AND return_at <= now()
 ORDER BY return_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
"""


async def lock_overdue(conn: Connection, limit: int) -> list[Event]:
    """The validated events of those whose day has come."""
    return [registry.decode(row["validated"]) for row in await conn.fetch(_LOCK_OVERDUE, limit)]


# Whoever wants the number by now, waiting or not, is the sender's newer word.
_REOPEN = """
WITH again AS (
    UPDATE parked p SET state = 'open', closed_at = NULL, return_at = NULL, parked_at = now()
      FROM unnest($1::uuid[], $2::uuid[]) AS over (first_id, since),
           LATERAL (SELECT invoice_id FROM parked d
                     WHERE d.first_id = over.first_id AND d.state = 'returned' AND d.code = 'duplicate'
                       AND d.invoice_id >= over.since ORDER BY invoice_id DESC LIMIT 1) AS newest
     WHERE p.invoice_id = newest.invoice_id
       AND NOT EXISTS (SELECT FROM parked w
                        WHERE w.state = 'open' AND w.waits_for @> ARRAY['invoice:' || over.first_id])
       AND NOT EXISTS (SELECT FROM numbered o JOIN numbered h USING (key)
                        WHERE o.invoice_id = over.first_id AND h.state = 'holds')
    RETURNING p.first_id
)
INSERT INTO arrival (scheme, value) SELECT 'invoice', first_id::text FROM again
ON CONFLICT (scheme, value) DO UPDATE SET after = DEFAULT
"""


async def reopen(conn: Connection, since: Mapping[UUID, UUID]) -> None:
    """By invoice that is undeliverable, the smallest id that one can have that came in after it was. The last of those that
    were given its answer (``duplicate``) since then may go on instead: its sender knew, and route did not."""
    if since:
        await conn.execute(_REOPEN, list(since), list(since.values()))


@dataclass(frozen=True, slots=True)
class Arrival:
    """An identifier that has come to be known, and how far releasing what waited for it has got."""

    key: Key
    after: UUID


_NEXT_ARRIVAL = """
SELECT scheme, value, after FROM arrival ORDER BY arrived_at, scheme, value LIMIT 1 FOR UPDATE SKIP LOCKED
"""


async def next_arrival(conn: Connection) -> Arrival | None:
    """The oldest that nobody else is working on."""
    row = await conn.fetchrow(_NEXT_ARRIVAL)
    return Arrival((row["scheme"], row["value"]), row["after"]) if row else None


_WAIT_FOR = """
SELECT invoice_id, validated FROM parked
 WHERE state = 'open' AND waits_for @> ARRAY[$1] AND invoice_id > $2
 ORDER BY invoice_id LIMIT $3 FOR NO KEY UPDATE
"""


async def lock_waiting_for(conn: Connection, arrival: Arrival, limit: int) -> list[Event]:
    """The validated events of the next invoices that wait for it."""
    rows = await conn.fetch(_WAIT_FOR, as_text(arrival.key), arrival.after, limit)
    return [registry.decode(row["validated"]) for row in rows]


_ARRIVAL_GOT_TO = "UPDATE arrival SET after = $3 WHERE scheme = $1 AND value = $2"
_ARRIVAL_DONE = "DELETE FROM arrival WHERE scheme = $1 AND value = $2"


async def arrival_got_to(conn: Connection, arrival: Arrival, after: UUID | None) -> None:
    """Note how far it got; None: nothing waits for it any more."""
    if after is None:
        await conn.execute(_ARRIVAL_DONE, *arrival.key)
    else:
        await conn.execute(_ARRIVAL_GOT_TO, *arrival.key, after)


_PARKED = """
SELECT invoice_id, account_id, code, reason, waits_for, state, parked_at, closed_at, return_at, first_id, differences,
       validated -> 'data' -> 'summary' AS summary
  FROM parked WHERE invoice_id = $1
"""


async def parked(conn: Connection, invoice_id: UUID) -> dict[str, Any] | None:
    """One invoice that waits or waited, as the role and account of ``conn`` may see it."""
    row = await conn.fetchrow(_PARKED, invoice_id)
    return dict(row) if row else None


_OPEN = """
SELECT invoice_id, account_id, code, reason, waits_for, state, parked_at, closed_at, return_at, first_id, differences,
       validated -> 'data' -> 'summary' AS summary
  FROM parked
 WHERE state = 'open' AND (parked_at, invoice_id) > ($1, $2)
 ORDER BY parked_at, invoice_id LIMIT $3
"""


async def waiting(conn: Connection, after: tuple[datetime, UUID], limit: int) -> list[Mapping[str, Any]]:
    """A page of what waits, longest first, as the role and account of ``conn`` may see it."""
    return [dict(row) for row in await conn.fetch(_OPEN, *after, limit)]


ERASE = (
    "DELETE FROM parked WHERE invoice_id = ANY ($1::uuid[])",
    "DELETE FROM numbered WHERE invoice_id = ANY ($1::uuid[])",
    "DELETE FROM decision WHERE invoice_id = ANY ($1::uuid[])",
)
"""Of invoices that were kept as long as they must be (``libs.messaging.erasing``). What was learnt from them about
companies stays with the companies."""
