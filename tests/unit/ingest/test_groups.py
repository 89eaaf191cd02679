"""Group commit: company is waited for, answers come after the write, one bad item fails one caller."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from libs.errors import Unavailable
from services.ingest.groups import GroupCommit


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
    async with GroupCommit(Writer(), linger=0.01, waiting_bytes=3, size=len) as group:
        first = asyncio.create_task(group.submit("aa"))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await group.submit("bb")
        assert await group.submit("c") == "C"
        assert await first == "AA"
        assert await group.submit("ddd") == "DDD"


async def test_what_is_larger_than_all_may_be_gets_through_alone() -> None:
    async with GroupCommit(Writer(), linger=0.001, waiting_bytes=3, size=len) as group:
        assert await group.submit("aaaaa") == "AAAAA"


async def test_a_group_holds_no_more_bytes_than_allowed() -> None:
    writer = Writer()
    async with GroupCommit(writer, linger=0.01, most_bytes=4, size=len) as group:
        await asyncio.gather(*(group.submit(each) for each in ("aa", "bb", "c", "dddddd", "e")))
    assert writer.groups == [["aa", "bb"], ["c"], ["dddddd"], ["e"]]
