"""Requests whose reply is cut off and that are asked for again with the same ``Idempotency-Key``, through two replicas on
one database: one invoice each, by its id, in the ledger, among what goes on, and in the receipt.

``POSTBODE_CUT_OFFS`` sets how many (2,000; the soak takes 20,000)."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from libs.db.roles import LEDGER
from libs.db.settings import DatabaseSettings
from libs.db.types import Pool
from services.ingest.uploads import remembered
from tests.integration.ingest.cutting import MOMENTS, Cutter, Inside, name
from tests.integration.ingest.door import replica

CUT_OFFS = int(os.environ.get("POSTBODE_CUT_OFFS", "2000"))
FEW = 60
AT_ONCE = 100
SEED = 20260101


async def faults(database: DatabaseSettings, count: int) -> list[str]:
    """What is wrong after ``count`` requests were cut off and asked for again."""
    inside = Inside()
    async with (
        replica(database, requests_per_second=0) as one,
        replica(database, requests_per_second=0) as other,
    ):
        _, login = await one.supplier()
        cutter = Cutter((one.port, other.port), login, inside, SEED)
        with inside.watched():
            await cutter.run(count, at_once=AT_ONCE)
        assert all(cutter.cut[moment] for moment in MOMENTS), cutter.cut
        worker = await one.pools.get("ingest", "worker")
        found = await _faults(worker, await _ledger(database), cutter.told, count)
        return found + [f"{file}: another receipt at the second time" for file in cutter.unlike]


async def _ledger(database: DatabaseSettings) -> Counter[tuple[str, UUID]]:
    """Each invoice in each part of it."""
    conn = await asyncpg.connect(**database.role_url(LEDGER))
    try:
        rows = await conn.fetch(
            "SELECT part, invoice_id FROM ingest.ledger WHERE part IN ('received', 'repeat')"
        )
    finally:
        await conn.close()
    return Counter((row["part"], row["invoice_id"]) for row in rows)


async def _faults(
    worker: Pool, ledger: Counter[tuple[str, UUID]], told: dict[int, bytes], count: int
) -> list[str]:
    stored: dict[str, list[tuple[UUID, UUID]]] = {name(n): [] for n in range(count)}
    for row in await worker.fetch("SELECT filename, invoice_id, submission_id FROM invoice"):
        stored[row["filename"]].append((row["invoice_id"], row["submission_id"]))
    found = [f"{file}: {len(rows)} invoices" for file, rows in stored.items() if len(rows) != 1]
    for n in range(count):
        invoice, submission = stored[name(n)][0] if stored[name(n)] else (None, None)
        items = [{"invoice_id": str(invoice), "filename": name(n), "status": "received"}]
        receipt: Any = json.loads(told[n])
        if receipt != {"submission_id": str(submission), "invoices": items}:
            found.append(f"{name(n)}: its receipt is {receipt}")
    ids = {invoice for rows in stored.values() for invoice, _ in rows}
    if ledger != Counter(("received", invoice) for invoice in ids) or len(ids) != count:
        found.append(f"the ledger has {Counter(part for part, _ in ledger)} of {count}")
    onward = await worker.fetch("SELECT routing_key, count(*) AS n FROM outbox GROUP BY routing_key")
    events = {row["routing_key"]: row["n"] for row in onward}
    if {kind: n for kind, n in events.items() if kind.startswith("invoice.")} != {
        "invoice.received.v1": count
    }:
        found.append(f"goes on: {events}")
    return found


@pytest.mark.timeout(3600)
async def test_each_is_one_invoice(database: DatabaseSettings) -> None:
    assert await faults(database, CUT_OFFS) == []


async def test_without_the_keys_it_would_show(
    database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object) -> dict[UUID, remembered.Told]:
        return {}

    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(remembered, "claim", nobody)
    monkeypatch.setattr(remembered, "remember", nothing)
    found = await faults(database, FEW)
    assert any("2 invoices" in each for each in found), found
    assert any("ledger" in each for each in found), found
