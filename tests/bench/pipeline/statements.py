"""What the time in Postgres goes to (``--statements``), by ``pg_stat_statements``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import asyncpg

from libs.testing.postgres import Postgres

_MOST = """
SELECT rolname, calls, rows, total_exec_time, total_plan_time, wal_bytes, shared_blks_hit,
       left(regexp_replace(query, '\\s+', ' ', 'g'), 110) AS query
  FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
 ORDER BY total_exec_time + total_plan_time DESC LIMIT 40
"""


def prepare(postgres: Postgres) -> None:
    """Load the extension: costs a restart."""

    async def ask(*statements: str) -> None:
        conn = await asyncpg.connect(postgres.url)
        for statement in statements:
            await conn.execute(statement)
        await conn.close()

    asyncio.run(ask("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'"))
    postgres.restart("fast")
    # Postgres takes this one only when the module is there.
    asyncio.run(ask("ALTER SYSTEM SET pg_stat_statements.track_planning = on", "SELECT pg_reload_conf()"))


class Recorded:
    def __init__(self) -> None:
        self.rows: list[asyncpg.Record] = []

    def lines(self, invoices: int) -> Iterator[str]:
        """The dearest statements, per invoice."""
        for row in self.rows:
            yield (
                f"{1000 * (row['total_exec_time'] + row['total_plan_time']) / invoices:8.1f} µs "
                f"(plan {1000 * row['total_plan_time'] / invoices:5.1f}) {row['calls']:6} calls "
                f"{row['rows'] / invoices:6.2f} rows {float(row['wal_bytes']) / invoices:7.0f} B wal "
                f"{row['shared_blks_hit'] / invoices:6.1f} blocks  {row['rolname']}: {row['query']}"
            )


@contextlib.asynccontextmanager
async def recorded(url: str, wanted: bool) -> AsyncIterator[Recorded]:
    """Count from here to the end of the block."""
    found = Recorded()
    if not wanted:
        yield found
        return
    conn = await asyncpg.connect(url)
    await conn.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()")
    yield found
    found.rows = await conn.fetch(_MOST)
    await conn.close()
