"""What an operator holds back waits, is not attempted, and goes when it is let go; nobody else waits with it."""

from __future__ import annotations

from uuid import UUID

import pytest
from typer.testing import CliRunner

from libs.db.settings import DatabaseSettings
from libs.errors import BadInput
from services.deliver import cli
from services.deliver.parcel import Channel
from services.deliver.waits import pauses, put_back
from tests.integration.deliver.stage import ACCOUNT, Stage
from tests.unit.deliver.sample import receiver

X = receiver("X", email="in@x.example")
OTHER = UUID(int=0xB)


@pytest.mark.parametrize(
    ("channel", "account"),
    [("smtp", None), (None, ACCOUNT), ("smtp", ACCOUNT)],
    ids=["channel", "account", "both"],
)
async def test_what_is_paused_waits_until_it_is_let_go(
    stage: Stage, channel: Channel | None, account: UUID | None
) -> None:
    assert await pauses.pause(stage.worker, channel, account, by="anna", why="their server is being moved")
    assert not await pauses.pause(stage.worker, channel, account, by="piet", why="again")
    await stage.send(X, 3)
    dispatcher = stage.dispatcher()
    assert await dispatcher.dispatch() == 0
    assert await stage.states() == ["queued"] * 3
    assert await stage.attempts() == []
    [shown] = await pauses.pauses(stage.worker)
    assert (shown["by"], shown["waiting"]) == ("anna", 3)
    assert await pauses.resume(stage.worker, channel, account)
    assert await dispatcher.dispatch() == 3
    assert not await pauses.resume(stage.worker, channel, account)


@pytest.mark.parametrize(("channel", "account"), [("folder", None), (None, OTHER), ("folder", ACCOUNT)])
async def test_a_pause_holds_back_nobody_else(
    stage: Stage, channel: Channel | None, account: UUID | None
) -> None:
    await pauses.pause(stage.worker, channel, account, by="anna", why="x")
    await stage.send(X, 3)
    assert await stage.dispatcher().dispatch() == 3


async def test_who_waits_behind_what_is_paused_does_not_wait_for_it(stage: Stage) -> None:
    """More are held back than one claim takes: they must not stand in the way of the rest."""
    await stage.send(X, 8)
    await stage.worker.execute("UPDATE delivery SET account_id = $1", OTHER)
    await stage.send(X, 2)
    await pauses.pause(stage.worker, None, OTHER, by="anna", why="x")
    dispatcher = stage.dispatcher(batch=3)
    assert await dispatcher.dispatch() + await dispatcher.dispatch() == 2
    assert sorted(await stage.states()) == ["handed_over"] * 2 + ["queued"] * 8


async def test_an_attempt_that_was_cut_short_waits_too(stage: Stage) -> None:
    """Finding out what became of it would act on the world outside."""
    await stage.send(X, 1)
    await stage.dispatcher().start("smtp")
    await stage.expire()
    await pauses.pause(stage.worker, "smtp", None, by="anna", why="x")
    assert await stage.dispatcher().dispatch() == 0
    await pauses.resume(stage.worker, "smtp", None)
    assert await stage.dispatcher().dispatch() == 1


async def test_after_a_put_back_all_that_waits_goes_as_what_may_be_there(stage: Stage) -> None:
    """Also what was planned meanwhile, and none before; what somebody else held back stays so."""
    await stage.send(X, 1)
    await pauses.pause(stage.worker, "folder", None, by="piet", why="no disk")
    assert not await put_back.let_go(stage.worker)
    await put_back.hold(stage.worker, by="anna")
    await put_back.hold(stage.worker, by="anna")
    await stage.send(X, 1)
    assert await stage.dispatcher().dispatch() == 0
    assert await put_back.let_go(stage.worker)
    assert [each["why"] for each in await pauses.pauses(stage.worker)] == ["no disk"]
    assert await stage.worker.fetchval("SELECT bool_and(unresolved) FROM delivery")
    assert await stage.dispatcher().dispatch() == 2
    told = await stage.worker.fetch("SELECT outcome FROM attempt")
    assert len(told) == 2
    await stage.send(X, 1)
    assert not await stage.worker.fetchval("SELECT unresolved FROM delivery WHERE state = 'queued'")


async def test_everything_at_once_is_no_pause(stage: Stage) -> None:
    with pytest.raises(BadInput, match="a channel, an account, or both"):
        await pauses.pause(stage.worker, None, None, by="anna", why="x")


def test_by_hand(database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("DATABASE_URL", database.url), ("SECRET", database.secret), ("OPERATOR", "anna")):
        monkeypatch.setenv(f"POSTBODE_{name}", value)

    def asked(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli.app, words)
        return done.exit_code, done.output

    assert asked("pauses") == (0, "none: nothing is held back\n")
    assert asked("pause", "--channel", "smtp", "--why", "moved") == (0, "paused\n")
    code, said = asked("pauses")
    assert code == 0
    assert "smtp  every account" in said
    assert "anna: moved" in said
    assert asked("pause", "--why", "everything")[0] == 2
    assert asked("resume", "--channel", "folder")[0] == 1
    assert asked("resume", "--channel", "smtp") == (0, "resumed\n")
