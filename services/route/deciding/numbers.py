"""SQL of invoice numbers: who has one, who wants one, whose is free again (R51).

::

    gather: who has these numbers? ─▶ nobody ─────────────▶ taken in the transaction; a key says that only one does
                                  ├─▶ says the same ──────▶ given back, linked    │ somebody was faster, or whoever had
                                  └─▶ says something else ▶ waits for a person    │ it is gone: decided once more
                                                                                  ▼
    locks, in this order: directory (advisory) · parked rows · what may be one number (advisory) · numbers of new ones by
    key · rows of others by id

Whose seller says more of itself, or less, takes its number under another key. So whoever takes one waits for all that may
be deciding about the same number, by a lock that leaves the seller out, and then looks under the other keys once more.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

from libs.contracts.invoice import InvoiceRejected, InvoiceValidated
from libs.contracts.parts import Difference, DocumentRef
from libs.db.types import Connection, Pool, Record
from libs.documents.postgres import fetch
from libs.errors import HubError
from services.route.deciding import comparing
from services.route.deciding.numbering import Number, names_of, number_of, numbered
from services.route.words import INVOICE

Ended = Literal["rejected", "returned", "undeliverable", "recalled"]
_MOST_COMPARED = 10
"""Of the invoices that have one number: the oldest. More than one is there only when a person let it through."""


@dataclass(frozen=True, slots=True)
class Same:
    """Another invoice of this number says the same."""

    first: UUID


@dataclass(frozen=True, slots=True)
class Differs:
    """Others have this number, and none says the same. ``differences``: from the first; None when nobody can tell."""

    first: UUID
    others: tuple[UUID, ...]
    differences: tuple[Difference, ...] | None


Taken: TypeAlias = Mapping[UUID, "Same | Differs"]
"""By invoice, what is against its number."""

# LIMIT: one look-up by the key for each number, whatever the planner believes of a table it has not analysed yet.
_HOLDER = """
SELECT k.key, n.invoice_id, n.document_id, n.sha256, n.size
  FROM (SELECT DISTINCT key FROM unnest($1::uuid[]) AS key) AS k, LATERAL (
       SELECT invoice_id, document_id, sha256, size FROM numbered
        WHERE key = k.key AND state = 'holds' LIMIT 1) AS n
"""
_BESIDE_HOLDER = """
SELECT k.key, n.invoice_id, n.document_id, n.sha256, n.size
  FROM unnest($1::uuid[]) AS k (key), LATERAL (
       SELECT invoice_id, document_id, sha256, size FROM numbered
        WHERE key = k.key AND state = 'beside' ORDER BY invoice_id LIMIT $2) AS n
"""


async def taken(
    conn: Connection | Pool, invoices: Iterable[InvoiceValidated], numbers: Mapping[UUID, Number]
) -> Taken:
    """What is against the ``numbers`` of these (by invoice), one query; another one, and two documents for each, where
    somebody has one of them, or has it while its seller says more or less of itself.

    Of several in ``invoices`` the one that came in first is the first.
    """
    if not numbers:
        return {}
    ordered = sorted(invoices, key=lambda each: each.invoice_id.int)
    have: defaultdict[UUID, dict[UUID, DocumentRef]] = defaultdict(dict)
    rows = await conn.fetch(
        _HOLDER, list(chain.from_iterable((each.key, *each.others) for each in numbers.values()))
    )
    if rows:
        rows += await conn.fetch(_BESIDE_HOLDER, [row["key"] for row in rows], _MOST_COMPARED - 1)
    for row in rows:
        have[row["key"]][row["invoice_id"]] = _original(row)
    found: dict[UUID, Same | Differs] = {}
    for invoice in ordered:
        number = numbers.get(invoice.invoice_id)
        if number is None:
            continue
        own, others = have[number.key], dict(have[number.key])
        for key in number.others:
            others.update(have.get(key, {}))
        if others and invoice.invoice_id not in others:
            if number.others:
                others = dict(sorted(others.items()))  # the first is who came first, whatever its seller said
            found[invoice.invoice_id] = await _compared(conn, invoice, others)
        else:
            own[invoice.invoice_id] = invoice.original
    return found


def _original(row: Record) -> DocumentRef:
    """Enough of a claim check to fetch the document and see that it is the one."""
    return DocumentRef(
        document_id=row["document_id"], sha256=row["sha256"].hex(), size=row["size"], media_type=""
    )


async def _compared(
    conn: Connection | Pool, invoice: InvoiceValidated, others: Mapping[UUID, DocumentRef]
) -> Same | Differs:
    for other, original in others.items():
        if original.sha256 == invoice.original.sha256:
            return Same(other)
    own = await _said(conn, invoice.account_id, invoice.original)
    against: list[tuple[Difference, ...] | None] = []
    for other, original in list(others.items())[:_MOST_COMPARED]:
        differences = comparing.differences(await _said(conn, invoice.account_id, original), own)
        if differences == ():
            return Same(other)
        against.append(differences)
    return Differs(next(iter(others)), tuple(others), against[0])


async def _said(conn: Connection | Pool, account: UUID, original: DocumentRef) -> comparing.Said | None:
    """One document at a time: two hundred of the largest at once would not fit."""
    data = (await fetch(conn, [original], [account]))[original.document_id]
    if isinstance(data, HubError):
        raise data
    return await asyncio.to_thread(comparing.said, data)


# In one order, as the keys are taken. Nobody who has one of these looks at what another has not committed yet.
_ALONE_WITH = """
SELECT pg_advisory_xact_lock(lock)
  FROM (SELECT DISTINCT lock FROM unnest($1::bigint[]) AS lock ORDER BY lock OFFSET 0) AS asked
"""


async def alone_with(conn: Connection, wanted: Iterable[Number]) -> None:
    """Until this transaction ends nobody else takes one of these, whatever it says of its seller. A statement of its own:
    the next one sees what was committed meanwhile."""
    if locks := [each.lock for each in wanted]:
        await conn.execute(_ALONE_WITH, locks)


class Claim(NamedTuple):
    """What an invoice takes its number with."""

    key: UUID
    others: tuple[UUID, ...]
    """Keys under which nobody may have it. Whom it replaces may have had the first."""
    number: str | None
    """As on the invoice."""
    original: DocumentRef


_TAKE = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bytea[], $6::int[], $7::uuid[])
        AS t (invoice_id, key, number, document_id, sha256, size, also)
), beaten AS MATERIALIZED (
    SELECT o.invoice_id FROM unnest($8::uuid[], $9::uuid[]) AS o (invoice_id, key), LATERAL (
           SELECT FROM numbered WHERE key = o.key AND state = 'holds' LIMIT 1) AS h
), took AS (
    INSERT INTO numbered (invoice_id, key, number, document_id, sha256, size, state)
    SELECT invoice_id, key, number, document_id, sha256, size, 'holds' FROM wanted
     WHERE invoice_id NOT IN (SELECT b.invoice_id FROM beaten b) ORDER BY key
    ON CONFLICT DO NOTHING RETURNING invoice_id
)
SELECT w.invoice_id, greatest(
           (SELECT b.invoice_id FROM numbered b WHERE b.key = w.key AND b.state <> 'holds'
             ORDER BY b.invoice_id DESC LIMIT 1),
           (SELECT b.invoice_id FROM numbered b WHERE b.key = w.also AND b.state <> 'holds'
             ORDER BY b.invoice_id DESC LIMIT 1)) AS before
  FROM took JOIN wanted w USING (invoice_id)
"""
# One key at a time: of two at once the index gives no order, and the planner walks through all invoices by their ids.
# `before` is as it was when the statement began. One that was still taken then, and is over now, is missed: it had got its
# number after this one looked, milliseconds ago. That costs a line in two timelines.

_OWN = "SELECT invoice_id FROM numbered WHERE invoice_id = ANY ($1::uuid[]) AND state <> 'over'"
_AGAIN = "DELETE FROM numbered WHERE invoice_id = ANY ($1::uuid[]) AND ended = 'rejected'"


async def take(conn: Connection, wanted: Mapping[UUID, Claim]) -> tuple[dict[UUID, UUID], set[UUID]]:
    """Take these numbers for these invoices. Returns, by those that got one another had before, that other; and those that
    did not get theirs: decide about them once more. ``conn`` is ``alone_with`` them."""
    if not wanted:
        return {}, set()
    others = [(invoice_id, key) for invoice_id, claim in wanted.items() for key in claim.others]
    rows = await conn.fetch(
        _TAKE,
        list(wanted),
        *_columns(wanted.values()),
        [claim.others[0] if claim.others else None for claim in wanted.values()],
        [invoice_id for invoice_id, _ in others],
        [key for _, key in others],
    )
    replaced = {row["invoice_id"]: row["before"] for row in rows if row["before"] is not None}
    missing: set[UUID] = set()
    if len(rows) < len(wanted):
        missing = wanted.keys() - {row["invoice_id"] for row in rows}
        missing -= {row["invoice_id"] for row in await conn.fetch(_OWN, list(missing))}
        # Rejected once, and by the rules of today it is lawful.
        await conn.execute(_AGAIN, list(missing))
    return replaced, missing


_STILL = """
SELECT invoice_id FROM numbered WHERE invoice_id = ANY ($1::uuid[]) AND state <> 'over'
 ORDER BY invoice_id FOR NO KEY UPDATE
"""


async def still(conn: Connection, invoices: Collection[UUID]) -> set[UUID]:
    """Those of these that have a number; until this transaction ends none of them is over."""
    if not invoices:
        return set()
    return {row["invoice_id"] for row in await conn.fetch(_STILL, list(invoices))}


_BESIDE = """
INSERT INTO numbered (invoice_id, key, number, document_id, sha256, size, state)
SELECT *, $7 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bytea[], $6::int[])
ON CONFLICT DO NOTHING RETURNING true
"""


async def beside(conn: Connection, invoice: InvoiceValidated) -> None:
    """A person lets this one through, whoever else has its number."""
    own = numbered(invoice.account_id, invoice.summary, names_of(invoice.summary.seller))
    if own is None:
        return
    await alone_with(conn, [own])
    claim = _columns([Claim(own.key, (), invoice.summary.number, invoice.original)])
    for state in ("holds", "beside"):
        if await conn.fetchval(_BESIDE, [invoice.invoice_id], *claim, state):
            return


def _columns(claims: Iterable[Claim]) -> tuple[list[object], ...]:
    """Key, number, document, its hash and size."""
    rows = list(claims)
    return (
        [row.key for row in rows],
        [row.number for row in rows],
        [row.original.document_id for row in rows],
        [bytes.fromhex(row.original.sha256) for row in rows],
        [row.original.size for row in rows],
    )


_ENDING = """
SELECT invoice_id, key FROM numbered
 WHERE invoice_id = ANY ($1::uuid[]) AND state <> 'over' ORDER BY invoice_id FOR NO KEY UPDATE
"""
_END = "UPDATE numbered SET state = 'over', ended = $2 WHERE invoice_id = ANY ($1::uuid[])"
_PROMOTE = """
UPDATE numbered SET state = 'holds' WHERE invoice_id IN (
    SELECT DISTINCT ON (key) invoice_id FROM numbered n
     WHERE key = ANY ($1::uuid[]) AND state = 'beside'
       AND NOT EXISTS (SELECT FROM numbered h WHERE h.key = n.key AND h.state = 'holds')
     ORDER BY key, invoice_id)
"""
_FREED = """
INSERT INTO arrival (scheme, value)
SELECT $2, id::text FROM unnest($1::uuid[]) AS t (id)
 WHERE EXISTS (SELECT FROM parked p WHERE p.state = 'open' AND p.waits_for @> ARRAY[$2 || ':' || id])
ON CONFLICT (scheme, value) DO UPDATE SET after = DEFAULT
"""


async def end(conn: Connection, invoices: Collection[UUID], why: Ended) -> Collection[UUID]:
    """The hub is done with these without delivering them: their numbers are free, and what waited for one may go on.
    Returns those that had one until now."""
    rows = await conn.fetch(_ENDING, list(invoices))
    if not rows:
        return ()
    ended = [row["invoice_id"] for row in rows]
    await conn.execute(_END, ended, why)
    await conn.execute(_PROMOTE, [row["key"] for row in rows])
    await conn.execute(_FREED, ended, INVOICE)
    return ended


# Whoever takes a number looks for one that was rejected, and whoever was rejected for one that came after: the lock makes
# one of them see the other. It waits for the writes under way, which are short.
_ALONE = "LOCK TABLE numbered IN SHARE ROW EXCLUSIVE MODE"
_REJECTED = """
WITH over AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS t (invoice_id, key, number)
), entered AS (
    INSERT INTO numbered (invoice_id, key, number, state, ended)
    SELECT o.*, 'over', 'rejected' FROM over o ON CONFLICT DO NOTHING RETURNING invoice_id
)
SELECT o.invoice_id, h.invoice_id AS after
  FROM over o JOIN entered USING (invoice_id) JOIN numbered h USING (key)
 WHERE h.state = 'holds' AND h.invoice_id > o.invoice_id
 ORDER BY o.invoice_id
"""


async def rejected(conn: Connection, invoices: Sequence[InvoiceRejected]) -> list[tuple[UUID, UUID]]:
    """Note that these numbers were used and are free; returns those that another invoice replaced already, with it."""
    keys = {
        each.invoice_id: (key, each.summary.number)
        for each in invoices
        if (key := number_of(each.account_id, each.summary)) is not None
    }
    if not keys:
        return []
    await conn.execute(_ALONE)
    rows = await conn.fetch(
        _REJECTED, list(keys), [key for key, _ in keys.values()], [number for _, number in keys.values()]
    )
    return [(row["invoice_id"], row["after"]) for row in rows]


_LINK = """
UPDATE numbered n SET links = n.links + t.more
  FROM unnest($1::uuid[], $2::int[]) AS t (invoice_id, more) WHERE n.invoice_id = t.invoice_id
RETURNING n.invoice_id, n.links
"""
_LOCK = "SELECT FROM numbered WHERE invoice_id = ANY ($1::uuid[]) ORDER BY invoice_id FOR NO KEY UPDATE"


async def count_links(conn: Connection, more: Mapping[UUID, int]) -> dict[UUID, int]:
    """Count so many links more for these invoices; returns how many each has then. One that has no row counts none."""
    if not more:
        return {}
    await conn.execute(_LOCK, list(more))
    rows = await conn.fetch(_LINK, list(more), list(more.values()))
    return {row["invoice_id"]: row["links"] for row in rows}
