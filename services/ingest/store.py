"""SQL of submissions and invoices: each statement stands beside the one function that runs it.

Accounts and credentials have theirs in ``accounts.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias
from uuid import UUID

from libs.contracts.envelope import Event
from libs.db.types import Connection, Pool
from libs.documents.store import DocumentStore, NewDocument, prepare
from libs.errors import HubError
from libs.messaging import outbox
from services.ingest.uploads import remembered
from services.ingest.uploads.receipts import Kept, receipt
from services.ingest.uploads.remembered import Told
from services.ingest.uploads.submissions import Item, Submission
from services.ingest.uploads.words import REASONS

Outcome: TypeAlias = tuple[Kept, ...] | Told
"""What became of the items of a submission; of one with a key, what its caller is told."""


class Unsettled(HubError):
    """The first of two equal invoices was closed while the second came in: the write must be tried again."""

    slug = "unsettled"
    status = 503


_INSERT_SUBMISSIONS = """
INSERT INTO submission (submission_id, account_id, channel, mail_from, mail_id, mail_facts, mail_head)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::bytea[])
"""

# ON CONFLICT waits for a transaction that is writing the same bytes, so of two equal invoices exactly one
# is new, whatever the timing.
_INSERT_INVOICES = """
INSERT INTO invoice (invoice_id, submission_id, account_id, position, filename, sha256, pdf_sha256, outcome,
                     syntax, reason_code, reason, fields, open)
SELECT invoice_id, submission_id, account_id, position, filename, sha256, pdf_sha256, outcome, syntax,
       reason_code, reason, fields, outcome = 'received'
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::bytea[], $7::bytea[],
              $8::text[], $9::text[], $10::text[], $11::jsonb[], $12::jsonb[])
       AS t (invoice_id, submission_id, account_id, position, filename, sha256, pdf_sha256, outcome, syntax,
             reason_code, reason, fields)
ON CONFLICT (account_id, sha256) WHERE open DO NOTHING
RETURNING invoice_id
"""

_FIND_FIRST = """
SELECT i.account_id, i.sha256, i.invoice_id, i.submission_id, i.pdf_sha256, i.fields
  FROM invoice i
  JOIN unnest($1::uuid[], $2::bytea[]) AS t (account_id, sha256)
    ON i.account_id = t.account_id AND i.sha256 = t.sha256
 WHERE i.open
"""

_COUNT_REPEATS = """
SELECT invoice_id, count(*) AS times FROM repeat WHERE invoice_id = ANY ($1::uuid[]) GROUP BY invoice_id
"""

_LOCK_FIRST = (
    "SELECT 1 FROM invoice WHERE invoice_id = ANY ($1::uuid[]) ORDER BY invoice_id FOR NO KEY UPDATE"
)

_INSERT_REPEATS = """
INSERT INTO repeat (submission_id, invoice_id, account_id, position, sequence, filename, code, reason)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::int[], $6::text[], $7::text[],
                     $8::jsonb[])
"""


async def keep(pool: Pool, documents: DocumentStore, submissions: Sequence[Submission]) -> list[Outcome]:
    """Store submissions, their documents, their events and what is told under their keys in one transaction.

    Returns per submission what became of it; an error belongs to that one and not to the others.
    """
    sources = {i.source.document_id: i.source for s in submissions for i in s.items if i.source is not None}
    await prepare([*(d for s in submissions for item in s.items for d in item.documents), *sources.values()])
    keyed = [(s, s.key) for s in submissions if s.key is not None]
    async with pool.acquire() as conn, conn.transaction():
        told = await remembered.claim(conn, keyed) if keyed else {}
        now = [s for s in submissions if s.submission_id not in told] if told else submissions
        kept = await _keep(conn, documents, now) if now else {}
        if keyed:
            replies = {
                s.submission_id: receipt(s.submission_id, kept[s.submission_id])
                for s, _ in keyed
                if s.submission_id in kept
            }
            await remembered.remember(
                conn, [(s, key, replies[s.submission_id]) for s, key in keyed if s.submission_id in replies]
            )
            told = {**told, **replies}
    return [told.get(s.submission_id) or kept[s.submission_id] for s in submissions]


async def _keep(
    conn: Connection, documents: DocumentStore, submissions: Sequence[Submission]
) -> dict[UUID, tuple[Kept, ...]]:
    await conn.execute(
        _INSERT_SUBMISSIONS,
        [s.submission_id for s in submissions],
        [s.account_id for s in submissions],
        [s.channel for s in submissions],
        [s.mail.sender if s.mail else None for s in submissions],
        [s.mail.message_id if s.mail else None for s in submissions],
        [s.mail.facts if s.mail else None for s in submissions],
        [s.mail.head if s.mail else None for s in submissions],
    )
    pairs = [(submission, item) for submission in submissions for item in submission.items]
    fresh = await _insert_invoices(conn, pairs)
    new = [(s, i) for s, i in pairs if i.invoice_id in fresh]
    events = [item.event for _, item in new]
    # A file that several invoices were taken out of belongs to each of them, and is stored once.
    whole = {i.source.document_id: (s.account_id, i.source) for s, i in new if i.source is not None}
    kept = [(s.account_id, d) for s, item in new for d in item.documents]
    await documents.put_many(conn, [*kept, *whole.values()])
    again = [(s, i) for s, i in pairs if i.invoice_id not in fresh]
    firsts, repeats = await _repeat(conn, documents, again) if again else ({}, [])
    await outbox.append(conn, [*events, *repeats])
    return {
        submission.submission_id: tuple(
            Kept(item.invoice_id, submission.submission_id, item.filename)
            if item.invoice_id in fresh
            else firsts[item.invoice_id]
            for item in submission.items
        )
        for submission in submissions
    }


async def _insert_invoices(conn: Connection, pairs: Sequence[tuple[Submission, Item]]) -> set[UUID]:
    rows = await conn.fetch(
        _INSERT_INVOICES,
        [i.invoice_id for _, i in pairs],
        [s.submission_id for s, _ in pairs],
        [s.account_id for s, _ in pairs],
        [i.position for _, i in pairs],
        [i.filename for _, i in pairs],
        [i.sha256 for _, i in pairs],
        [i.pdf.sha256 if i.pdf else None for _, i in pairs],
        ["received" if i.upload else "quarantined" for _, i in pairs],
        [i.upload.syntax if i.upload else None for _, i in pairs],
        [i.refused.code if i.refused else None for _, i in pairs],
        [i.refused.reason.model_dump() if i.refused else None for _, i in pairs],
        [i.fields for _, i in pairs],
    )
    return {row["invoice_id"] for row in rows}


async def _repeat(
    conn: Connection, documents: DocumentStore, again: Sequence[tuple[Submission, Item]]
) -> tuple[dict[UUID, Kept], list[Event]]:
    rows = await conn.fetch(_FIND_FIRST, [s.account_id for s, _ in again], [i.sha256 for _, i in again])
    first = {(row["account_id"], row["sha256"]): row for row in rows}
    if any((s.account_id, i.sha256) not in first for s, i in again):
        raise Unsettled
    ids = sorted({row["invoice_id"] for row in rows})
    await conn.execute(_LOCK_FIRST, ids)
    times = {row["invoice_id"]: int(row["times"]) for row in await conn.fetch(_COUNT_REPEATS, ids)}
    kept: dict[UUID, Kept] = {}
    events: list[Event] = []
    sequences: list[int] = []
    left_out: list[tuple[UUID, NewDocument]] = []
    for submission, item in again:
        row = first[submission.account_id, item.sha256]
        number = times[row["invoice_id"]] = times.get(row["invoice_id"], 0) + 1
        sequences.append(number)
        pdf = item.pdf if item.pdf and item.pdf.sha256 != row["pdf_sha256"] else None
        if pdf is not None:
            left_out.append((submission.account_id, pdf))
        code = "pdf-not-added" if pdf else None
        if item.fields and item.fields != row["fields"]:
            code = "fields-not-added"
        kept[item.invoice_id] = Kept(row["invoice_id"], row["submission_id"], item.filename, True, code)
        events.append(submission.repeated(item, row["invoice_id"], number, pdf))
    await documents.put_many(conn, left_out)
    codes = [kept[i.invoice_id].code for _, i in again]
    await conn.execute(
        _INSERT_REPEATS,
        [s.submission_id for s, _ in again],
        [kept[i.invoice_id].invoice_id for _, i in again],
        [s.account_id for s, _ in again],
        [i.position for _, i in again],
        sequences,
        [i.filename for _, i in again],
        codes,
        [REASONS[code].model_dump() if code else None for code in codes],
    )
    return kept, events


_CLOSE = """
UPDATE invoice i SET open = false, closed_by = t.closed_by
  FROM unnest($1::uuid[], $2::text[]) AS t (invoice_id, closed_by)
 WHERE i.invoice_id = t.invoice_id AND i.open
"""


async def close(conn: Connection, outcomes: Sequence[tuple[UUID, str]]) -> None:
    """The hub is done with these without delivering them rightly: the same bytes are a new invoice from now on."""
    await conn.execute(_CLOSE, [invoice for invoice, _ in outcomes], [why for _, why in outcomes])


_SUBMISSION = """
SELECT s.submission_id, s.channel, s.received_at, s.expired_at, s.mail_facts AS mail,
       (SELECT coalesce(jsonb_agg(x.item ORDER BY x.position), '[]'::jsonb) FROM (
            SELECT i.position, jsonb_build_object('invoice_id', i.invoice_id, 'filename', i.filename,
                   'status', i.outcome, 'code', i.reason_code, 'reason', i.reason, 'fields', i.fields) AS item
              FROM invoice i WHERE i.submission_id = s.submission_id
             UNION ALL
            SELECT r.position, jsonb_build_object('invoice_id', r.invoice_id, 'filename', r.filename,
                   'status', 'duplicate', 'code', r.code, 'reason', r.reason)
              FROM repeat r WHERE r.submission_id = s.submission_id) x) AS invoices
  FROM submission s
 WHERE s.submission_id = $1
"""


async def submission(conn: Connection, submission_id: UUID) -> dict[str, Any] | None:
    """One submission with its invoices, as the account set on ``conn`` may see it."""
    row = await conn.fetchrow(_SUBMISSION, submission_id)
    return dict(row) if row else None
