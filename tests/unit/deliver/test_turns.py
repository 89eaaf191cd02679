"""Whose deliveries a claim takes, and when the next round may begin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest

from libs import clock
from services.deliver.attempts import leases, rounds, turns
from services.deliver.attempts.due import Due
from services.deliver.attempts.leases import Round
from services.deliver.attempts.rounds import Rounds
from services.deliver.attempts.turns import Key, Kind, Turns
from services.deliver.parcel import Channel, Lease
from tests.unit.deliver import sample


class Waiting:
    """Accounts that have something queued, of which every so many-th has something due; and lanes, of which all have."""

    def __init__(self, count: int, every: int = 1, lanes: Sequence[str] = ()) -> None:
        self.accounts = [UUID(int=n) for n in range(1, count + 1)]
        self.due = set(self.accounts[::every])
        self.lanes = lanes
        self.asked = 0

    async def walk(self, kind: Kind, after: Key, most: int) -> Sequence[tuple[Key, bool]]:
        keys: Sequence[Key] = self.accounts if kind == "accounts" else self.lanes
        found = [(each, kind == "lanes" or each in self.due) for each in keys if each > after][:most]  # type: ignore[operator]
        self.asked += len(found)
        return found


def left(turn: Turns, last: Key | None = None) -> None:
    """A claim had no room for all."""
    turn.took(1, more=True, full=True, last=str(last) if last else None)


async def test_nobody_is_asked_for_turns_while_there_is_room_for_all() -> None:
    turn, waiting = Turns(), Waiting(3)
    turn.took(3, more=False, full=False, last=None)
    assert (turn.kind, turn.again, await turn.next(waiting.walk)) == ("oldest", False, [])
    assert not waiting.asked


async def test_whose_was_the_last_is_the_last_in_the_next_round() -> None:
    turn, waiting = Turns(), Waiting(3)
    one, two, three = waiting.accounts
    left(turn, two)
    assert await turn.next(waiting.walk) == [three, one, two]
    left(turn, three)
    assert await turn.next(waiting.walk) == [one, two, three]


async def test_with_very_many_accounts_each_walk_goes_on_where_the_last_one_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "MOST_KEYS", 4)
    turn, waiting = Turns(), Waiting(10)
    left(turn)
    found = [await turn.next(waiting.walk) for _ in range(3)]
    assert [len(each) for each in found] == [4, 4, 4]
    assert waiting.asked <= 4 * 4
    assert set().union(*found) == set(waiting.accounts)
    assert all(len(set(each)) == len(each) for each in found)


async def test_whose_time_has_not_come_takes_no_part() -> None:
    turn, waiting = Turns(), Waiting(150, every=100)
    left(turn)
    assert set(await turn.next(waiting.walk)) == waiting.due


async def test_where_accounts_leave_room_lanes_have_their_turn_and_then_the_oldest() -> None:
    """What the accounts have due first is held up: what waits behind it is found by its lane."""
    turn, waiting = Turns(), Waiting(1, lanes=["a", "b"])
    left(turn)
    turn.took(0, more=True, full=False, last=None)
    assert (turn.kind, turn.again, await turn.next(waiting.walk)) == ("lanes", True, ["a", "b"])
    turn.took(1, more=True, full=True, last="a")
    assert turn.kind == "accounts"
    turn.took(0, more=True, full=False, last=None)
    assert await turn.next(waiting.walk) == ["b", "a"]
    turn.took(0, more=True, full=False, last=None)
    assert (turn.kind, turn.again) == ("oldest", True)
    turn.took(0, more=True, full=False, last=None)
    assert not turn.again, "all were looked at, and nobody can go"


async def test_a_flood_between_does_not_turn_the_walk_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims in turn alternate with those that take the oldest, all of the flood's: everybody is reached."""
    monkeypatch.setattr(turns, "MOST_KEYS", 4)
    turn, waiting = Turns(), Waiting(40, every=10)
    served: set[Key] = set()
    for _ in range(10):
        left(turn)
        served.update(await turn.next(waiting.walk))
        for full in (False, False, True):
            turn.took(1, more=True, full=full, last=None)
    assert served == waiting.due


def test_an_account_is_looked_at_for_twice_its_part() -> None:
    assert [turns.share(200, accounts) for accounts in (0, 1, 2, 3, 200, 1000)] == [200, 200, 200, 133, 2, 1]


def _round(*lanes: str) -> Round:
    held = Round(Lease(1e12), clock.boottime())
    held.takes([sample.job(lane=lane) for lane in lanes])
    return held


async def _for_ever() -> None:
    await asyncio.Event().wait()


@pytest.fixture
async def under_way() -> AsyncIterator[Rounds]:
    yield Rounds(Due(["folder", "smtp", "sftp"]))
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def begin(under_way: Rounds, channel: Channel, held: Round) -> None:
    under_way.begin(channel, asyncio.create_task(_for_ever()), held)


async def test_lanes_are_free_as_soon_as_it_is_known_how_their_attempts_ended(under_way: Rounds) -> None:
    held = _round("a", "b")
    begin(under_way, "folder", held)
    first, second = held.jobs
    held.ends([first])
    assert (under_way.lanes("folder"), held.said.is_set()) == ({held.jobs[second].lane}, False)
    held.ends([second])
    await under_way.let_move("folder", held, more=True)
    assert (under_way.lanes("folder"), len(held.jobs)) == (set(), 2)


async def test_who_hangs_uses_up_nobody_s_room(under_way: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rounds those that hang are in; what is counted is deliveries."""
    hanging = [_round(f"hangs{n}") for n in range(200)]
    monkeypatch.setattr(rounds, "MOST_BYTES", 100 * hanging[0].size)
    for each in hanging:
        begin(under_way, "smtp", each)
    assert not under_way.room("smtp"), "they may move yet"
    for each in hanging:
        each.began -= leases.MOVES_SECONDS
    assert under_way.room("smtp")
    monkeypatch.setattr(rounds, "MOST_HELD", 200)
    assert not under_way.room("smtp")
    assert under_way.room("sftp")
    hanging[0].ends(list(hanging[0].jobs))
    assert not under_way.room("smtp"), "until the result is committed, somebody may hold it"
    hanging[0].ended(list(hanging[0].jobs))
    assert under_way.room("smtp")


async def test_channels_share_what_may_be_in_memory_and_each_may_have_a_round(
    under_way: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = _round("a", "b")
    monkeypatch.setattr(rounds, "MOST_BYTES", held.size)
    begin(under_way, "smtp", held)
    assert under_way.room("folder")
    monkeypatch.setattr(rounds, "LEAST_BYTES", held.size // 4)
    monkeypatch.setattr(rounds, "FULL_BYTES", held.size // 2)
    begin(under_way, "folder", _round("c"))
    assert [under_way.room(channel) for channel in ("smtp", "folder", "sftp")] == [0, 0, rounds.LEAST_BYTES]
    due = under_way.due["smtp"]
    assert not due.is_set()
    held.ends(list(held.jobs))
    held.ended(list(held.jobs))
    under_way.freed()
    assert due.is_set(), "whoever found no room looks again"
    assert under_way.room("smtp") == rounds.FULL_BYTES


async def test_a_round_that_ends_wakes_whoever_waits(under_way: Rounds) -> None:
    due = under_way.due["smtp"]
    task = asyncio.create_task(asyncio.sleep(0))
    under_way.begin("smtp", task, _round("a"))
    await task
    await asyncio.wait_for(due.wait(), 5)


async def test_mails_do_not_wait_for_those_before_and_folders_do(
    under_way: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "STILL_SECONDS", 60.0)
    monkeypatch.setattr(rounds, "PATIENCE_SECONDS", 60.0)
    async with asyncio.timeout(5):
        await under_way.let_move("smtp", _round("a"), more=False)
        held = _round("a")
        waiting = asyncio.create_task(under_way.let_move("folder", held, more=False))
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert not done
        held.ends(list(held.jobs))
        await waiting
