"""Timeline and status on a real Postgres: any order, any batch, any repetition, one answer."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from libs.contracts.envelope import Event
from libs.contracts.registry import decode
from libs.db.pools import tenant
from libs.db.types import Connection, Pool
from tests.integration.track.feeding import feed, know, projection, write
from tests.unit.track.sample import Journey, registered


def journeys(account: UUID, count: int) -> list[Event]:
    """Many invoices on all kinds of ways, in the order things happened."""
    events: list[Event] = []
    for n in range(count):
        j = Journey(account, f"F{n}")
        kind = n % 6
        events.append(j.quarantined() if kind == 5 else j.received())
        if kind < 4:
            events += [j.validated(), j.duplicate()]
        if kind == 0:
            events += [j.routed(), j.handed_over(), j.confirmed()]
        elif kind == 1:
            events += [j.parked(), j.released(), j.routed(), j.handed_over("smtp"), j.bounced("smtp")]
        elif kind == 2:
            events += [j.routed(), j.undeliverable("folder"), j.handed_over("smtp"), j.undeliverable("smtp")]
        elif kind == 3:
            events += [j.parked(), j.released(), j.parked("other"), j.returned()]
        elif kind == 4:
            events.append(j.rejected())
    return events


def cut(events: list[Event], chance: random.Random) -> list[list[Event]]:
    batches = []
    while events:
        size = chance.randint(1, 12)
        batches.append(events[:size])
        events = events[size:]
    return batches


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.proves("R53", "R56")
async def test_every_order_in_every_batch_gives_the_identical_projection(
    worker: Pool, account: UUID, seed: int
) -> None:
    chance = random.Random(seed)
    events = journeys(account, 24)
    await feed(worker, *events)
    expected = await projection(worker)
    assert {row["headline"] for row in expected} == {
        "arrived", "bounced", "undeliverable", "returned", "rejected", "quarantined",
    }  # fmt: skip
    await worker.execute("DELETE FROM status")
    shuffled = events + chance.sample(events, len(events) // 2)
    chance.shuffle(shuffled)
    for batch in cut(shuffled, chance):
        await feed(worker, *batch)
    assert await projection(worker) == expected
    assert await worker.fetchval("SELECT count(*) FROM fact") == len(events)


async def test_concurrent_batches_about_the_same_invoices_lose_nothing(worker: Pool, account: UUID) -> None:
    chance = random.Random(7)
    events = journeys(account, 30)
    await feed(worker, *events)
    expected = await projection(worker)
    await worker.execute("DELETE FROM status")
    shuffled = events * 2
    chance.shuffle(shuffled)
    await asyncio.gather(*(feed(worker, *batch) for batch in cut(shuffled, chance)))
    assert await projection(worker) == expected


async def test_two_transactions_that_first_hear_of_an_invoice_both_count(worker: Pool, account: UUID) -> None:
    j = Journey(account)
    received, validated = j.received(), j.validated()
    async with worker.acquire() as one, worker.acquire() as other:
        first, second = one.transaction(), other.transaction()
        await first.__aenter__()
        await second.__aenter__()
        await write(one, received)
        waiting = asyncio.create_task(write(other, validated))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await first.__aexit__(None, None, None)
        await waiting
        await second.__aexit__(None, None, None)
    (row,) = await projection(worker)
    axes: Any = row["axes"]
    assert set(axes) == {"ingest", "validation"}


async def test_a_projection_is_rebuilt_from_the_timeline_alone_and_mails_nobody(
    worker: Pool, account: UUID
) -> None:
    await feed(worker, *journeys(account, 24))
    expected = await projection(worker)
    notices = await worker.fetch("SELECT * FROM notice ORDER BY notice_id")
    await worker.execute("DELETE FROM status")
    bodies = await worker.fetch("SELECT body FROM fact ORDER BY md5(event_id::text)")
    for row in bodies:
        await feed(worker, decode(orjson.loads(row["body"])))
    assert await projection(worker) == expected
    assert await worker.fetch("SELECT * FROM notice ORDER BY notice_id") == notices


async def test_the_timeline_keeps_the_event_as_it_was_whatever_it_took_to_handle(
    worker: Pool, account: UUID
) -> None:
    event = Journey(account).rejected()
    await feed(worker, event.again().again())
    row = await worker.fetchrow("SELECT * FROM fact")
    assert row is not None
    assert decode(orjson.loads(row["body"])) == event
    assert row["traceparent"] == event.traceparent
    assert (row["axis"], row["sequence"], row["occurred_at"]) == ("validation", 1, event.time)


async def test_a_duplicate_is_in_the_timeline_and_nowhere_else(worker: Pool, account: UUID) -> None:
    j = Journey(account)
    await feed(worker, j.duplicate())
    assert await projection(worker) == []
    await feed(worker, j.received())
    before = await projection(worker)
    await feed(worker, j.duplicate(), j.duplicate())
    assert await projection(worker) == before
    assert await worker.fetchval("SELECT count(*) FROM fact") == 4


class Counting:
    """A connection that counts statements."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        if name in ("execute", "fetch", "fetchrow", "fetchval", "executemany"):
            self.statements += 1
        return getattr(self._conn, name)


@pytest.mark.parametrize("invoices", [1, 100])
async def test_a_batch_takes_the_same_few_statements_whatever_its_size(
    worker: Pool, account: UUID, invoices: int
) -> None:
    events = journeys(account, invoices * 6)
    half = len(events) // 2
    async with worker.acquire() as conn, conn.transaction():
        for batch in (events[:half], events[half:], events):
            counting = Counting(conn)
            await write(counting, *batch)
            assert counting.statements <= 6


@pytest.mark.proves("R48a")
async def test_an_account_sees_its_own_rows_and_no_others(
    worker: Pool, api_role: Pool, account: UUID
) -> None:
    other = UUID(int=43)
    await feed(worker, Journey(account).rejected(), Journey(other).rejected())
    await know(worker, registered(account, "a@bos.example"), registered(other, "b@vis.example"))
    for table in ("fact", "status", "account", "notice"):
        async with tenant(api_role, account) as conn:
            seen = await conn.fetch(f"SELECT account_id FROM {table}")
        assert [row["account_id"] for row in seen] == [account]
        with pytest.raises(asyncpg.PostgresError, match=r"postbode\.account|uuid"):
            await api_role.fetch(f"SELECT account_id FROM {table}")
        async with tenant(api_role, account) as conn:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(f"DELETE FROM {table}")


async def test_the_list_reads_its_index_under_row_security(
    worker: Pool, api_role: Pool, account: UUID
) -> None:
    await feed(worker, *journeys(account, 60))
    async with tenant(api_role, account) as conn:
        await conn.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        for where, index in (("true", "status_list"), ("problem", "status_problems")):
            plan = await conn.fetch(
                f"EXPLAIN SELECT * FROM status WHERE {where} AND role = 'sender'"
                " AND (received_at, invoice_id) < (now() + interval '1 year', gen_random_uuid())"
                " ORDER BY received_at DESC, invoice_id DESC LIMIT 10"
            )
            text = "\n".join(row[0] for row in plan)
            assert f"Index Scan using {index}" in text
            assert "Index Cond: ((account_id = " in text


async def test_the_newest_of_what_an_account_says_counts(worker: Pool, account: UUID) -> None:
    first, second, third = (registered(account, f"{n}@bos.example", sequence=n) for n in (1, 2, 3))
    await know(worker, second, first)
    assert await worker.fetchval("SELECT email FROM account") == "2@bos.example"
    await know(worker, first)
    assert await worker.fetchval("SELECT email FROM account") == "2@bos.example"
    await know(worker, third, second)
    assert await worker.fetchval("SELECT email FROM account") == "3@bos.example"
