"""What is waited for while something else is done begins first, ends with the block, and tells its own errors."""

from __future__ import annotations

import asyncio

import pytest

from libs.meanwhile import meanwhile


async def test_it_has_begun_when_the_block_does_and_its_result_is_awaited() -> None:
    said: list[str] = []

    async def work() -> str:
        said.append("begun")
        await asyncio.sleep(0)
        return "done"

    async with meanwhile(work()) as answer:
        said.append("block")
        assert await answer == "done"
    assert said == ["begun", "block"]


@pytest.mark.parametrize("awaited", [True, False])
async def test_what_fails_is_told_to_who_awaits_it_and_to_nobody_else(awaited: bool) -> None:
    async def work() -> None:
        raise OSError("away")

    async def block() -> None:
        async with meanwhile(work()) as answer:
            if not awaited:
                raise ValueError
            await answer

    with pytest.raises(OSError if awaited else ValueError):
        await block()


async def test_nothing_goes_on_behind_a_block_that_was_left() -> None:
    never = asyncio.Event()
    ended: list[str] = []

    async def work() -> None:
        try:
            await never.wait()
        finally:
            ended.append("ended")

    with pytest.raises(ValueError, match="other"):
        async with meanwhile(work()):
            raise ValueError("other")
    assert ended == ["ended"]
