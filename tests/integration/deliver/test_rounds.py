"""Rounds beside each other: what waits for whom, and who gets a turn when very much is due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast
from uuid import UUID

import pytest

from libs.db.types import Connection, Pool
from libs.service import Wake
from services.deliver import store
from services.deliver.attempts import claiming
from services.deliver.attempts.dispatcher import Dispatcher
from services.deliver.attempts.turns import Turns
from services.deliver.channels import Done
from services.deliver.channels.lanes import Lanes
from services.deliver.parcel import HandedOver, Job, Lease, Loaded, Outcome
from services.deliver.waits import pauses
from tests.integration.deliver.stage import ACCOUNT, Stage, running, until
from tests.unit.deliver.sample import receiver

OTHER = UUID(int=0xB)


class Channel:
    """Hands over at once; what goes to ``hangs…`` only when it is told to, and after what went to ``untidy…`` it does not
    get done with tidying up before that."""

    def __init__(self) -> None:
        self.taken: list[Job] = []
        self.go_on = asyncio.Event()
        self.lanes = Lanes(4, self._attempt)

    def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        return self.lanes.deliver(loaded)

    async def _attempt(self, each: Loaded) -> Outcome:
        self.taken.append(each.job)
        if each.job.lane.startswith("hangs"):
            await self.go_on.wait()
        return HandedOver("yes")

    async def settled(self, jobs: Sequence[Job]) -> None:
        if any(job.lane.startswith("untidy") for job in jobs):
            await self.go_on.wait()

    async def close(self) -> None: ...


def dispatcher(stage: Stage, channel: Channel, **more: object) -> Dispatcher:
    return Dispatcher(stage.settings(**more), stage.worker, stage.documents, {"smtp": channel}, Wake())


async def _all_claimed(stage: Stage) -> bool:
    return "queued" not in await stage.states()


async def test_many_that_hang_stop_nobody(stage: Stage) -> None:
    """Each claimed in a round of its own, as they become due one after the other."""
    channel = Channel()
    works = dispatcher(stage, channel)
    async with running(works):
        try:
            for n in range(10):
                await stage.send(receiver(email=f"in@hangs{n}.example"))
                works.due.everywhere()
                await until(lambda: _all_claimed(stage), seconds=5)
            await stage.send(receiver(email="in@fine.example"))
            works.due.everywhere()
            await until(lambda: _handed_over(stage), seconds=5)
        finally:
            channel.go_on.set()


async def _handed_over(stage: Stage) -> bool:
    return "handed_over" in await stage.states()


async def test_a_commit_that_takes_long_holds_up_nobody_s_next(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, go_on = store.finish, asyncio.Event()

    async def slow(*args: object) -> object:
        await go_on.wait()
        return await real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "finish", slow)
    channel, to = Channel(), receiver()
    works = dispatcher(stage, channel)
    async with running(works):
        try:
            for count in (1, 2):
                await stage.send(to)
                works.due.everywhere()
                await until(lambda wanted=count: _taken(channel, wanted), seconds=5)  # type: ignore[misc]
        finally:
            go_on.set()
    assert await stage.states() == ["handed_over"] * 2


@pytest.mark.parametrize("held_up", ["commit", "tidying up"])
async def test_results_of_a_round_wait_for_none_before_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, held_up: str
) -> None:
    channel, real = Channel(), store.finish

    async def slow(conn: Connection, results: Sequence[store.Result]) -> dict[UUID, int]:
        if held_up == "commit" and results[0].job.lane.startswith("untidy"):
            await channel.go_on.wait()
        return await real(conn, results)

    async def a_little_later(each: Loaded) -> Outcome:
        await asyncio.sleep(0.0 if each.job.lane.startswith("untidy") else 0.05)
        return HandedOver("yes")

    monkeypatch.setattr(store, "finish", slow)
    channel.lanes = Lanes(4, a_little_later)
    await stage.send(receiver(email="in@untidy.example"))
    await stage.send(receiver(email="in@fine.example"))
    round_ = asyncio.create_task(dispatcher(stage, channel).dispatch())
    try:
        await until(lambda: _handed_over_at(stage, "fine.example"), seconds=5)
        assert not round_.done(), "it is over when all is done"
    finally:
        channel.go_on.set()
    assert await round_ == 2
    assert await stage.states() == ["handed_over"] * 2


async def _handed_over_at(stage: Stage, lane: str) -> bool:
    return any(row["lane"] == lane and row["state"] == "handed_over" for row in await stage.rows())


async def _taken(channel: Channel, count: int) -> bool:
    return len(channel.taken) == count


async def test_who_sends_very_much_waits_behind_itself(stage: Stage) -> None:
    """Fifty of one account are due before two of another: they go in the second round, whatever waits before."""
    to = receiver()
    await stage.send(to, 50)
    await stage.send(to, 2, account=OTHER)
    works = dispatcher(stage, Channel(), batch=10)
    rounds = [[job.account_id for job in (await works.start("smtp")).jobs.values()] for _ in range(4)]
    assert [len(each) for each in rounds] == [10] * 4
    assert [each.count(OTHER) for each in rounds] == [0, 2, 0, 0]
    assert set(rounds[0] + rounds[2] + rounds[3]) == {ACCOUNT}


async def test_large_documents_of_one_push_nobody_else_aside(stage: Stage) -> None:
    to = receiver()
    await stage.send(to, 3)
    await stage.send(to, 1, account=OTHER)
    works = dispatcher(stage, Channel())
    taken = [job for _ in range(3) for job in (await works.start("smtp", room=1)).jobs.values()]
    assert [job.account_id for job in taken].index(OTHER) < 2


async def _for_another_day(stage: Stage, accounts: int) -> None:
    """So many accounts have something each that is due tomorrow."""
    for n in range(accounts):
        await stage.send(receiver(), account=UUID(int=0xF0 + n))
    await stage.worker.execute("UPDATE delivery SET due_at = now() + interval '1 day'")


@pytest.mark.parametrize(("accounts", "walked", "batch"), [(4, 2, 2), (20, 200, 10)])
async def test_a_flood_drains_in_full_rounds_whoever_waits_for_another_day(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, accounts: int, walked: int, batch: int
) -> None:
    """They take no part of a round, also where one walk does not get past them."""
    monkeypatch.setattr("services.deliver.attempts.turns.MOST_KEYS", walked)
    await _for_another_day(stage, accounts)
    await stage.send(receiver(), 4 * batch)
    works = dispatcher(stage, Channel(), batch=batch)
    assert [len((await works.start("smtp")).jobs) for _ in range(4)] == [batch] * 4


_MANY = """
INSERT INTO delivery
       (delivery_id, invoice_id, account_id, receiver_id, receiver_name, routing, channel, lane, size, sequence)
SELECT gen_random_uuid(), gen_random_uuid(), account_id, receiver_id, receiver_name, 1, channel, lane, size, 0
  FROM delivery, generate_series(1, 10000)
"""
_READ = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'delivery'"


async def test_a_claim_does_not_go_through_what_waits_in_a_lane_that_is_held_up(stage: Stage) -> None:
    """Of the same account, and due before all others: ten thousand rows, of which some dozens are looked at."""
    await stage.send(receiver(email="in@hangs.example"))
    await stage.worker.execute(_MANY)
    await stage.send(receiver(email="in@fine.example"), 3)
    await stage.send(receiver(email="in@other.example"), 1, account=OTHER)
    turn, lanes = Turns(), []
    async with stage.worker.acquire() as conn, conn.transaction():
        before = await conn.fetchval(_READ)
        for _ in range(4):
            jobs = await claiming.claim(
                cast("Pool", conn), "smtp", 10, 1 << 20, 5.0, Lease(0.0), {"hangs.example"}, turn=turn
            )
            lanes += [job.lane for job in jobs]
        read = await conn.fetchval(_READ) - before
    assert sorted(lanes) == ["fine.example"] * 3 + ["other.example"]
    assert read < 1000
    assert not turn.again, "who can go now went: it is not looked for without end"


async def test_who_stops_does_not_go_on_putting_off(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.send(receiver(), 6)
    await pauses.pause(stage.worker, None, ACCOUNT, by="operator", why="asked to")
    began, go_on, real = asyncio.Event(), asyncio.Event(), claiming.claim

    async def claim(*args: Any, **more: Any) -> list[Job]:
        began.set()
        await go_on.wait()
        return await real(*args, **more)

    monkeypatch.setattr(claiming, "claim", claim)
    async with running(dispatcher(stage, Channel(), batch=1)):
        await began.wait()
        asyncio.get_running_loop().call_later(0.05, go_on.set)
    later = await stage.worker.fetchval("SELECT count(*) FROM delivery WHERE due_at > now()")
    assert later == 1


async def test_who_is_first_of_many_is_reached_beside_a_flood(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More accounts than one walk looks at, all later than the flood: each gets its turn while that goes on."""
    monkeypatch.setattr("services.deliver.attempts.turns.MOST_KEYS", 4)
    to, others = receiver(), [UUID(int=0xF00 + n) for n in range(12)]
    await stage.send(to, 100)
    for each in others:
        await stage.send(to, account=each)
    works = dispatcher(stage, Channel(), batch=5)
    served = {job.account_id for _ in range(16) for job in (await works.start("smtp")).jobs.values()}
    assert served >= set(others)
