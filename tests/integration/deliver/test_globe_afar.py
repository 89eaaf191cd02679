"""What a receiver's Globe says of pairs on its own SFTP server is read there, and what it says of others' is not."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.service import Wake
from services.deliver.app import sftp_channel
from services.deliver.arriving.afar import Afar
from services.deliver.arriving.globe import GlobeReports
from services.deliver.attempts.dispatcher import Dispatcher
from services.deliver.channels.sftp import SftpChannel
from services.deliver.channels.sftp_session import Session
from tests.integration.deliver.serving import Serving, serving
from tests.integration.deliver.stage import Stage
from tests.integration.deliver.test_sftp import Killed, connected


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "server") as found:
        yield found


@contextlib.asynccontextmanager
async def placed(
    stage: Stage, server: Serving, count: int = 1
) -> AsyncIterator[tuple[SftpChannel, list[Path]]]:
    """Pairs on the server; where Globe's word of each would stand."""
    settings = stage.settings(reachable_networks=("127.0.0.0/8",))
    channel = sftp_channel(settings, stage.worker)
    try:
        await stage.send(await connected(stage, server), count)
        await Dispatcher(settings, stage.worker, stage.documents, {"sftp": channel}, Wake()).dispatch()
        yield channel, [server.folder / f"{row['file_name']}.txt" for row in await stage.rows()]
    finally:
        await channel.close()


def reports(stage: Stage, channel: SftpChannel) -> GlobeReports:
    return GlobeReports(stage.worker, "sftp", Afar(stage.worker, channel), Wake())


@pytest.mark.proves("R53", "R54", "R48b")
async def test_processed_is_imported_and_what_cannot_be_comes_back(stage: Stage, server: Serving) -> None:
    async with placed(stage, server, 3) as (channel, (good, bad, silent)):
        good.write_text("Processed")
        bad.write_text("Can't process: The currency differs from the journal's")
        for _ in range(2):
            await reports(stage, channel).look()
        assert not good.exists()
        assert not bad.exists()
    assert await stage.states() == ["confirmed", "undeliverable", "handed_over"]
    facts = [fact for fact, _ in await stage.facts()]
    assert sorted(facts) == sorted(
        ["handed_over"] * 3 + ["confirmed", "imported", "bounced", "undeliverable"]
    )
    assert "currency differs" in next(
        fact.reason.en  # type: ignore[attr-defined]
        for fact in await stage.told()
        if fact.type.startswith("invoice.undeliverable")
    )
    assert silent.with_suffix(".xml").exists()


async def test_said_after_all_was_taken_it_is_still_heard(stage: Stage, server: Serving) -> None:
    async with placed(stage, server) as (channel, (word,)):
        server.take()
        await stage.worker.execute("UPDATE delivery SET state = 'confirmed', sequence = sequence + 1")
        word.write_text("Processed")
        await reports(stage, channel).look()
    assert [fact for fact, _ in await stage.facts()] == ["handed_over", "imported"]


async def test_killed_before_the_file_is_gone_it_is_told_once(
    stage: Stage, server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> None:
        raise Killed

    async with placed(stage, server) as (channel, (word,)):
        word.write_text("Processed")
        with monkeypatch.context() as patched:
            patched.setattr(Session, "take_away", killed)
            with pytest.raises(Killed):
                await reports(stage, channel).look()
        assert word.exists()
        await reports(stage, channel).look()
    assert [fact for fact, _ in await stage.facts()] == ["handed_over", "confirmed", "imported"]


async def test_links_folders_and_words_about_others_change_nothing(
    stage: Stage, server: Serving, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("Processed")
    async with placed(stage, server, 3) as (channel, (link, folder, odd)):
        link.symlink_to(secret)
        folder.mkdir()
        odd.write_text("Not processed")
        # Of a pair that lies in a folder here, and is none of that server's business.
        await stage.send(await stage.folder("dejong"))
        await stage.dispatcher().dispatch()
        other = next(row["file_name"] for row in await stage.rows() if row["channel"] == "folder")
        (server.folder / f"{other}.txt").write_text("Can't process: because I say so")
        await reports(stage, channel).look()
        assert secret.exists()
        assert odd.exists()
    assert await stage.states() == ["handed_over"] * 4


async def test_a_server_that_is_away_is_looked_at_again(stage: Stage, server: Serving) -> None:
    async with placed(stage, server) as (channel, (word,)):
        word.write_text("Processed")
        await server.stop()
        await reports(stage, channel).look()
        assert await stage.states() == ["handed_over"]
        await server.start()
        await reports(stage, channel).look()
    assert await stage.states() == ["confirmed"]
