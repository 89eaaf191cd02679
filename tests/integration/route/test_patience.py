"""What waits too long is given back, after its sender was told, and never while somebody lets it go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceParked
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection
from libs.messaging import outbox
from libs.service import Wake
from services.route import facts, store, words
from services.route.settings import RouteSettings
from services.route.waits.patience import Patience
from services.track.notices import notice_of
from tests.integration.route.stage import decided, enter, told, validated
from tests.unit.route.sample import KVK

X = (KVK, "58070036")
DAYS = timedelta(days=30)


@pytest.fixture
async def admin(database: DatabaseSettings) -> AsyncIterator[Connection]:
    conn: Connection = await asyncpg.connect(database.url)
    yield conn
    await conn.close()


async def look(pools: Pools, most: int = 500, patience: timedelta = DAYS) -> None:
    """What the schedule does."""
    await Patience(await pools.get("route", "worker"), Wake(), patience, most).run()


async def later(admin: Connection, days: int) -> None:
    """So many days go by."""
    await admin.execute(
        f"""UPDATE route.parked SET parked_at = parked_at - interval '{days} days',
                                    return_at = return_at - interval '{days} days'"""
    )


def of(event: Event) -> UUID:
    return UUID(event.subject)


async def names(pools: Pools, event: Event) -> list[str]:
    return [name for name, _ in await told(pools, of(event))]


@pytest.mark.proves("R35")
async def test_its_sender_is_told_at_half_the_time_and_gets_it_back_at_the_end(
    pools: Pools, admin: Connection
) -> None:
    event = validated(X)
    (parked,) = await decided(pools, event)
    await later(admin, 14)
    await look(pools)
    assert await names(pools, event) == ["parked"]
    await later(admin, 1)
    await look(pools)
    await look(pools)
    assert await names(pools, event) == ["parked", "parked"]
    worker = await pools.get("route", "worker")
    reminder = await worker.fetchval(
        "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' FROM outbox ORDER BY id DESC LIMIT 1"
    )
    fact = InvoiceParked.model_validate(reminder)
    assert fact.return_on is not None
    assert fact.return_on.isoformat() in fact.reason.en
    assert "kvk.nl" in fact.reason.nl, "and still why"
    topics = {found.topic for each in (parked, fact) if (found := notice_of(of(event), each))}
    assert len(topics) == 2, "each is a mail of its own"
    await later(admin, 14)
    await look(pools)
    assert await names(pools, event) == ["parked", "parked"]
    await later(admin, 1)
    await look(pools)
    assert await told(pools, of(event)) == [("parked", 1), ("parked", 2), ("returned", 3)]
    await enter(pools, "De Jong", X)
    assert (await names(pools, event))[-1] == "returned"


async def test_nothing_is_given_back_unannounced_however_short_the_time_has_become(
    pools: Pools, admin: Connection
) -> None:
    event = validated(X)
    await decided(pools, event)
    await later(admin, 100)
    await look(pools, patience=timedelta(days=2))
    assert await names(pools, event) == ["parked", "parked"]
    await later(admin, 1)
    await look(pools, patience=timedelta(days=2))
    assert (await names(pools, event))[-1] == "returned"


async def test_many_go_piece_by_piece_and_several_workers_do_none_twice(
    pools: Pools, admin: Connection
) -> None:
    events = [validated(X) for _ in range(25)]
    await decided(pools, *events)
    for days in (15, 15):
        await later(admin, days)
        await asyncio.gather(look(pools, 4), look(pools, 3), look(pools, 5))
        await look(pools, 5)
    for event in events:
        assert await told(pools, of(event)) == [("parked", 1), ("parked", 2), ("returned", 3)]


async def test_one_that_somebody_lets_go_on_at_that_moment_is_theirs(pools: Pools, admin: Connection) -> None:
    event, other = validated(X), validated(X)
    await decided(pools, event, other)
    await later(admin, 15)
    await look(pools)
    await later(admin, 15)
    worker = await pools.get("route", "worker")
    async with worker.acquire() as conn, conn.transaction():
        (waiting,) = await store.lock_open(conn, [of(event)])
        # Their transaction is open: the schedule neither waits for it nor touches the row.
        await look(pools)
        assert (await names(pools, other))[-1] == "returned"
        still = await facts.release(conn, [waiting], "sender", words.asked_again(), again=True)
        await outbox.append(conn, still)
    assert await names(pools, event) == ["parked", "parked", "parked"]


async def test_killed_half_way_it_is_as_if_it_had_not_begun(
    pools: Pools, admin: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = validated(X)
    await decided(pools, event)
    await later(admin, 15)

    async def killed(*_: object) -> None:
        raise OSError("killed")

    for expected in (["parked", "parked"], ["parked", "parked", "returned"]):
        before = await names(pools, event)
        with monkeypatch.context() as broken:
            broken.setattr(outbox, "append", killed)
            with pytest.raises(OSError, match="killed"):
                await look(pools)
        assert await names(pools, event) == before
        await look(pools)
        assert await names(pools, event) == expected
        await later(admin, 15)


def test_it_is_thirty_days_unless_said_otherwise() -> None:
    assert RouteSettings().parked_days == 30
