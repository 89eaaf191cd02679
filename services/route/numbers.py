"""SQL of invoice numbers: who has one, who wants one, whose is free again (R51).

::

    gather: who has these numbers? ─▶ nobody ─────────────▶ taken in the transaction; a key says that only one does
                                  ├─▶ says the same ──────▶ given back, linked    │ somebody was faster, or whoever had
                                  └─▶ says something else ▶ waits for a person    │ it is gone: decided once more
                                                                                  ▼
    locks, in this order: directory (advisory) · parked rows · numbers of new ones by key · rows of others by id
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from libs.contracts.invoice import InvoiceRejected, InvoiceValidated
from libs.contracts.parts import Difference, DocumentRef
from libs.db.types import Connection
from libs.documents.postgres import fetch
from libs.errors import HubError
from services.route import comparing
from services.route.numbering import Number, number_of
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
_HAVE = """
SELECT k.*, n.invoice_id, n.original
  FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[])) AS k
           (account_id, seller, number, type_code, year),
       LATERAL (
           SELECT invoice_id, original FROM numbered
            WHERE (account_id, seller, number, type_code, year)
                = (k.account_id, k.seller, k.number, k.type_code, k.year) AND state <> 'over'
            ORDER BY state = 'beside', invoice_id LIMIT $6) AS n
"""


async def taken(conn: Connection, invoices: Iterable[InvoiceValidated]) -> Taken:
    """What is against the numbers of these, one query; and two documents for each that is not the only one.

    Of several in ``invoices`` the one that came in first is the first.
    """
    wanted = {
        each.invoice_id: (each, number)
        for each in sorted(invoices, key=lambda each: each.invoice_id)
        if (number := number_of(each.account_id, each.summary)) is not None
    }
    if not wanted:
        return {}
    have: defaultdict[Number, dict[UUID, DocumentRef]] = defaultdict(dict)
    for *key, invoice_id, original in await conn.fetch(
        _HAVE, *_columns(number for _, number in wanted.values()), _MOST_COMPARED
    ):
        have[Number(*key)][invoice_id] = DocumentRef.model_validate(original)
    found: dict[UUID, Same | Differs] = {}
    for invoice_id, (invoice, number) in wanted.items():
        others = have[number]
        if others and invoice_id not in others:
            found[invoice_id] = await _compared(conn, invoice, others)
        else:
            others[invoice_id] = invoice.original
    return found


async def _compared(
    conn: Connection, invoice: InvoiceValidated, others: Mapping[UUID, DocumentRef]
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


async def _said(conn: Connection, account: UUID, original: DocumentRef) -> comparing.Said | None:
    """One document at a time: two hundred of the largest at once would not fit."""
    data = (await fetch(conn, [original], [account]))[original.document_id]
    if isinstance(data, HubError):
        raise data
    return await asyncio.to_thread(comparing.said, data)


_TAKE = """
WITH wanted AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::uuid[], $7::jsonb[])
        AS t (account_id, seller, number, type_code, year, invoice_id, original)
), took AS (
    INSERT INTO numbered AS n (account_id, seller, number, type_code, year, invoice_id, original, state)
    SELECT w.*, 'holds' FROM wanted w ORDER BY account_id, seller, number, type_code, year
    ON CONFLICT DO NOTHING RETURNING invoice_id
)
SELECT w.invoice_id, (
           SELECT b.invoice_id FROM numbered b
            WHERE (b.account_id, b.seller, b.number, b.type_code, b.year)
                = (w.account_id, w.seller, w.number, w.type_code, w.year)
            ORDER BY b.invoice_id DESC LIMIT 1) AS before
  FROM wanted w JOIN took USING (invoice_id)
"""
# `before` is as it was when the statement began. Whoever held the number then does not any more, or this one had not
# got it: so whoever is found is over.

_OWN = "SELECT invoice_id FROM numbered WHERE invoice_id = ANY ($1::uuid[]) AND state <> 'over'"
_AGAIN = "DELETE FROM numbered WHERE invoice_id = ANY ($1::uuid[]) AND ended = 'rejected'"


async def take(
    conn: Connection, wanted: Mapping[UUID, tuple[Number, DocumentRef]]
) -> tuple[dict[UUID, UUID | None], set[UUID]]:
    """Take these numbers for these invoices. Returns whom each that got its number replaces, and those that did not
    get theirs: decide about them once more."""
    if not wanted:
        return {}, set()
    rows = await conn.fetch(
        _TAKE,
        *_columns(number for number, _ in wanted.values()),
        list(wanted),
        [original.model_dump(mode="json") for _, original in wanted.values()],
    )
    got: dict[UUID, UUID | None] = {row["invoice_id"]: row["before"] for row in rows}
    missing = set(wanted) - set(got)
    if missing:
        missing -= {row["invoice_id"] for row in await conn.fetch(_OWN, list(missing))}
        # Rejected once, and by the rules of today it is lawful.
        await conn.execute(_AGAIN, list(missing))
    return got, missing


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
INSERT INTO numbered (account_id, seller, number, type_code, year, invoice_id, original, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING true
"""


async def beside(conn: Connection, invoice: InvoiceValidated) -> None:
    """A person lets this one through, whoever else has its number."""
    number = number_of(invoice.account_id, invoice.summary)
    if number is None:
        return
    for state in ("holds", "beside"):
        original = invoice.original.model_dump(mode="json")
        if await conn.fetchval(_BESIDE, *number, invoice.invoice_id, original, state):
            return


_ENDING = """
SELECT invoice_id, account_id, seller, number, type_code, year FROM numbered
 WHERE invoice_id = ANY ($1::uuid[]) AND state <> 'over' ORDER BY invoice_id FOR NO KEY UPDATE
"""
_END = "UPDATE numbered SET state = 'over', ended = $2 WHERE invoice_id = ANY ($1::uuid[])"
_PROMOTE = """
UPDATE numbered SET state = 'holds' WHERE invoice_id IN (
    SELECT DISTINCT ON (n.account_id, n.seller, n.number, n.type_code, n.year) n.invoice_id
      FROM numbered n
      JOIN unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[])
           AS k (account_id, seller, number, type_code, year) USING (account_id, seller, number, type_code, year)
     WHERE n.state = 'beside' AND NOT EXISTS (
           SELECT FROM numbered h
            WHERE (h.account_id, h.seller, h.number, h.type_code, h.year)
                = (n.account_id, n.seller, n.number, n.type_code, n.year) AND h.state = 'holds')
     ORDER BY n.account_id, n.seller, n.number, n.type_code, n.year, n.invoice_id)
"""
_FREED = """
INSERT INTO arrival (scheme, value)
SELECT $2, id::text FROM unnest($1::uuid[]) AS t (id)
 WHERE EXISTS (SELECT FROM parked p WHERE p.state = 'open' AND p.waits_for @> ARRAY[$2 || ':' || id])
ON CONFLICT (scheme, value) DO UPDATE SET after = DEFAULT
"""


async def end(conn: Connection, invoices: Collection[UUID], why: Ended) -> None:
    """The hub is done with these without delivering them: their numbers are free, and what waited for one may go on."""
    rows = await conn.fetch(_ENDING, list(invoices))
    if not rows:
        return
    ended = [row["invoice_id"] for row in rows]
    await conn.execute(_END, ended, why)
    await conn.execute(_PROMOTE, *_columns(Number(*key) for _, *key in rows))
    await conn.execute(_FREED, ended, INVOICE)


# Whoever takes a number looks for one that was rejected, and whoever was rejected for one that came after: the lock makes
# one of them see the other. It waits for the writes under way, which are short.
_ALONE = "LOCK TABLE numbered IN SHARE ROW EXCLUSIVE MODE"
_REJECTED = """
WITH over AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::uuid[])
        AS t (account_id, seller, number, type_code, year, invoice_id)
), entered AS (
    INSERT INTO numbered (account_id, seller, number, type_code, year, invoice_id, state, ended)
    SELECT o.*, 'over', 'rejected' FROM over o ON CONFLICT DO NOTHING RETURNING invoice_id
)
SELECT o.invoice_id, h.invoice_id AS after
  FROM over o JOIN entered USING (invoice_id)
  JOIN numbered h USING (account_id, seller, number, type_code, year)
 WHERE h.state = 'holds' AND h.invoice_id > o.invoice_id
 ORDER BY o.invoice_id
"""


async def rejected(conn: Connection, invoices: Sequence[InvoiceRejected]) -> list[tuple[UUID, UUID]]:
    """Note that these numbers were used and are free; returns those that another invoice replaced already, with it."""
    numbers = {
        each.invoice_id: number
        for each in invoices
        if (number := number_of(each.account_id, each.summary)) is not None
    }
    if not numbers:
        return []
    await conn.execute(_ALONE)
    rows = await conn.fetch(_REJECTED, *_columns(numbers.values()), list(numbers))
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


def _columns(numbers: Iterable[Number]) -> tuple[list[object], ...]:
    rows = list(numbers)
    return tuple([row[place] for row in rows] for place in range(len(Number._fields)))
