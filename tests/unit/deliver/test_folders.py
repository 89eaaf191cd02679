"""Folders on disk when one of them does not answer, or stops answering: what happens to the others of its round."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.deliver.channels import Done, folder
from services.deliver.channels.disk import Folder
from services.deliver.channels.folder import FolderChannel
from services.deliver.parcel import HandedOver, Loaded, NotBegun, Unknown
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
    monkeypatch.setattr(folder, "OPEN_SECONDS", 0.5)
    yield event
    event.set()


def of_all() -> list[Loaded]:
    return [sample.watched(sample.job("folder", settings={"folder": name}, lane=name)) for name in OTHERS]


async def outcomes(channel: FolderChannel) -> dict[str, type]:
    return {job.lane: type(said) async for done in channel.deliver(of_all()) for job, said in done}


async def lanes_of(coming: AsyncGenerator[Done, None], least: int) -> set[str]:
    """Of what comes next, in however many pieces, until so many are there."""
    found: set[str] = set()
    while len(found) < least:
        found |= {job.lane for job, _ in await anext(coming)}
    return found


async def test_one_that_hangs_leaves_the_others_of_its_round_and_the_next_alone(
    come_back: threading.Event, tmp_path: Path
) -> None:
    channel = FolderChannel(tmp_path)
    fine: dict[str, type] = {**dict.fromkeys(OTHERS, HandedOver), "f5": NotBegun}
    assert await outcomes(channel) == fine
    assert await outcomes(channel) == fine, "none is locked by whoever hangs"
    come_back.set()
    async with asyncio.timeout(30):
        while await outcomes(channel) != dict.fromkeys(OTHERS, HandedOver):
            await asyncio.sleep(0.01)


async def test_documents_in_place_are_let_go_of_while_another_folder_hangs(
    come_back: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "OPEN_SECONDS", 60.0)
    loaded = of_all()
    papers = {each.job.lane: weakref.ref(each) for each in loaded}
    coming = FolderChannel(tmp_path).deliver(loaded)
    del loaded
    shown = await lanes_of(coming, 4)
    assert not [name for name in shown if papers[name]() is not None]
    come_back.set()
    assert shown | await lanes_of(coming, len(OTHERS) - len(shown)) == set(OTHERS)


@pytest.fixture
def writes_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The folder ``f5`` is a file system of its own, on which nothing is written before this is set."""
    event, opening, writing = threading.Event(), Folder.open, Folder.write

    def opened(path: Path, **more: Any) -> Folder | None:
        found = opening(path, **more)
        if found is not None and path.name == "f5":
            found.device += 1
        return found

    def write(self: Folder, name: str, data: bytes) -> None:
        if self.path.name == "f5":
            event.wait()
        writing(self, name, data)

    monkeypatch.setattr(Folder, "open", opened)
    monkeypatch.setattr(Folder, "write", write)
    yield event
    event.set()


async def test_a_share_that_hangs_while_a_pair_is_written_leaves_the_others_of_its_round(
    writes_again: threading.Event, tmp_path: Path
) -> None:
    coming = FolderChannel(tmp_path).deliver(of_all())
    async with asyncio.timeout(30):
        assert await lanes_of(coming, len(OTHERS) - 1) == set(OTHERS) - {"f5"}
        writes_again.set()
        assert [[(job.lane, type(said)) for job, said in done] async for done in coming] == [
            [("f5", HandedOver)]
        ]


async def test_a_share_that_goes_on_hanging_is_unknown_and_left_alone_until_it_is_back(
    writes_again: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = FolderChannel(tmp_path)
    fine = dict.fromkeys(OTHERS, HandedOver)
    async with asyncio.timeout(30):
        coming = channel.deliver(of_all())
        assert await lanes_of(coming, len(OTHERS) - 1) == set(OTHERS) - {"f5"}
        # Nobody else is impatient: a busy machine takes its time.
        with monkeypatch.context() as impatient:
            impatient.setattr(folder, "OPEN_SECONDS", 0.02)
            impatient.setattr(folder, "PLACE_SECONDS", 0.0)
            assert [(job.lane, type(said)) for job, said in await anext(coming)] == [("f5", Unknown)]
        assert await outcomes(channel) == {**fine, "f5": NotBegun}
        writes_again.set()
        while await outcomes(channel) != fine:
            await asyncio.sleep(0.01)
