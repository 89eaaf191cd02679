"""Pools: who is connected, how, and for which account."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import cast
from uuid import UUID

import asyncpg
import pytest

from libs import clock
from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection, Pool

ONE, TWO = clock.uuid7(), clock.uuid7()


@pytest.fixture
async def pools(database: DatabaseSettings) -> AsyncIterator[Pools]:
    """With a table in schema documents, one row for each of two accounts."""
    conn: Connection = await asyncpg.connect(**database.role_url("documents_owner"))
    await conn.execute(
        "SET search_path = documents;"
        "CREATE TABLE probe (account uuid NOT NULL, word jsonb);"
        "ALTER TABLE probe ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY api ON probe TO documents_api"
        " USING (account = current_setting('postbode.account')::uuid);"
        "CREATE POLICY worker ON probe TO documents_worker USING (true);"
        "GRANT ALL ON probe TO documents_api, documents_worker;"
        f"INSERT INTO probe VALUES ('{ONE}', '1'), ('{TWO}', '2')"
    )
    await conn.close()
    found = Pools(database)
    yield found
    await found.close()


async def test_a_pool_is_made_once_and_says_who_it_is(pools: Pools) -> None:
    pool = await pools.get("documents", "worker")
    assert await pools.get("documents", "worker") is pool
    assert await pool.fetchval("SELECT current_user::text") == "documents_worker"
    assert await pool.fetchval("SHOW application_name") == "postbode-documents-worker"
    assert await pool.fetchval("SHOW search_path") == "documents"
    assert await pool.fetchval("SHOW statement_timeout") == "30s"


async def test_json_columns_are_plain_values(pools: Pools) -> None:
    pool = await pools.get("documents", "worker")
    value = {"één": [1, None, True], "b": {"c": "€"}}
    assert await pool.fetchval("SELECT $1::jsonb", value) == value


async def test_a_tenant_sees_its_own_rows_and_no_others(pools: Pools) -> None:
    pool = await pools.get("documents", "api")
    for account, word in ((ONE, 1), (TWO, 2)):
        async with tenant(pool, account) as conn:
            assert [row["word"] for row in await conn.fetch("SELECT word FROM probe")] == [word]


async def test_no_tenant_is_an_error_and_stays_one_after_a_tenant_left(pools: Pools) -> None:
    pool = await pools.get("documents", "api")
    async with pool.acquire() as conn:
        with pytest.raises(asyncpg.UndefinedObjectError, match=r"postbode\.account"):
            await conn.fetch("SELECT word FROM probe")
        async with conn.transaction():
            await conn.execute("SELECT set_config('postbode.account', $1, true)", str(ONE))
            assert len(await conn.fetch("SELECT word FROM probe")) == 1
        # On the same connection, its setting now known but empty.
        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await conn.fetch("SELECT word FROM probe")


async def test_the_account_ends_with_the_transaction_even_without_the_pools_reset(pools: Pools) -> None:
    class Lent:
        """A pool of one connection that is not reset when it comes back."""

        def __init__(self, conn: Connection) -> None:
            self.conn = conn

        @contextlib.asynccontextmanager
        async def acquire(self) -> AsyncIterator[Connection]:
            yield self.conn

    async with (await pools.get("documents", "api")).acquire() as conn:
        async with tenant(cast("Pool", Lent(conn)), ONE):
            assert await conn.fetchval("SHOW postbode.account") == str(ONE)
        assert await conn.fetchval("SHOW postbode.account") == ""


async def test_a_failed_tenant_transaction_writes_nothing(pools: Pools) -> None:
    pool = await pools.get("documents", "api")
    with contextlib.suppress(ZeroDivisionError):
        async with tenant(pool, ONE) as conn:
            assert await conn.execute("UPDATE probe SET word = '9'") == "UPDATE 1"
            raise ZeroDivisionError
    async with tenant(pool, ONE) as conn:
        assert await conn.fetchval("SELECT word FROM probe") == 1


async def test_a_row_cannot_be_written_for_somebody_else(pools: Pools) -> None:
    async with tenant(await pools.get("documents", "api"), ONE) as conn:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("INSERT INTO probe VALUES ($1, '3')", TWO)


async def test_the_account_is_a_value_and_never_sql(pools: Pools) -> None:
    class Odd(UUID):
        def __str__(self) -> str:
            return "x'; RESET ROLE; --"

    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        async with tenant(await pools.get("documents", "api"), Odd(int=1)) as conn:
            await conn.fetch("SELECT word FROM probe")
