"""Judging against a real Postgres: documents in, verdicts and events out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceReceived, InvoiceRejected, InvoiceValidated
from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from libs.db.types import Pool
from libs.documents.postgres import PostgresDocuments
from libs.documents.store import DocumentDamaged, DocumentMissing, NewDocument, ref
from libs.testing import builders
from services.validate import store
from services.validate.handlers import Received
from services.validate.pictures import Pictures
from tests.integration.validate.drive import counted, handle

ANNA, BERT = UUID(int=0xA), UUID(int=0xB)


@pytest.fixture
async def pools(database: DatabaseSettings) -> AsyncIterator[Pools]:
    pools = Pools(database)
    yield pools
    await pools.close()


async def received(pools: Pools, *files: bytes, account: UUID = ANNA, kept: bool = True) -> list[Event]:
    """Invoices as ingest hands them on; ``kept`` False: their documents never reached the store."""
    worker = await pools.get("validate", "worker")
    documents = [NewDocument(clock.uuid7(), data, "application/xml") for data in files]
    if kept:
        async with worker.acquire() as conn, conn.transaction():
            await PostgresDocuments(worker).put(conn, account, documents)
    return [
        new_event(
            InvoiceReceived(
                invoice_id=clock.uuid7(),
                account_id=account,
                sequence=1,
                submission_id=UUID(int=1),
                channel="api",
                syntax="ubl-invoice",
                original=ref(document, "F1.xml"),
            ),
            source="/test",
            account=account,
            correlation_id="submission",
        )
        for document in documents
    ]


def judging(worker: Pool) -> Received:
    documents = PostgresDocuments(worker)
    return Received(documents, Pictures(documents))


async def judged(pools: Pools, events: list[Event]) -> list[Event]:
    worker = await pools.get("validate", "worker")
    return await handle(judging(worker), worker, events)


@pytest.mark.proves("R4")
async def test_each_invoice_gets_its_verdict_its_row_and_its_event(pools: Pools) -> None:
    events = await received(pools, builders.invoice(number="F1"), builders.invoice(break_rule="BR-CO-15"))
    good, bad = await judged(pools, events)
    assert isinstance(good.data, InvoiceValidated)
    assert isinstance(bad.data, InvoiceRejected)
    assert (good.causation_id, good.correlation_id, good.account) == (events[0].id, "submission", ANNA)
    assert good.data.original == events[0].data.original  # type: ignore[attr-defined]
    async with tenant(await pools.get("validate", "api"), ANNA) as conn:
        stored = await store.verdict(conn, bad.data.invoice_id)
    assert stored is not None
    assert (stored["verdict"], stored["fatals"], stored["sequence"]) == ("invalid", 1, 1)
    assert stored["findings"][0]["rule"] == "BR-CO-15"
    worker = await pools.get("validate", "worker")
    keys = await worker.fetch("SELECT routing_key FROM outbox ORDER BY id")
    assert [row["routing_key"] for row in keys] == ["invoice.validated.v1", "invoice.rejected.v1"]


async def test_a_repeated_verdict_gets_the_next_number(pools: Pools) -> None:
    events = await received(pools, builders.invoice())
    numbers = [(await judged(pools, events))[0].data.sequence for _ in range(3)]  # type: ignore[attr-defined]
    assert numbers == [1, 2, 3]
    twice = await judged(pools, [events[0], events[0]])
    assert [e.data.sequence for e in twice] == [4, 5]  # type: ignore[attr-defined]


async def test_a_missing_document_is_that_events_trouble_and_may_be_tried_again(pools: Pools) -> None:
    (lost,) = await received(pools, builders.invoice(), kept=False)
    (there,) = await received(pools, builders.invoice())
    worker = await pools.get("validate", "worker")
    handler = judging(worker)
    known = await handler.gather([lost, there])
    assert handler.decide(there, known).verdict == "valid"
    with pytest.raises(DocumentMissing) as missing:
        handler.decide(lost, known)
    assert missing.value.transient


@pytest.mark.proves("R11")
async def test_a_document_that_is_not_what_it_was_is_never_judged(pools: Pools) -> None:
    """The hash is compared at this hop too; no retry helps, so the event becomes a dead letter."""
    (event,) = await received(pools, builders.invoice())
    claimed = event.data.original.model_copy(update={"sha256": "0" * 64})  # type: ignore[attr-defined]
    forged = new_event(event.data.model_copy(update={"original": claimed}), source="/test", account=ANNA)
    worker = await pools.get("validate", "worker")
    handler = judging(worker)
    with pytest.raises(DocumentDamaged) as damaged:
        handler.decide(forged, await handler.gather([forged]))
    assert not damaged.value.transient


async def test_what_no_longer_passes_the_gate_is_rejected_with_the_reason(pools: Pools) -> None:
    """It passed at the door; a release with tighter limits must still answer the sender."""
    (told,) = await judged(pools, await received(pools, b"<!DOCTYPE x><Invoice/>"))
    assert isinstance(told.data, InvoiceRejected)
    assert told.data.findings[0].rule == "doctype"


async def test_another_account_sees_no_verdict(pools: Pools) -> None:
    (event,) = await received(pools, builders.invoice())
    (told,) = await judged(pools, [event])
    api = await pools.get("validate", "api")
    invoice_id = told.data.invoice_id  # type: ignore[attr-defined]
    async with tenant(api, BERT) as conn:
        assert await store.verdict(conn, invoice_id) is None
        assert await conn.fetchval("SELECT count(*) FROM verdict") == 0
    async with tenant(api, ANNA) as conn:
        assert await store.verdict(conn, invoice_id) is not None
    with pytest.raises(asyncpg.PostgresError, match=r"uuid|postbode\.account"):
        await api.fetch("SELECT * FROM verdict")


async def test_a_batch_costs_as_many_statements_as_one_event(pools: Pools) -> None:
    """Earlier verdicts, insert, outbox; the documents came in one read before."""
    worker = await pools.get("validate", "worker")
    handler = judging(worker)
    for size in (1, 200):
        files = [builders.invoice(number=f"F{size}-{n}") for n in range(size)]
        emitted, statements = await counted(handler, worker, await received(pools, *files))
        assert (len(emitted), statements) == (size, 3)
