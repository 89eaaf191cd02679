"""Large requests take turns by their bytes; small ones never wait."""

from __future__ import annotations

import asyncio
import contextlib

from libs.http.heavy import Heavy


async def test_no_more_bytes_at_once_than_there_may_be_and_in_the_order_they_came() -> None:
    heavy, now, most, begun = Heavy(most=100, light=10), 0, 0, list[int]()

    async def one(size: int) -> None:
        nonlocal now, most
        async with heavy.hold(size):
            begun.append(size)
            now += size
            most = max(most, now)
            await asyncio.sleep(0)
            now -= size

    sizes = [60, 41, 20, 100, 30, 70, 11]
    async with asyncio.timeout(5):
        await asyncio.gather(*map(one, sizes))
    assert most <= 100
    assert begun == sizes


async def test_small_ones_never_wait_and_the_largest_goes_alone() -> None:
    heavy = Heavy(most=100, light=10)
    async with asyncio.timeout(5), heavy.hold(1_000), heavy.hold(10):
        other = asyncio.create_task(heavy.hold(11).__aenter__())
        await asyncio.sleep(0)
        assert not other.done()
        other.cancel()
    async with asyncio.timeout(5), heavy.hold(100):
        pass


async def test_who_gives_up_leaves_no_gap() -> None:
    heavy = Heavy(most=100, light=10)

    async def held() -> None:
        async with heavy.hold(80):
            await asyncio.sleep(60)

    one, two, three = (asyncio.create_task(held()) for _ in range(3))
    await asyncio.sleep(0)
    two.cancel()
    one.cancel()
    await asyncio.sleep(0)
    three.cancel()
    for each in (one, two, three):
        with contextlib.suppress(asyncio.CancelledError):
            await each
    async with asyncio.timeout(5), heavy.hold(100):
        pass
