"""Attempts side by side: what a round holds while one of it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from dataclasses import fields

from services.deliver.channels.lanes import Lanes
from services.deliver.parcel import HandedOver, Loaded, Outcome
from tests.unit.deliver import sample


class Watched(Loaded):
    """Documents that can be watched going."""


def watched(lane: str) -> Watched:
    of = sample.loaded(sample.job(lane=lane))
    return Watched(**{field.name: getattr(of, field.name) for field in fields(of)})


async def test_documents_that_went_out_are_let_go_of_while_another_hangs() -> None:
    over = asyncio.Event()

    async def attempt(each: Loaded) -> Outcome:
        if each.job.lane == "hangs.example":
            await over.wait()
        return HandedOver("250 OK")

    loaded: list[Loaded] = [
        watched(lane) for lane in ("hangs.example", "a.example", "a.example", "b.example")
    ]
    papers = [weakref.ref(each) for each in loaded]
    coming = Lanes(2, attempt).deliver(loaded)
    del loaded
    async with contextlib.aclosing(coming):
        assert len(await anext(coming)) == 3
        assert [paper() is not None for paper in papers] == [True, False, False, False]
        over.set()
        assert len(await anext(coming)) == 1
