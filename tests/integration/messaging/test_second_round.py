"""When an event that reached the delivery limit goes again by itself, and when it waits for a person."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from libs.contracts.envelope import Event
from libs.contracts.topology import Rounds
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.db.types import Pool
from libs.messaging import dead, dead_cli, inbox
from libs.messaging.transport import Message
from libs.terminal import Language
from tests.contract.messaging.conftest import received

AT_ONCE, LATER = Rounds(1, timedelta()), Rounds(1, timedelta(minutes=5))
QUEUE, OTHER = "route.validated", "route.outcomes"


@pytest.fixture
async def route(database: DatabaseSettings) -> AsyncIterator[Pool]:
    pools = Pools(database)
    yield await pools.get("route", "worker")
    await pools.close()


def given_up(event: Event) -> Message:
    return Message("", f"{QUEUE}.dead", b"[" + event.encode() + b"]", "m")


async def states(pool: Pool) -> list[str]:
    return [letter.state for letter in reversed(await dead.letters(pool, closed=True))]


async def test_it_goes_again_as_often_as_it_may_and_not_before_its_time(route: Pool) -> None:
    event = received()
    await dead.collect(route, QUEUE, given_up(event), LATER)
    await dead.collect(route, QUEUE, given_up(event), LATER)
    assert await states(route) == ["waiting"]
    assert await dead.count(route, QUEUE) == {}, "nobody need come for it"
    assert not await dead.again(route, QUEUE, LATER)
    await route.execute("UPDATE dead SET again_at = now()")
    assert await dead.again(route, QUEUE, LATER)
    assert not await dead.again(route, QUEUE, LATER)
    row = await route.fetchrow("SELECT exchange, routing_key, alone, body FROM outbox")
    assert row is not None
    assert tuple(row)[:3] == ("", QUEUE, True)
    assert json.loads(row["body"])["hubalone"] is True
    # It kills again; then by hand, and once more: it had its round.
    await dead.collect(route, QUEUE, given_up(event), AT_ONCE)
    assert await states(route) == ["replayed", "open"]
    assert await dead.count(route, QUEUE) == {"delivery-limit": 1}
    await dead.replay(route, 2, by="anna")
    await dead.collect(route, QUEUE, given_up(event), AT_ONCE)
    assert await states(route) == ["replayed", "replayed", "open"]
    assert not await dead.again(route, QUEUE, AT_ONCE)


async def test_one_at_a_time_in_a_service_and_none_that_was_dropped_or_cannot_be_read(route: Pool) -> None:
    first, second, third = received(), received(), received()
    await dead.collect(route, QUEUE, given_up(first), LATER)
    await dead.collect(route, OTHER, given_up(second), LATER)
    await dead.collect(route, OTHER, given_up(third), LATER)
    await dead.collect(route, QUEUE, Message("", f"{QUEUE}.dead", b"{no json", "m"), LATER)
    await dead.collect(route, QUEUE, given_up(received()), Rounds(0))
    assert await states(route) == ["waiting"] * 3 + ["open"] * 2
    await dead.drop(route, 3, by="anna", why="a test")
    await route.execute("UPDATE dead SET again_at = now() WHERE again_at IS NOT NULL")
    async with route.acquire() as conn, conn.transaction():
        await conn.execute(dead._ONE_AT_A_TIME)
        assert not await dead.again(route, QUEUE, LATER), "another process is choosing"
    assert await dead.again(route, QUEUE, LATER)
    assert not await dead.again(route, OTHER, LATER), "the first may be what killed the second"
    async with route.acquire() as conn:
        await inbox.claim(conn, QUEUE, [first.id])
    assert await dead.again(route, OTHER, LATER)
    assert not await dead.again(route, OTHER, LATER)
    assert await states(route) == ["replayed", "replayed", "dropped", "open", "open"]


async def test_what_waits_is_listed_with_its_time(
    route: Pool, database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await dead.collect(route, QUEUE, given_up(received()), LATER)
    (letter,) = await dead.letters(route)
    assert letter.again_at is not None
    for lang in Language:
        assert f"{letter.again_at:%Y-%m-%d %H:%M:%S}" in dead_cli._line("route", letter, lang)
    assert dead_cli._as_dict("route", letter)["state"] == "waiting"
