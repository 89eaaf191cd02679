"""What alerts and autoscalers are told of an outbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from libs.contracts.envelope import Event
from libs.contracts.topology import INVOICE_EVENTS
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.db.types import Pool
from libs.messaging import backlog
from libs.testing.spans import recording
from tests.contract.messaging.conftest import received

_ROW = """
INSERT INTO outbox (event_id, account, exchange, routing_key, subject, body, created_at, not_before)
VALUES ($1, $2, $3, $4, 'x', '', now() - make_interval(secs => $5), now() + make_interval(secs => $6))
"""


@pytest.fixture
async def ingest(database: DatabaseSettings) -> AsyncIterator[Pool]:
    pools = Pools(database)
    yield await pools.get("ingest", "worker")
    await pools.close()


def told() -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(generate_latest().decode())
        for sample in family.samples
        if family.name.startswith("postbode_outbox") and sample.labels.get("service") == "ingest"
    }


async def add(pool: Pool, event: Event, *, age: float, due_in: float | None = None) -> None:
    account, key = event.account, event.type
    await pool.execute(_ROW, event.id, account, INVOICE_EVENTS, key, age, due_in)


async def test_what_is_due_counts_and_what_is_tried_later_does_not(ingest: Pool) -> None:
    with recording(0):
        await backlog.measure(ingest, "ingest")
        assert told() == {"postbode_outbox_rows": 0, "postbode_outbox_oldest_seconds": 0}
        await add(ingest, received(), age=9_000, due_in=600)
        await add(ingest, received(), age=500)
        await add(ingest, received(), age=100)
        await backlog.measure(ingest, "ingest")
        found = told()
        assert found["postbode_outbox_rows"] == 2
        assert 500 <= found["postbode_outbox_oldest_seconds"] < 1_000
