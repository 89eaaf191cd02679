"""Validated invoices and parties for tests of route against a real Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceFact, InvoiceValidated
from libs.contracts.parts import DocumentRef
from libs.db.pools import Pools
from libs.db.types import Pool
from libs.documents.postgres import PostgresDocuments
from libs.documents.store import NewDocument
from libs.service import Wake
from services.route.companies import parties
from services.route.companies.entries import read_all
from services.route.companies.parties import Editor, Entry
from services.route.deciding.decision import Key
from services.route.handlers import Validated
from services.route.waits import releases
from tests.integration.validate.api_client import ANNA, STAFF
from tests.integration.validate.drive import handle
from tests.unit.route.sample import NAMES, summary

_ORIGINAL = DocumentRef(document_id=UUID(int=1), sha256="a" * 64, size=1, media_type="application/xml")
OPERATOR = Editor(STAFF, operator=True)


def validated(
    *candidates: Key,
    account: UUID = ANNA,
    invoice_id: UUID | None = None,
    original: DocumentRef = _ORIGINAL,
    **terms: Any,
) -> Event:
    return new_event(
        InvoiceValidated(
            invoice_id=invoice_id or clock.uuid7(),
            account_id=account,
            sequence=1,
            rule_pack="nlcius-2.0",
            original=original,
            summary=summary(*candidates, **terms),
        ),
        source="/test",
        account=account,
        correlation_id="submission",
    )


async def stored(pools: Pools, data: bytes, account: UUID = ANNA) -> DocumentRef:
    """A document in the store, and its claim check."""
    document = NewDocument(clock.uuid7(), data, "application/xml")
    worker = await pools.get("route", "worker")
    async with worker.acquire() as conn, conn.transaction():
        await PostgresDocuments(worker).put(conn, account, [document])
    return DocumentRef(
        document_id=document.document_id,
        sha256=document.sha256.hex(),
        size=len(data),
        media_type="application/xml",
    )


async def decided(pools: Pools, *events: Event) -> list[InvoiceFact]:
    """Through the handler, as one batch; what it said."""
    worker = await pools.get("route", "worker")
    return facts(await handle(Validated(worker), worker, events))


def facts(events: Sequence[Event]) -> list[InvoiceFact]:
    assert all(isinstance(event.data, InvoiceFact) for event in events)
    return [event.data for event in events if isinstance(event.data, InvoiceFact)]


async def enter(
    pools: Pools, name: str, *keys: Key, most: int = 500, status: parties.Status = "confirmed", **terms: Any
) -> Entry:
    """A party an operator enters; what waits for it goes on."""
    entry = Entry(
        party_id=clock.uuid7(),
        owner_account=STAFF,
        name=name,
        identifiers=read_all(keys),
        email=f"in@{name.split()[0].lower()}.example",
        status=status,
        **{"names": NAMES, **terms},
    )
    worker = await pools.get("route", "worker")
    async with worker.acquire() as conn, conn.transaction():
        await parties.add(conn, entry, OPERATOR)
        await releases.release_some(conn, most)
    return entry


async def drain(pools: Pools, most: int = 500) -> None:
    """What the schedule does."""
    await releases.Releases(await pools.get("route", "worker"), Wake(), most).run()


async def told(pools: Pools, invoice_id: UUID) -> list[tuple[str, int]]:
    """What lies in the outbox about an invoice: name and number of each fact, in the order written."""
    worker = await pools.get("route", "worker")
    rows = await worker.fetch(
        """SELECT routing_key, (convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'sequence')::int AS sequence
             FROM outbox WHERE subject = $1 ORDER BY id""",
        str(invoice_id),
    )
    return [(row["routing_key"].split(".")[1], row["sequence"]) for row in rows]


async def blocked(pool: Pool) -> None:
    """Wait until somebody waits for a lock."""
    async with asyncio.timeout(20):
        while not await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
