"""Folders on disk when one of them does not answer: what happens to the others of its round."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.deliver.channels import folder
from services.deliver.channels.disk import Folder
from services.deliver.channels.folder import FolderChannel
from services.deliver.parcel import HandedOver, Loaded, NotBegun
from tests.unit.deliver import sample

OTHERS = [f"f{n}" for n in range(8)]


@pytest.fixture
def come_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nobody gets into the folder ``f5`` before this is set."""
    event, real = threading.Event(), Folder.open

    def opening(path: Path, **more: Any) -> Folder | None:
        if path.name == "f5":
            event.wait()
        return real(path, **more)

    monkeypatch.setattr(Folder, "open", opening)
    monkeypatch.setattr(folder, "TOGETHER_SECONDS", 0.02)
    monkeypatch.setattr(folder, "OPEN_SECONDS", 0.1)
    yield event
    event.set()


def of_all() -> list[Loaded]:
    return [sample.watched(sample.job("folder", settings={"folder": name}, lane=name)) for name in OTHERS]


async def outcomes(channel: FolderChannel) -> dict[str, type]:
    return {job.lane: type(said) async for done in channel.deliver(of_all()) for job, said in done}


async def test_one_that_hangs_leaves_the_others_of_its_round_and_the_next_alone(
    come_back: threading.Event, tmp_path: Path
) -> None:
    channel = FolderChannel(tmp_path)
    fine: dict[str, type] = {**dict.fromkeys(OTHERS, HandedOver), "f5": NotBegun}
    assert await outcomes(channel) == fine
    assert await outcomes(channel) == fine, "none is locked by whoever hangs"
    come_back.set()
    async with asyncio.timeout(5):
        while await outcomes(channel) != dict.fromkeys(OTHERS, HandedOver):
            await asyncio.sleep(0.01)


async def test_documents_in_place_are_let_go_of_while_another_folder_hangs(
    come_back: threading.Event, tmp_path: Path
) -> None:
    loaded = of_all()
    papers = {each.job.lane: weakref.ref(each) for each in loaded}
    coming = FolderChannel(tmp_path).deliver(loaded)
    del loaded
    shown = {job.lane for job, _ in await anext(coming)}
    assert len(shown) >= 4
    assert not [name for name in shown if papers[name]() is not None]
    come_back.set()
    [rest] = [{job.lane for job, _ in done} async for done in coming]
    assert shown | rest == set(OTHERS)
