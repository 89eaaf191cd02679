"""A receiver's Globe says what became of a pair: imported, given back, and nothing where nothing is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from libs.service import Wake
from services.deliver.arriving.globe import GlobeReports
from services.deliver.channels.folder import FolderChannel
from tests.integration.deliver.stage import Stage


class Killed(BaseException):
    """As if the process had died here."""


def reports(stage: Stage) -> GlobeReports:
    return GlobeReports(stage.worker, "folder", FolderChannel(stage.root), Wake())


async def placed(stage: Stage, count: int = 1) -> list[Path]:
    """Pairs in a folder: where Globe's word of each would stand."""
    await stage.send(await stage.folder("dejong"), count)
    await stage.dispatcher().dispatch()
    return [stage.root / "dejong" / f"{row['file_name']}.txt" for row in await stage.rows()]


@pytest.mark.proves("R53", "R54", "R56")
async def test_processed_is_arrived_and_imported_whenever_it_is_said(stage: Stage) -> None:
    early, late = await placed(stage, 2)
    early.write_text("Processed")
    for _ in range(2):
        await reports(stage).look()
    assert not early.exists()
    assert await stage.facts() == [("handed_over", 1)] * 2 + [("confirmed", 2), ("imported", 1)]
    stage.take("dejong")
    await stage.arrivals().look()
    assert await stage.states() == ["confirmed"] * 2
    late.write_text("Processed")
    await reports(stage).look()
    assert await stage.facts() == [
        *[("handed_over", 1)] * 2, ("confirmed", 2), ("imported", 1), ("confirmed", 2), ("imported", 1),
    ]  # fmt: skip


@pytest.mark.proves("R48b", "R56")
@pytest.mark.parametrize("taken", [False, True])
async def test_what_it_cannot_process_comes_back_with_its_reason(stage: Stage, taken: bool) -> None:
    (word,) = await placed(stage)
    if taken:
        stage.take("dejong")
        await stage.arrivals().look()
    word.write_text("Can't process: The period is closed")
    for _ in range(2):
        await reports(stage).look()
    assert await stage.states() == ["undeliverable"]
    assert [fact for fact, _ in await stage.facts()][-2:] == ["bounced", "undeliverable"]
    assert [number for _, number in await stage.facts()] == list(range(1, 4 + taken))
    assert "The period is closed" in (await stage.told())[-1].reason.nl  # type: ignore[attr-defined]
    assert await stage.attempts() == [(1, "bounced")]


async def test_killed_before_the_file_is_gone_it_is_told_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    (word,) = await placed(stage)
    word.write_text("Processed")

    async def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(FolderChannel, "take_away", killed)
        with pytest.raises(Killed):
            await reports(stage).look()
    assert word.exists()
    await reports(stage).look()
    assert [fact for fact, _ in await stage.facts()] == ["handed_over", "confirmed", "imported"]


async def test_what_strangers_put_there_is_read_by_nobody(stage: Stage, tmp_path: Path) -> None:
    """A link to somebody's file, a pipe that hangs, another folder's delivery, words that say nothing."""
    link, pipe, elsewhere, odd = await placed(stage, 4)
    secret = tmp_path / "secret"
    secret.write_text("Processed")
    link.symlink_to(secret)
    os.mkfifo(pipe)
    odd.write_text("Not processed")
    await stage.send(await stage.folder("smit"))
    await stage.dispatcher().dispatch()
    (stage.root / "smit" / elsewhere.name).write_text("Processed")
    await reports(stage).look()
    assert await stage.states() == ["handed_over"] * 5
    assert odd.exists()
