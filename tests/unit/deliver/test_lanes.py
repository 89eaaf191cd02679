"""Attempts side by side: what a round holds while one of it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import weakref

from services.deliver.channels.lanes import Lanes
from services.deliver.parcel import HandedOver, Loaded, Outcome
from tests.unit.deliver import sample


async def test_documents_that_went_out_are_let_go_of_while_another_hangs() -> None:
    over = asyncio.Event()

    async def attempt(each: Loaded) -> Outcome:
        if each.job.lane == "hangs.example":
            await over.wait()
        return HandedOver("250 OK")

    loaded: list[Loaded] = [
        sample.watched(sample.job(lane=lane))
        for lane in ("hangs.example", "a.example", "a.example", "b.example")
    ]
    papers = [weakref.ref(each) for each in loaded]
    coming = Lanes(2, attempt).deliver(loaded)
    del loaded
    async with contextlib.aclosing(coming):
        assert len(await anext(coming)) == 3
        assert [paper() is not None for paper in papers] == [True, False, False, False]
        over.set()
        assert len(await anext(coming)) == 1
