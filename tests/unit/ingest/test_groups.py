"""Group commit: company is waited for, answers come after the write, one bad item fails one caller."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from libs.errors import Unavailable
from services.ingest.uploads.groups import GroupCommit


class Writer:
    def __init__(self, bad: str = "") -> None:
        self.groups: list[list[str]] = []
        self.bad = bad

    async def __call__(self, items: Sequence[str]) -> list[str]:
        self.groups.append(list(items))
        await asyncio.sleep(0)
        if self.bad in items:
            raise ValueError(self.bad)
        return [item.upper() for item in items]


def owner(item: str) -> UUID:
    """The first letter is the account."""
    return {"f": UUID(int=1), "o": UUID(int=2)}[item[0]]


async def test_callers_that_come_together_share_a_commit() -> None:
    writer = Writer()
    async with GroupCommit(writer, linger=0.01) as group:
        answers = await asyncio.gather(*(group.submit(c) for c in "abc"))
    assert answers == ["A", "B", "C"]
    assert writer.groups == [["a", "b", "c"]]


async def test_a_group_is_never_larger_than_allowed() -> None:
    writer = Writer()
    async with GroupCommit(writer, linger=0.001, most=2) as group:
        await asyncio.gather(*(group.submit(c) for c in "abcde"))
    assert [len(g) for g in writer.groups] == [2, 2, 1]


async def test_one_bad_item_fails_one_caller() -> None:
    writer = Writer(bad="b")
    async with GroupCommit(writer, linger=0.01) as group:
        answers = await asyncio.gather(*(group.submit(c) for c in "abc"), return_exceptions=True)
    assert answers[0] == "A"
    assert isinstance(answers[1], ValueError)
    assert answers[2] == "C"


async def test_the_flusher_survives_a_failure() -> None:
    writer = Writer(bad="b")
    async with GroupCommit(writer, linger=0.001) as group:
        with pytest.raises(ValueError, match="b"):
            await group.submit("b")
        assert await group.submit("c") == "C"


async def test_a_caller_that_gave_up_does_not_disturb_the_others() -> None:
    async with GroupCommit(Writer(), linger=0.02) as group:
        gone = asyncio.create_task(group.submit("a"))
        stays = asyncio.create_task(group.submit("b"))
        await asyncio.sleep(0.005)
        gone.cancel()
        assert await stays == "B"


async def test_too_many_waiting_is_said_at_once() -> None:
    async with GroupCommit(Writer(), linger=0.01, waiting=1) as group:
        first = asyncio.create_task(group.submit("a"))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await group.submit("b")
        assert await first == "A"


async def test_leaving_answers_those_who_wait() -> None:
    async with GroupCommit(Writer(), linger=0.05) as group:
        waiting = asyncio.create_task(group.submit("a"))
        await asyncio.sleep(0)
    assert waiting.done()
    assert await waiting == "A"


async def test_too_many_bytes_waiting_is_said_at_once_and_room_comes_back() -> None:
    async with GroupCommit(Writer(), linger=0.01, waiting_bytes=4, size=len) as group:
        first = asyncio.create_task(group.submit("aa"))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await group.submit("bbb")
        assert await group.submit("c") == "C"
        assert await first == "AA"
        assert await group.submit("dddd") == "DDDD"


@pytest.mark.parametrize("bound", [{"waiting": 8}, {"waiting_bytes": 16, "size": len}])
async def test_one_account_does_not_shut_the_door_to_the_others(bound: dict[str, Any]) -> None:
    async with GroupCommit(Writer(), linger=0.01, account=owner, **bound) as group:
        flood = [asyncio.create_task(group.submit(f"f{n}")) for n in range(8)]
        await asyncio.sleep(0)
        other = asyncio.create_task(group.submit("o1"))
        told = await asyncio.gather(*flood, return_exceptions=True)
        assert await other == "O1"
    assert sum(isinstance(each, Unavailable) for each in told) == 2


async def test_what_is_larger_than_all_may_be_gets_through_alone() -> None:
    async with GroupCommit(Writer(), linger=0.001, waiting_bytes=3, size=len) as group:
        assert await group.submit("aaaaa") == "AAAAA"


async def test_a_group_holds_no_more_bytes_than_allowed() -> None:
    writer = Writer()
    async with GroupCommit(writer, linger=0.01, most_bytes=4, size=len) as group:
        await asyncio.gather(*(group.submit(each) for each in ("aa", "bb", "c", "dddddd", "e")))
    assert writer.groups == [["aa", "bb"], ["c"], ["dddddd"], ["e"]]


async def test_nobody_stands_in_line_behind_whoever_sends_most() -> None:
    writer = Writer()
    async with GroupCommit(writer, linger=0.001, most=20, account=owner, share=20) as group:
        flood = [asyncio.create_task(group.submit(f"f{n}")) for n in range(300)]
        await asyncio.sleep(0)
        others = [asyncio.create_task(group.submit(f"o{n}")) for n in range(3)]
        await asyncio.gather(*others)
        before = sum(item.startswith("f") for each in writer.groups for item in each)
        for task in flood:
            task.cancel()
    assert before <= 20, "more than a group and a share of the flood went before them"


async def test_of_one_account_no_more_is_taken_than_its_share_while_others_are_about() -> None:
    writer = Writer()
    async with GroupCommit(writer, linger=0.001, account=owner, share=20) as group:
        other = asyncio.create_task(group.submit("o1"))
        flood = [asyncio.create_task(group.submit(f"f{n}")) for n in range(25)]
        await other
        await asyncio.gather(*flood)
    of_flood = [sum(item.startswith("f") for item in each) for each in writer.groups]
    assert [count for count in of_flood if count] == [20, 3, 2]
