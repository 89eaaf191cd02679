"""Trying a delivery once more: what is told first is what happens, and nobody gets two unannounced."""

from __future__ import annotations

import pytest

from libs.messaging import outbox
from services.deliver import replay
from services.deliver.replay import Preview
from tests.integration.deliver.stage import Stage
from tests.unit.deliver.sample import receiver


async def replayed(stage: Stage, n: int = 0, *, do: bool = True) -> Preview:
    row = (await stage.rows())[n]
    async with stage.worker.acquire() as conn, conn.transaction():
        found = await replay.look(conn, row["delivery_id"])
        assert found is not None
        if do:
            await outbox.append(conn, list(await replay.replay(conn, *found)))
    return found[0]


async def undeliverable(stage: Stage) -> None:
    stage.sink.rcpt = lambda _: "550 5.1.1 No such user"
    await stage.send(receiver())
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["undeliverable"]
    stage.sink.rcpt = lambda _: "250 OK"


async def test_looking_does_nothing_and_doing_delivers_once(stage: Stage) -> None:
    await undeliverable(stage)
    looked = await replayed(stage, do=False)
    assert looked.may
    assert any("smtp" in each.nl for each in looked.effects)
    assert any("krijgt de ontvanger er twee" in each.nl for each in looked.effects)
    assert await stage.states() == ["undeliverable"]
    assert (await replayed(stage)).token == looked.token
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["handed_over"]
    assert await stage.facts() == [("undeliverable", 1), ("delivery_released", 2), ("handed_over", 3)]
    assert len(stage.sink.mails) == 1


async def test_what_was_sent_again_meanwhile_is_not_replayed(stage: Stage) -> None:
    to = receiver()
    stage.sink.rcpt = lambda _: "550 5.1.1 No such user"
    await stage.send(to)
    await stage.dispatcher().dispatch()
    stage.sink.rcpt = lambda _: "250 OK"
    await stage.send(to)
    looked = await replayed(stage)
    assert not looked.may
    assert "opnieuw gestuurd" in looked.effects[0].nl
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["undeliverable", "handed_over"]
    assert len(stage.sink.mails) == 1


@pytest.mark.parametrize("how", ["handed_over", "attempting"])
async def test_what_its_receiver_has_is_not_replayed(stage: Stage, how: str) -> None:
    await stage.send(receiver())
    dispatcher = stage.dispatcher()
    if how == "handed_over":
        await dispatcher.dispatch()
    else:
        await dispatcher.start("smtp")
    assert not (await replayed(stage)).may
    assert await stage.states() == [how]


async def test_what_waits_goes_now(stage: Stage) -> None:
    stage.sink.rcpt = lambda _: "451 4.7.1 Later"
    await stage.send(receiver())
    await stage.dispatcher(retry_first_seconds=3600).dispatch()
    stage.sink.rcpt = lambda _: "250 OK"
    assert await stage.dispatcher().dispatch() == 0
    before = (await replayed(stage)).token
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["handed_over"]
    assert await stage.facts() == [("handed_over", 1)]
    # What was looked at is no longer so.
    assert (await replayed(stage, do=False)).token != before


async def test_what_may_be_there_already_is_said(stage: Stage) -> None:
    await undeliverable(stage)
    await stage.worker.execute("UPDATE delivery SET unresolved = true")
    looked = await replayed(stage, do=False)
    assert "misschien krijgt de ontvanger haar twee keer" in looked.effects[-1].nl
