"""SQL of the timeline, the status and the accounts: each statement beside the one function that runs it.

The notices have theirs in ``mailings.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.contracts.envelope import Event
from libs.contracts.party import AccountRegistered
from libs.db.types import Connection, Record
from services.track.labels import PROBLEMS, Headline
from services.track.status import NOTHING, Fact, Status, apply_all, show


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the timeline."""

    event: Event
    invoice_id: UUID
    axis: str
    sequence: int
    body: bytes


# In the order of their ids, as everything here: two consumers that write the same rows never wait for each
# other in a circle.
_INSERT_FACTS = """
INSERT INTO fact (event_id, invoice_id, account_id, axis, sequence, type, occurred_at, traceparent, body)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::int[], $6::text[],
                     $7::timestamptz[], $8::text[], $9::bytea[])
ON CONFLICT (event_id) DO NOTHING
RETURNING event_id
"""


async def record(conn: Connection, entries: Iterable[Entry]) -> set[UUID]:
    """Add entries to the timeline; returns the event ids that were not there yet."""
    rows = sorted(entries, key=lambda entry: entry.event.id)
    found = await conn.fetch(
        _INSERT_FACTS,
        [e.event.id for e in rows],
        [e.invoice_id for e in rows],
        [e.event.account for e in rows],
        [e.axis for e in rows],
        [e.sequence for e in rows],
        [e.event.type for e in rows],
        [e.event.time for e in rows],
        [e.event.traceparent for e in rows],
        [e.body for e in rows],
    )
    return {row["event_id"] for row in found}


@dataclass(frozen=True, slots=True)
class News:
    """What a batch has to say about one invoice."""

    account_id: UUID
    facts: Sequence[Fact]


_EXISTING = "SELECT invoice_id FROM status WHERE invoice_id = ANY ($1::uuid[]) AND role = 'sender'"

_INSERT_STATUS = """
INSERT INTO status (role, account_id, invoice_id, headline, problem, reason, number, issue_date, sender,
                    receiver, filename, axes, received_at, updated_at)
SELECT 'sender', * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::boolean[], $5::jsonb[], $6::text[],
                               $7::date[], $8::text[], $9::text[], $10::text[], $11::jsonb[],
                               $12::timestamptz[], $13::timestamptz[])
ON CONFLICT DO NOTHING
RETURNING invoice_id
"""

_LOCK_STATUS = """
SELECT invoice_id, axes FROM status WHERE invoice_id = ANY ($1::uuid[]) AND role = 'sender'
 ORDER BY invoice_id FOR NO KEY UPDATE
"""

_UPDATE_STATUS = """
UPDATE status s
   SET headline = t.headline, problem = t.problem, reason = t.reason, number = t.number,
       issue_date = t.issue_date, sender = t.sender, receiver = t.receiver, filename = t.filename,
       axes = t.axes, received_at = t.received_at, updated_at = t.updated_at
  FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::jsonb[], $5::text[], $6::date[], $7::text[],
              $8::text[], $9::text[], $10::jsonb[], $11::timestamptz[], $12::timestamptz[])
       AS t (invoice_id, headline, problem, reason, number, issue_date, sender, receiver, filename, axes,
             received_at, updated_at)
 WHERE s.invoice_id = t.invoice_id AND s.role = 'sender'
"""


async def project(conn: Connection, news: Mapping[UUID, News]) -> dict[UUID, Status]:
    """Bring the status of these invoices up to date; returns it.

    At most four statements, whatever the size of the batch. An invoice nobody knows is inserted as its news
    makes it; where a concurrent transaction is doing the same, the insert waits for it. Every other row is
    locked, read, and only then added to. Nobody waits in a circle: inserts and locks each go in the order of
    ids, and who is past its inserts wants no row that another one may be inserting.
    """
    if not news:
        return {}
    done = {invoice_id: apply_all(NOTHING, news[invoice_id].facts) for invoice_id in sorted(news)}
    # Whose door-step fact is in the batch is new, or so good as: only of the others it must be asked.
    ask = [invoice_id for invoice_id, status in done.items() if "ingest" not in status]
    existing = {row["invoice_id"] for row in await conn.fetch(_EXISTING, ask)} if ask else set()
    new = {invoice_id: status for invoice_id, status in done.items() if invoice_id not in existing}
    if new:
        inserted = await insert(conn, {each: news[each].account_id for each in new}, new)
        known = [invoice_id for invoice_id in done if invoice_id not in inserted]
    else:
        known = list(done)
    if not known:
        return done
    changed: dict[UUID, Status] = {}
    for invoice_id, before in (await locked(conn, known)).items():
        done[invoice_id] = after = apply_all(before, news[invoice_id].facts)
        if after is not before:
            changed[invoice_id] = after
    await overwrite(conn, changed)
    return done


async def insert(
    conn: Connection, accounts: Mapping[UUID, UUID], statuses: Mapping[UUID, Status]
) -> set[UUID]:
    """Enter statuses of invoices that have none, in their order; returns those that had none."""
    if not statuses:
        return set()
    rows = await conn.fetch(_INSERT_STATUS, [accounts[each] for each in statuses], *_columns(statuses))
    return {row["invoice_id"] for row in rows}


async def locked(conn: Connection, invoices: Sequence[UUID]) -> dict[UUID, Status]:
    """The statuses there are, locked until the transaction ends."""
    rows = await conn.fetch(_LOCK_STATUS, list(invoices))
    return {row["invoice_id"]: row["axes"] for row in rows}


async def overwrite(conn: Connection, statuses: Mapping[UUID, Status]) -> None:
    """Replace statuses whose rows ``conn`` has locked."""
    if statuses:
        await conn.execute(_UPDATE_STATUS, *_columns(statuses))


_WHOLE = """
SELECT invoice_id, headline, problem, reason, number, issue_date, sender, receiver, filename, axes, received_at,
       updated_at
  FROM status WHERE invoice_id = ANY ($1::uuid[]) AND role = 'sender' ORDER BY invoice_id FOR NO KEY UPDATE
"""


async def differing(conn: Connection, statuses: Mapping[UUID, Status]) -> dict[UUID, Status]:
    """Those whose row says something else, in whatever column; all rows there are get locked."""
    expected = {row[0]: row for row in zip(*_columns(statuses), strict=True)}
    rows = await conn.fetch(_WHOLE, list(statuses))
    return {
        row["invoice_id"]: statuses[row["invoice_id"]]
        for row in rows
        if tuple(row) != expected[row["invoice_id"]]
    }


def _columns(statuses: Mapping[UUID, Status]) -> tuple[list[Any], ...]:
    """The columns of the rows of these statuses, as the sender of the invoice may see it: everything."""
    rows = [_row(invoice_id, status) for invoice_id, status in statuses.items()]
    return tuple(list(column) for column in zip(*rows, strict=True))


def _row(invoice_id: UUID, status: Status) -> tuple[Any, ...]:
    shown = show(status)
    return (
        invoice_id,
        shown.headline,
        shown.headline in PROBLEMS,
        {"nl": shown.because["nl"], "en": shown.because["en"]},
        shown.number,
        shown.issue_date,
        shown.sender,
        shown.receiver,
        shown.filename,
        status,
        shown.received_at,
        shown.updated_at,
    )


ERASE = (
    """DELETE FROM notice_attempt a USING notice n
        WHERE a.notice_id = n.notice_id AND n.invoice_id = ANY ($1::uuid[])""",
    "DELETE FROM notice WHERE invoice_id = ANY ($1::uuid[])",
    "DELETE FROM status WHERE invoice_id = ANY ($1::uuid[])",
    "SELECT forget_facts($1::uuid[])",
)
"""Of invoices that were kept as long as they must be (``libs.messaging.erasing``): timeline, status and mails."""

_UPSERT_ACCOUNTS = """
INSERT INTO account AS a (account_id, name, email, language, sequence)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[])
ON CONFLICT (account_id) DO UPDATE
   SET name = excluded.name, email = excluded.email, language = excluded.language,
       sequence = excluded.sequence
 WHERE a.sequence < excluded.sequence
"""


async def know(conn: Connection, claims: Iterable[AccountRegistered]) -> None:
    """Keep the newest of what accounts say about themselves, in whatever order it comes."""
    newest: dict[UUID, AccountRegistered] = {}
    for claim in sorted(claims, key=lambda c: (c.account_id, c.sequence)):
        newest[claim.account_id] = claim
    rows = list(newest.values())
    await conn.execute(
        _UPSERT_ACCOUNTS,
        [r.account_id for r in rows],
        [r.name for r in rows],
        [r.email for r in rows],
        [r.language for r in rows],
        [r.sequence for r in rows],
    )


_COLUMNS = """invoice_id, headline, reason, number, issue_date, sender, receiver, filename, axes, received_at,
       updated_at"""

_ONE = f"SELECT {_COLUMNS} FROM status WHERE invoice_id = $1 AND role = 'sender'"  # noqa: S608


async def invoice(conn: Connection, invoice_id: UUID) -> Record | None:
    """One invoice, if the account set on ``conn`` may see it."""
    return await conn.fetchrow(_ONE, invoice_id)


# A good invoice has less than ten facts that are no repeats and no links, so only these need a limit: how many
# there are is up to whoever sends.
_TIMELINE = """
SELECT * FROM (
    (SELECT event_id, recorded_at, occurred_at, body FROM fact WHERE invoice_id = $1 AND axis NOT IN ('repeat', 'link'))
    UNION ALL
    (SELECT event_id, recorded_at, occurred_at, body FROM fact WHERE invoice_id = $1 AND axis IN ('repeat', 'link')
      ORDER BY occurred_at DESC LIMIT $2)) t
 ORDER BY occurred_at, event_id
"""


async def timeline(conn: Connection, invoice_id: UUID, *, repeats: int = 50) -> list[Record]:
    """All facts of one invoice in order of time, and the newest of its repeats."""
    return await conn.fetch(_TIMELINE, invoice_id, repeats)


_PAGE = f"""
SELECT {_COLUMNS} FROM status
 WHERE role = 'sender' AND (received_at, invoice_id) < ($1, $2) AND ($3::text IS NULL OR headline = $3)
 ORDER BY received_at DESC, invoice_id DESC LIMIT $4
"""  # noqa: S608 - a constant

_PAGE_OF_PROBLEMS = _PAGE.replace("WHERE role", "WHERE problem AND role")


async def page(
    conn: Connection, *, before: tuple[datetime, UUID], headline: Headline | None, limit: int
) -> list[Record]:
    """Invoices of the account set on ``conn``, newest first, older than the keys ``before``."""
    # Problems are few among many: they have an index of their own, which Postgres uses only when told.
    query = _PAGE_OF_PROBLEMS if headline in PROBLEMS else _PAGE
    return await conn.fetch(query, *before, headline, limit)
