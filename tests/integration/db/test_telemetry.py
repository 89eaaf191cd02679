"""What a pool tells about its statements."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from opentelemetry.trace import SpanKind

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.telemetry import tracing
from libs.testing.spans import recording


async def test_statements_of_a_recorded_trace_are_its_spans_also_after_a_release(
    database: DatabaseSettings,
) -> None:
    pools = Pools(database, max_size=1)
    pool = await pools.get("route", "worker")
    with recording(1.0) as spans, tracing.head("GET", SpanKind.SERVER, None):
        for _ in range(2):
            async with pool.acquire() as conn:
                assert await conn.fetchval("SELECT $1::int + 1", 41) == 42
            await asyncio.sleep(0)
    root = spans.spans[-1]
    selects = [
        span for span in spans.named("SELECT") if "$1::int" in str((span.attributes or {})["db.query.text"])
    ]
    assert len(selects) == 2
    assert all(span.context.trace_id == root.context.trace_id for span in selects)
    await pools.close()


async def test_a_statement_that_fails_is_recorded_always(database: DatabaseSettings) -> None:
    pools = Pools(database)
    pool = await pools.get("route", "worker")
    with recording(0) as spans:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await pool.fetchval("SELECT 1 / $1::int", 0)
        await asyncio.sleep(0)
    (failure,) = spans.spans
    assert failure.attributes is not None
    assert failure.attributes["error.type"] == "DivisionByZeroError"
    await pools.close()
