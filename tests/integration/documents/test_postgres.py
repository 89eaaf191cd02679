"""Documents in a real Postgres, as services' roles see them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from libs import clock
from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection
from libs.documents.postgres import PostgresDocuments
from libs.documents.store import DocumentDamaged, DocumentMissing, NewDocument, ref

ACCOUNT, OTHER = clock.uuid7(), clock.uuid7()


@pytest.fixture
async def pools(database: DatabaseSettings) -> AsyncIterator[Pools]:
    found = Pools(database)
    yield found
    await found.close()


@pytest.fixture
async def store(pools: Pools) -> PostgresDocuments:
    return PostgresDocuments(await pools.get("validate", "worker"))


def document(data: bytes = b"<Invoice/>") -> NewDocument:
    return NewDocument(clock.uuid7(), data, "application/xml")


async def put(pools: Pools, store: PostgresDocuments, *documents: NewDocument) -> None:
    pool = await pools.get("ingest", "worker")
    async with pool.acquire() as conn, conn.transaction():
        await store.put(conn, ACCOUNT, documents)


async def tamper(database: DatabaseSettings, change: str) -> None:
    """As the owner of the schema: nobody else could."""
    conn: Connection = await asyncpg.connect(**database.role_url("documents_owner"))
    await conn.execute(change)
    await conn.close()


async def test_what_one_service_puts_another_gets(pools: Pools, store: PostgresDocuments) -> None:
    documents = [document(data) for data in (b"", b"<a/>", bytes(300_000))]
    await put(pools, store, *documents)
    found = await store.get([ref(each) for each in documents], [ACCOUNT] * 3)
    assert found == {each.document_id: each.data for each in documents}


async def test_documents_of_many_accounts_go_in_together(pools: Pools, store: PostgresDocuments) -> None:
    mine, theirs = document(b"mine"), document(b"theirs")
    pool = await pools.get("ingest", "worker")
    async with pool.acquire() as conn, conn.transaction():
        await store.put_many(conn, [(ACCOUNT, mine), (OTHER, theirs)])
    found = await store.get([ref(mine), ref(theirs)], [ACCOUNT, OTHER])
    assert found == {mine.document_id: b"mine", theirs.document_id: b"theirs"}


async def test_a_document_lives_and_dies_with_the_transaction_it_belongs_to(
    pools: Pools, store: PostgresDocuments
) -> None:
    new = document()
    pool = await pools.get("ingest", "worker")
    with contextlib.suppress(ZeroDivisionError):
        async with pool.acquire() as conn, conn.transaction():
            await store.put(conn, ACCOUNT, [new])
            raise ZeroDivisionError
    assert isinstance((await store.get([ref(new)], [ACCOUNT]))[new.document_id], DocumentMissing)
    async with pool.acquire() as conn:
        with pytest.raises(RuntimeError):
            await store.put(conn, ACCOUNT, [new])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE documents.document SET body = set_byte(body, 20, get_byte(body, 20) # 1)",
        "UPDATE documents.document SET body = substr(body, 1, 12)",
        "UPDATE documents.document SET body = ''",
    ],
)
async def test_a_tampered_row_is_found_out_and_its_neighbours_come_all_the_same(
    change: str, pools: Pools, store: PostgresDocuments, database: DatabaseSettings
) -> None:
    bad, good = document(b"<Invoice>twelve euro, and some words</Invoice>"), document(b"good")
    await put(pools, store, bad, good)
    await tamper(database, f"{change} WHERE document_id = '{bad.document_id}'")
    found = await store.get([ref(bad), ref(good)], [ACCOUNT, ACCOUNT])
    assert isinstance(found[bad.document_id], DocumentDamaged)
    assert found[good.document_id] == b"good"


async def test_swapped_rows_are_found_out(
    pools: Pools, store: PostgresDocuments, database: DatabaseSettings
) -> None:
    one, two = document(b"one"), document(b"two")
    await put(pools, store, one, two)
    await tamper(
        database,
        "UPDATE documents.document d SET body = o.body FROM documents.document o"
        " WHERE o.document_id <> d.document_id",
    )
    found = await store.get([ref(one), ref(two)], [ACCOUNT, ACCOUNT])
    assert all(isinstance(each, DocumentDamaged) for each in found.values())


async def test_another_accounts_document_is_missing(pools: Pools, store: PostgresDocuments) -> None:
    new = document()
    await put(pools, store, new)
    assert isinstance((await store.get([ref(new)], [OTHER]))[new.document_id], DocumentMissing)


async def test_an_api_reads_and_writes_for_its_own_account_only(
    pools: Pools, store: PostgresDocuments
) -> None:
    mine, theirs = document(b"mine"), document(b"theirs")
    await put(pools, store, mine)
    api = await pools.get("track", "api")
    async with tenant(api, ACCOUNT) as conn:
        assert (await store.get([ref(mine)], [ACCOUNT], conn=conn))[mine.document_id] == b"mine"
    async with tenant(api, OTHER) as conn:
        found = await store.get([ref(mine)], [ACCOUNT], conn=conn)
        assert isinstance(found[mine.document_id], DocumentMissing)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await store.put(conn, ACCOUNT, [theirs])


@pytest.mark.parametrize("role", ["ingest_worker", "ingest_api", "documents_worker", "documents_api"])
@pytest.mark.parametrize(
    "change", ["UPDATE documents.document SET media_type = 'x'", "DELETE FROM documents.document"]
)
async def test_nobody_but_the_owner_changes_or_deletes(
    role: str, change: str, database: DatabaseSettings
) -> None:
    conn: Connection = await asyncpg.connect(**database.role_url(role))
    try:
        await conn.execute("SELECT set_config('postbode.account', $1, false)", str(ACCOUNT))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(change)
    finally:
        await conn.close()


async def test_postgres_does_not_compress_a_second_time(database: DatabaseSettings) -> None:
    conn: Connection = await asyncpg.connect(database.url)
    storage = await conn.fetchval(
        "SELECT attstorage::text FROM pg_attribute"
        " WHERE attrelid = 'documents.document'::regclass AND attname = 'body'"
    )
    await conn.close()
    assert storage == "e"
