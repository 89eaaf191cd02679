"""Attempts side by side: what a round holds while one of it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import weakref

import pytest

from services.deliver.channels import lanes
from services.deliver.channels.lanes import Lanes
from services.deliver.parcel import HandedOver, Loaded, NotBegun, Outcome
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


async def test_who_waits_behind_those_that_hang_is_given_back_with_the_documents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "STILL_SECONDS", 0.05)
    over = asyncio.Event()

    async def attempt(each: Loaded) -> Outcome:
        await over.wait()
        return HandedOver("250 OK")

    loaded: list[Loaded] = [sample.watched(sample.job(lane="hangs.example")) for _ in range(5)]
    papers = [weakref.ref(each) for each in loaded]
    coming = Lanes(2, attempt).deliver(loaded)
    del loaded
    async with contextlib.aclosing(coming):
        assert [type(outcome) for _, outcome in await anext(coming)] == [NotBegun] * 3
        assert [paper() is not None for paper in papers] == [True, True, False, False, False]
        over.set()
        assert len(await anext(coming)) == 2
