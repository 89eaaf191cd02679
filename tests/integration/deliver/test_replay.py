"""Once more, over HTTP and by hand: what is told first is what happens, and nobody gets two unannounced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from typer.testing import CliRunner

from libs.db.settings import DatabaseSettings
from libs.errors import Unauthenticated
from libs.http.app import create_app
from libs.http.principal import Principal
from libs.messaging import outbox
from libs.service import Wake
from services.deliver import cli, replay
from services.deliver.replay import Preview
from services.deliver.views import Showing
from services.deliver.waits import parked_api
from tests.integration.deliver.stage import ACCOUNT, Stage
from tests.unit.deliver.sample import receiver


class Keys:
    """The key is the account's number."""

    async def authenticate(self, authorization: str | None) -> Principal:
        key = (authorization or "").removeprefix("Bearer ")
        if not key.isdigit():
            raise Unauthenticated
        return Principal(UUID(int=int(key)), None, frozenset({"invoice:read", "invoice:write"}), frozenset())


@pytest.fixture
async def api(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    showing = Showing(stage.worker, timedelta(hours=72))
    router = parked_api.routes(await stage.pools.get("deliver", "api"), stage.worker, Wake(), showing)
    transport = httpx.ASGITransport(app=create_app([router], title="deliver", identity=Keys()))
    mine = {"Authorization": f"Bearer {ACCOUNT.int}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.example", headers=mine) as client:
        yield client


async def address(stage: Stage) -> str:
    return f"/v1/deliveries/{(await stage.rows())[0]['delivery_id']}/replay"


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


@pytest.mark.proves("R56")
async def test_over_http_only_what_was_looked_at_is_done(stage: Stage, api: httpx.AsyncClient) -> None:
    await undeliverable(stage)
    url = await address(stage)
    looked = (await api.get(url)).json()
    assert looked["may"]
    assert looked["effects"][0].keys() == {"nl", "en"}
    assert await stage.states() == ["undeliverable"]
    # What it was about has changed since, for this one has another receiver's word in it.
    await stage.worker.execute("UPDATE delivery SET unresolved = true")
    late = await api.post(url, json={"token": looked["token"]})
    assert (late.status_code, late.json()["code"]) == (409, "changed")
    assert await stage.states() == ["undeliverable"]
    again = (await api.get(url)).json()
    done = await api.post(url, json={"token": again["token"]})
    assert (done.status_code, done.json()["state"]) == (200, "queued")
    await stage.dispatcher().dispatch()
    assert len(stage.sink.mails) == 1
    refused = await api.post(url, json={"token": again["token"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "not-replayable")
    assert "is niets te herhalen" in refused.json()["words"]["nl"]
    assert len(stage.sink.mails) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_over_http_anothers_delivery_does_not_exist(
    stage: Stage, api: httpx.AsyncClient, method: str
) -> None:
    await undeliverable(stage)
    body = {"token": (await replayed(stage, do=False)).token}
    stranger = {"Authorization": "Bearer 43"}
    reply = await api.request(method, await address(stage), json=body, headers=stranger)
    assert reply.status_code == 404
    assert await stage.states() == ["undeliverable"]


async def test_by_hand_it_is_told_and_done_only_when_asked_to(
    stage: Stage, database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    await undeliverable(stage)
    delivery = str((await stage.rows())[0]["delivery_id"])

    async def said(*words: str) -> tuple[int, str]:
        done = await asyncio.to_thread(CliRunner().invoke, cli.app, ["replay", *words])
        return done.exit_code, done.output

    code, told = await said(delivery, "--lang", "en")
    assert (code, await stage.states()) == (0, ["undeliverable"])
    assert "the receiver gets two" in told
    code, told = await said(delivery, "--do")
    assert (code, await stage.states()) == (0, ["queued"])
    assert "krijgt de ontvanger er twee" in told
    await stage.dispatcher().dispatch()
    code, told = await said(delivery, "--do")
    assert (code, await stage.states()) == (1, ["handed_over"])
    assert "niets te herhalen" in told
    code, told = await said(str(UUID(int=1)))
    assert (code, "no such delivery" in told) == (1, True)
