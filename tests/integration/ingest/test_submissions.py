"""Handing over, against a real Postgres: what a receipt promises is there, once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast
from uuid import UUID

import asyncpg
import pytest

from libs.contracts.invoice import InvoiceQuarantined
from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from libs.documents.postgres import PostgresDocuments
from libs.testing import builders
from services.ingest import store
from services.ingest.access import accounts
from services.ingest.uploads.intake import sort, sort_strictly
from services.ingest.uploads.part import Part
from services.ingest.uploads.receipts import Kept
from services.ingest.uploads.submissions import Submission, compose

XML = builders.invoice(number="F1")


@pytest.fixture
async def pools(database: DatabaseSettings) -> AsyncIterator[Pools]:
    pools = Pools(database)
    yield pools
    await pools.close()


@pytest.fixture
async def account(pools: Pools) -> UUID:
    claims = accounts.Claims(name="Bakker", email="a@bakker.example")
    return await accounts.open_account(await pools.get("ingest", "worker"), claims)


async def keep(pools: Pools, *submissions: Submission) -> list[tuple[Kept, ...]]:
    worker = await pools.get("ingest", "worker")
    return cast("list[tuple[Kept, ...]]", await store.keep(worker, PostgresDocuments(worker), submissions))


async def types(pools: Pools, subject: UUID) -> list[str]:
    worker = await pools.get("ingest", "worker")
    rows = await worker.fetch("SELECT routing_key FROM outbox WHERE subject = $1 ORDER BY id", str(subject))
    return [row["routing_key"] for row in rows]


async def test_invoice_document_and_event_are_stored_together(pools: Pools, account: UUID) -> None:
    submission = compose(account, "api", sort_strictly([Part(XML, "F1.xml")]))
    ((kept,),) = await keep(pools, submission)
    assert await types(pools, kept.invoice_id) == ["invoice.received.v1"]
    original = submission.items[0].event.data.original  # type: ignore[attr-defined]
    documents = PostgresDocuments(await pools.get("ingest", "worker"))
    assert (await documents.get([original], [account]))[original.document_id] == XML


async def test_the_same_bytes_again_are_the_same_invoice(pools: Pools, account: UUID) -> None:
    ((first,),) = await keep(pools, compose(account, "api", sort_strictly([Part(XML, "F1.xml")])))
    ((again,),) = await keep(pools, compose(account, "mail", sort_strictly([Part(XML, "F1.xml")])))
    assert (again.invoice_id, again.submission_id, again.repeated) == (
        first.invoice_id, first.submission_id, True,
    )  # fmt: skip
    assert await types(pools, first.invoice_id) == ["invoice.received.v1", "invoice.duplicate.v1"]


async def test_equal_invoices_in_one_group_are_one(pools: Pools, account: UUID) -> None:
    twins = [compose(account, "api", sort_strictly([Part(XML, "F1.xml")])) for _ in range(5)]
    kept = await keep(pools, *twins)
    assert len({k.invoice_id for (k,) in kept}) == 1
    assert sum(k.repeated for (k,) in kept) == 4


async def test_equal_invoices_from_two_processes_at_once_are_one(pools: Pools, account: UUID) -> None:
    async def one() -> list[tuple[Kept, ...]]:
        return await keep(pools, compose(account, "api", sort_strictly([Part(XML, "F1.xml")])))

    done = await asyncio.gather(*(one() for _ in range(6)))
    assert len({kept[0][0].invoice_id for kept in done}) == 1


@pytest.mark.proves("SA21")
async def test_after_a_rejection_the_same_bytes_are_a_new_invoice(pools: Pools, account: UUID) -> None:
    ((first,),) = await keep(pools, compose(account, "api", sort_strictly([Part(XML, "F1.xml")])))
    worker = await pools.get("ingest", "worker")
    async with worker.acquire() as conn, conn.transaction():
        await store.close(conn, [(first.invoice_id, "invoice.rejected.v1")])
    ((again,),) = await keep(pools, compose(account, "api", sort_strictly([Part(XML, "F1.xml")])))
    assert again.invoice_id != first.invoice_id
    assert not again.repeated


async def test_two_accounts_may_send_the_same_bytes(pools: Pools, account: UUID) -> None:
    claims = accounts.Claims(name="Visser", email="a@visser.example")
    other = await accounts.open_account(await pools.get("ingest", "worker"), claims)
    ((mine,), (theirs,)) = await keep(
        pools,
        compose(account, "api", sort_strictly([Part(XML, "F1.xml")])),
        compose(other, "api", sort_strictly([Part(XML, "F1.xml")])),
    )
    assert mine.invoice_id != theirs.invoice_id
    async with tenant(await pools.get("ingest", "api"), other) as conn:
        assert await store.submission(conn, mine.submission_id) is None
        assert await store.submission(conn, theirs.submission_id) is not None


@pytest.mark.proves("R24")
async def test_a_refused_part_of_a_mail_is_kept_and_told(pools: Pools, account: UUID) -> None:
    found = sort([Part(XML, "F1.xml"), Part(builders.pdf("x"), "loose.pdf")])
    ((good, bad),) = await keep(pools, compose(account, "mail", found.uploads, found.refused))
    assert await types(pools, good.invoice_id) == ["invoice.received.v1"]
    assert await types(pools, bad.invoice_id) == ["invoice.quarantined.v1"]
    async with tenant(await pools.get("ingest", "api"), account) as conn:
        seen = await store.submission(conn, good.submission_id)
    assert seen is not None
    assert [(i["filename"], i["status"]) for i in seen["invoices"]] == [
        ("F1.xml", "received"), ("loose.pdf", "quarantined"),
    ]  # fmt: skip


async def test_a_failed_write_leaves_nothing(pools: Pools, account: UUID) -> None:
    first, good, other = (
        compose(account, "api", sort_strictly([Part(builders.invoice(number=number), f"{number}.xml")]))
        for number in ("F1", "F2", "F3")
    )
    await keep(pools, first)
    with pytest.raises(asyncpg.UniqueViolationError):
        await keep(pools, good, replace(other, submission_id=first.submission_id))
    worker = await pools.get("ingest", "worker")
    assert await worker.fetchval("SELECT count(*) FROM invoice") == 1
    assert await types(pools, good.items[0].invoice_id) == []


@pytest.mark.proves("R11")
async def test_the_pdf_of_a_refused_xml_is_stored_with_it(pools: Pools, account: UUID) -> None:
    found = sort([Part(b"<Invoice>", "F1.xml"), Part(builders.pdf("F1"), "F1.pdf")])
    submission = compose(account, "mail", found.uploads, found.refused)
    await keep(pools, submission)
    told = submission.items[0].event.data
    assert isinstance(told, InvoiceQuarantined)
    assert told.pdf is not None
    documents = PostgresDocuments(await pools.get("ingest", "worker"))
    assert (await documents.get([told.pdf], [account]))[told.pdf.document_id] == builders.pdf("F1")


async def test_a_pdf_that_comes_with_a_repeat_is_kept_and_told_and_only_once_new(
    pools: Pools, account: UUID
) -> None:
    xml, pdf = Part(XML, "F1.xml"), Part(builders.pdf("F1"), "F1.pdf")
    ((first,),) = await keep(pools, compose(account, "api", sort_strictly([xml])))
    late = compose(account, "api", sort_strictly([xml, pdf]))
    ((kept,),) = await keep(pools, late)
    assert (kept.invoice_id, kept.repeated, kept.code) == (first.invoice_id, True, "pdf-not-added")
    async with tenant(await pools.get("ingest", "api"), account) as conn:
        seen = await store.submission(conn, late.submission_id)
    assert seen is not None
    assert [(i["status"], i["code"]) for i in seen["invoices"]] == [("duplicate", "pdf-not-added")]
    worker = await pools.get("ingest", "worker")
    told = await worker.fetch("SELECT body FROM outbox WHERE routing_key = 'invoice.duplicate.v1'")
    assert [json.loads(row["body"])["data"]["pdf"]["filename"] for row in told] == ["F1.pdf"]
    assert late.items[0].pdf is not None
    assert await worker.fetchval(
        "SELECT count(*) FROM documents.document WHERE document_id = $1", late.items[0].pdf.document_id
    )


async def test_extra_fields_that_come_with_a_repeat_do_not_count_and_are_told(
    pools: Pools, account: UUID
) -> None:
    def sent(said: bytes | None) -> Submission:
        beside = [Part(said, "F1.fields.json")] if said else []
        return compose(account, "api", sort_strictly([Part(XML, "F1.xml"), *beside]))

    first, late = sent(b'{"Notes": "een", "YourRef": "7"}'), sent(b'{"Notes": "twee"}')
    kept = await keep(pools, first, sent(b'{"YourRef": "7", "Notes": "een"}'), sent(None), late)
    assert [each.code for (each,) in kept] == [None, None, None, "fields-not-added"]
    async with tenant(await pools.get("ingest", "api"), account) as conn:
        seen = [await store.submission(conn, each.submission_id) for each in (first, late)]
    shown = [
        (each["status"], each.get("fields"), each["code"])
        for found in seen
        if found
        for each in found["invoices"]
    ]
    assert shown == [
        ("received", {"Notes": "een", "YourRef": "7"}, None), ("duplicate", None, "fields-not-added"),
    ]  # fmt: skip
    worker = await pools.get("ingest", "worker")
    told = await worker.fetch("SELECT body FROM outbox WHERE routing_key = 'invoice.received.v1'")
    assert [json.loads(row["body"])["data"]["fields"] for row in told] == [{"Notes": "een", "YourRef": "7"}]


async def test_the_same_pdf_again_is_nothing_new(pools: Pools, account: UUID) -> None:
    both = [Part(XML, "F1.xml"), Part(builders.pdf("F1"), "F1.pdf")]
    await keep(pools, compose(account, "api", sort_strictly(both)))
    ((kept,),) = await keep(pools, compose(account, "api", sort_strictly(both)))
    assert (kept.repeated, kept.code) == (True, None)
