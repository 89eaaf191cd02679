"""A package that is a folder on an SFTP server, and by e-mail what it does not take in two hours: never both."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from libs.service import Wake
from services.deliver.app import mail_channel, sftp_channel
from services.deliver.attempts.dispatcher import Dispatcher
from tests.integration.deliver.serving import Serving, serving
from tests.integration.deliver.stage import Stage
from tests.integration.deliver.test_fallback import channels, looks, two_hours_pass
from tests.integration.deliver.test_sftp import connected

BY_MAIL = {"fallback_after": "7200", "fallback_email": "terug@dejong.example"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "server") as found:
        yield found


@contextlib.asynccontextmanager
async def both(stage: Stage) -> AsyncIterator[Dispatcher]:
    settings = stage.settings(reachable_networks=("127.0.0.0/8",), breaker_failures=100)
    sftp = sftp_channel(settings, stage.worker)
    ways = {"sftp": sftp, "smtp": mail_channel(settings)}
    try:
        yield Dispatcher(settings, stage.worker, stage.documents, ways, Wake())  # type: ignore[arg-type]
    finally:
        await sftp.close()


@pytest.mark.proves("R49", "R50")
@pytest.mark.parametrize("how", ["away", "full"])
async def test_away_for_two_hours_it_goes_by_mail_and_no_more_to_the_server(
    stage: Stage, server: Serving, how: str
) -> None:
    await stage.send(await connected(stage, server, **BY_MAIL))
    async with both(stage) as dispatcher:
        if how == "away":
            await server.stop()
        else:
            server.fault = asyncssh.SFTPFailure("No space left on device")
        await dispatcher.dispatch()
        await looks(stage)
        assert await channels(stage) == [("sftp", "queued")], "it has two hours"
        await two_hours_pass(stage)
        await looks(stage)
        assert await channels(stage) == [("smtp", "queued")]
        server.fault = None
        if how == "away":
            await server.start()
        for _ in range(2):
            await stage.make_due()
            await dispatcher.dispatch()
            await looks(stage)
    assert await channels(stage) == [("smtp", "handed_over")]
    assert [mail["To"] for mail in stage.sink.mails] == ["terug@dejong.example"]
    assert server.visible() == []


async def test_what_may_lie_there_already_never_goes_by_mail(stage: Stage, server: Serving) -> None:
    """Cut off after its last step: whether it is there, only the server can tell."""
    await stage.send(await connected(stage, server, **BY_MAIL))
    async with both(stage) as dispatcher:
        server.cut_at_rename = 2
        await dispatcher.dispatch()
        assert await stage.attempts() == [(1, "unknown")]
        await two_hours_pass(stage)
        await looks(stage)
        assert await channels(stage) == [("sftp", "queued")]
        await stage.make_due()
        await dispatcher.dispatch()
    assert await channels(stage) == [("sftp", "handed_over")]
    assert stage.sink.mails == []
    assert len(server.visible()) == 2
