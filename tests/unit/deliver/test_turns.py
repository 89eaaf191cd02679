"""Whose deliveries a claim takes, and when the next round may begin."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from services.deliver.attempts import rounds, turns
from services.deliver.attempts.leases import Round
from services.deliver.attempts.rounds import Rounds
from services.deliver.attempts.turns import Turns
from services.deliver.parcel import Lease
from tests.unit.deliver import sample


class Waiting:
    """Accounts that have something queued, of which every so many-th has something due."""

    def __init__(self, count: int, every: int = 1) -> None:
        self.accounts = [UUID(int=n) for n in range(1, count + 1)]
        self.due = set(self.accounts[::every])
        self.asked = 0

    async def walk(self, after: UUID, most: int) -> Sequence[tuple[UUID, bool]]:
        found = [(each, each in self.due) for each in self.accounts if each > after][:most]
        self.asked += len(found)
        return found


async def test_nobody_is_asked_for_turns_while_there_is_room_for_all() -> None:
    turn, waiting = Turns(), Waiting(3)
    turn.took(more=False, last=waiting.accounts[0])
    assert await turn.next(waiting.walk) is None
    assert not waiting.asked


async def test_whose_was_the_last_is_the_last_in_the_next_round() -> None:
    turn, waiting = Turns(), Waiting(3)
    one, two, three = waiting.accounts
    turn.took(more=True, last=two)
    assert await turn.next(waiting.walk) == [three, one, two]
    turn.took(more=True, last=three)
    assert await turn.next(waiting.walk) == [one, two, three]


async def test_with_very_many_accounts_each_walk_goes_on_where_the_last_one_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "MOST_ACCOUNTS", 4)
    turn, waiting = Turns(), Waiting(10)
    turn.took(more=True, last=None)
    found = [await turn.next(waiting.walk) or [] for _ in range(3)]
    assert [len(each) for each in found] == [4, 4, 4]
    assert waiting.asked <= 4 * 4
    assert set().union(*found) == set(waiting.accounts)
    assert all(len(set(each)) == len(each) for each in found)


async def test_whose_time_has_not_come_takes_no_part() -> None:
    turn, waiting = Turns(), Waiting(150, every=100)
    turn.took(more=True, last=None)
    assert set(await turn.next(waiting.walk) or []) == waiting.due


async def test_a_flood_between_does_not_turn_the_walk_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims in turn alternate with those that take the oldest, all of the flood's: everybody is reached."""
    monkeypatch.setattr(turns, "MOST_ACCOUNTS", 4)
    turn, waiting = Turns(), Waiting(40, every=10)
    served: set[UUID] = set()
    for _ in range(10):
        turn.took(more=True, last=None)
        served.update(await turn.next(waiting.walk) or [])
        turn.took(more=True, last=None, thin=True)
        assert await turn.next(waiting.walk) is None
    assert served == waiting.due


def test_an_account_is_looked_at_for_twice_its_part() -> None:
    assert [turns.share(200, accounts) for accounts in (0, 1, 2, 3, 200, 1000)] == [200, 200, 200, 133, 2, 1]


def _round(*lanes: str) -> Round:
    jobs = [sample.job(lane=lane) for lane in lanes]
    return Round(Lease(1e12), 0.0, {job.delivery_id: job for job in jobs})


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def test_lanes_are_free_as_soon_as_it_is_known_how_their_attempts_ended() -> None:
    held, under_way = _round("a", "b"), Rounds("folder")
    task = asyncio.create_task(_for_ever())
    under_way.begin(task, held)
    first, second = held.jobs
    held.ends([first])
    assert (under_way.lanes, held.said.is_set()) == ({held.jobs[second].lane}, False)
    held.ends([second])
    await under_way.let_move(held, more=True)
    assert (under_way.lanes, len(held.jobs)) == (set(), 2)
    task.cancel()


async def test_who_hangs_uses_up_nobody_s_room(monkeypatch: pytest.MonkeyPatch) -> None:
    under_way = Rounds("smtp")
    tasks = [asyncio.create_task(_for_ever()) for _ in range(20)]
    held = [_round(f"hangs{n}") for n in range(20)]
    for task, each in zip(tasks, held, strict=True):
        under_way.begin(task, each)
    assert under_way.room
    monkeypatch.setattr(rounds, "MOST_BYTES", 20 * held[0].size)
    assert not under_way.room
    held[0].ends(list(held[0].jobs))
    assert not under_way.room, "until the result is committed, somebody may hold it"
    held[0].ended(list(held[0].jobs))
    assert under_way.room
    for task in tasks:
        task.cancel()


async def test_mails_do_not_wait_for_those_before_and_folders_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "STILL_SECONDS", 60.0)
    monkeypatch.setattr(rounds, "PATIENCE_SECONDS", 60.0)
    async with asyncio.timeout(5):
        await Rounds("smtp").let_move(_round("a"), more=False)
        held = _round("a")
        waiting = asyncio.create_task(Rounds("folder").let_move(held, more=False))
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert not done
        held.ends(list(held.jobs))
        await waiting
