"""The status of every invoice, built anew from the timeline: identical, mailing nobody, while events come in."""

from __future__ import annotations

import asyncio
import random
from uuid import UUID

import pytest

from libs.db.types import Pool
from services.track import rebuild as module
from services.track.rebuild import Rebuilt, rebuild
from tests.integration.track.feeding import feed, projection
from tests.integration.track.test_projection import cut, journeys


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GROUP", 7)


async def notices(worker: Pool) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await worker.fetch("SELECT * FROM notice ORDER BY notice_id")]


async def test_what_is_missing_or_says_something_else_is_as_it_was(worker: Pool, account: UUID) -> None:
    await feed(worker, *journeys(account, 30))
    expected, mails = await projection(worker), await notices(worker)
    assert await rebuild(worker) == Rebuilt(invoices=30, mended=0)
    assert await projection(worker) == expected
    ids = [row["invoice_id"] for row in expected]
    await worker.execute("DELETE FROM status WHERE invoice_id = ANY ($1::uuid[])", ids[:11])
    await worker.execute("UPDATE status SET axes = '{}' WHERE invoice_id = $1", ids[12])
    await worker.execute("UPDATE status SET headline = 'paid' WHERE invoice_id = $1", ids[13])
    await worker.execute("UPDATE status SET received_at = now() WHERE invoice_id = $1", ids[14])
    assert await rebuild(worker) == Rebuilt(invoices=30, mended=14)
    assert await projection(worker) == expected
    assert await notices(worker) == mails


async def test_a_status_whose_facts_are_gone_is_told_and_kept(worker: Pool, account: UUID) -> None:
    events = journeys(account, 12)
    await feed(worker, *events)
    expected = await projection(worker)
    admin = "DELETE FROM fact WHERE invoice_id = $1"
    with pytest.raises(Exception, match="permission denied"):
        await worker.execute(admin, expected[0]["invoice_id"])  # the worker may not: facts are for good
    ghost = UUID("01a1fd20-eb72-786a-8a9b-fc1ada8d9e9c")
    await worker.execute(
        "INSERT INTO status SELECT $1, role, account_id, headline, problem, reason, number, issue_date, sender, receiver,"
        " filename, axes, received_at, updated_at FROM status LIMIT 1",
        ghost,
    )
    assert await rebuild(worker) == Rebuilt(invoices=13, mended=0, groundless=1)
    assert [row for row in await projection(worker) if row["invoice_id"] != ghost] == expected


@pytest.mark.parametrize("seed", range(3))
async def test_events_that_come_in_meanwhile_are_not_lost(worker: Pool, account: UUID, seed: int) -> None:
    chance = random.Random(seed)
    events = journeys(account, 30)
    late = chance.sample(events, len(events) // 2)
    await feed(worker, *(event for event in events if event not in late))
    await worker.execute("DELETE FROM status WHERE account_id = $1", account)

    async def come_in() -> None:
        for batch in cut(late, chance):
            await feed(worker, *batch)

    async def build() -> None:
        for _ in range(3):
            await rebuild(worker)

    await asyncio.gather(come_in(), build(), build())
    built = await projection(worker)
    await worker.execute("DELETE FROM status")
    await feed(worker, *events)
    assert built == await projection(worker)
