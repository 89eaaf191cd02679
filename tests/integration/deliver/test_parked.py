"""What the receiver's package takes cannot be made of it: it waits, and goes on, is taken back or waits too long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.contracts.parts import Receiver
from libs.db.types import Connection
from libs.messaging import outbox
from libs.service import Wake
from libs.testing import builders
from services.deliver import store
from services.deliver.api import routes
from services.deliver.receivers import connections
from services.deliver.receivers.pushing import Pushing
from services.deliver.views import Showing
from services.deliver.waits import parked
from services.deliver.waits.parked import Parking
from tests.integration.deliver.stage import Stage
from tests.integration.validate.api_client import as_, served
from tests.unit.deliver.sample import receiver

PLAIN = builders.plain(payment_means=None)
"""Lawful by EN 16931; NLCIUS also wants to know how it is paid (BR-NL-11)."""


async def connected(stage: Stage, name: str, **settings: Any) -> Receiver:
    to = await stage.folder(name)
    await change(stage, to, folder=name, **settings)
    return to


async def change(stage: Stage, to: Receiver, **settings: str) -> None:
    channel = "folder" if "folder" in settings else "smtp"
    await connections.connect(stage.worker, to.party_id, None, "x", channel, settings)


async def look(stage: Stage) -> None:
    await Parking(stage.worker, Wake()).look()


@pytest.mark.proves("R3", "R52")
async def test_it_waits_with_its_findings_and_goes_on_when_the_receiver_changes_its_package(
    stage: Stage,
) -> None:
    to = await connected(stage, "a", format="nlcius")
    await stage.send(to, 2, xml=PLAIN, pdf=None)
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["parked", "parked"]
    assert stage.visible("a") == []
    rows = await stage.rows()
    assert rows[0]["reason"]["code"] == "not-lawful-in-format"
    assert [each["rule"] for each in rows[0]["findings"]] == ["BR-NL-11"]
    told = (await stage.told())[0]
    assert told.findings  # type: ignore[attr-defined]
    await look(stage)
    assert await stage.dispatcher().dispatch() == 0, "nothing has changed: nothing is tried"

    await change(stage, to, folder="a")
    await look(stage)
    await look(stage)
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["handed_over", "handed_over"]
    assert len(stage.visible("a")) == 2
    assert [row["delivery_id"] for row in await stage.rows()] == [row["delivery_id"] for row in rows]
    facts = [fact for fact in await stage.told() if fact.invoice_id == rows[0]["invoice_id"]]
    assert [(fact.type.split(".")[1], fact.sequence) for fact in facts] == [
        ("delivery_parked", 1), ("delivery_released", 2), ("handed_over", 3),
    ]  # fmt: skip


async def test_it_goes_on_by_another_channel_and_its_facts_are_numbered_through(stage: Stage) -> None:
    to = await connected(stage, "a", format="nlcius")
    await stage.send(to, xml=PLAIN, pdf=None)
    await stage.dispatcher().dispatch()
    await change(stage, to, email="in@elsewhere.example")
    await look(stage)
    await stage.dispatcher().dispatch()
    (row,) = await stage.rows()
    assert (row["channel"], row["lane"], row["state"]) == ("smtp", "elsewhere.example", "handed_over")
    assert len(stage.sink.mails) == 1
    facts = [(fact.type.split(".")[1], fact.channel, fact.sequence) for fact in await stage.told()]
    assert facts == [
        ("delivery_parked", "folder", 1),
        ("delivery_released", "smtp", 2),
        ("handed_over", "smtp", 3),
    ]


async def test_not_lawful_in_the_other_format_either_it_parks_again_and_is_not_tried_for_ever(
    stage: Stage,
) -> None:
    to = await connected(stage, "a", format="nlcius")
    await stage.send(to, xml=PLAIN, pdf=None)
    await stage.dispatcher().dispatch()
    await change(stage, to, folder="a", format="nlcius", language="en")
    for _ in range(3):
        await look(stage)
        await stage.dispatcher().dispatch()
    assert await stage.states() == ["parked"]
    assert len(await stage.attempts()) == 2


async def test_a_connection_made_while_it_is_attempted_is_not_missed(stage: Stage) -> None:
    to = await connected(stage, "a", format="nlcius")
    await stage.send(to, xml=PLAIN, pdf=None)
    dispatcher = stage.dispatcher()
    held = await dispatcher.start("folder")
    await change(stage, to, folder="a")
    await look(stage)
    await dispatcher.attempt("folder", held)
    assert await stage.states() == ["parked"]
    await look(stage)
    await dispatcher.dispatch()
    assert await stage.states() == ["handed_over"]


async def test_released_by_hand_it_is_tried_again_with_all_its_chances(stage: Stage) -> None:
    to = await connected(stage, "a", format="nlcius")
    await stage.send(to, xml=PLAIN, pdf=None)
    await stage.dispatcher().dispatch()
    await stage.worker.execute("UPDATE delivery SET created_at = now() - interval '20 days', failures = 19")
    await by_hand(stage, release=True)
    assert await stage.states() == ["queued"]
    (job,) = (await stage.dispatcher().start("folder")).jobs.values()
    assert (job.failures, job.age.days) == (0, 0)


@pytest.mark.proves("R56")
@pytest.mark.parametrize("too_long", [False, True])
async def test_taken_back_or_waited_too_long_it_is_over_and_may_come_again(
    stage: Stage, too_long: bool
) -> None:
    to = await connected(stage, "a", format="nlcius")
    (event,) = await stage.send(to, xml=PLAIN, pdf=None)
    await stage.dispatcher(parked_days=1e-9 if too_long else 30).dispatch()
    await (look(stage) if too_long else by_hand(stage, release=False))
    assert await stage.states() == ["undeliverable"]
    told = (await stage.told())[-1]
    assert (told.type, told.returned, told.code) == (  # type: ignore[attr-defined]
        "invoice.undeliverable.v1", True, "waited-too-long" if too_long else "taken-back",
    )  # fmt: skip
    await change(stage, to, folder="a")
    await look(stage)
    assert await stage.dispatcher().dispatch() == 0
    again = await stage.routed(to, sequence=2, invoice_id=event.data.invoice_id, xml=PLAIN, pdf=None)  # type: ignore[attr-defined]
    await stage.plan(again)
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["undeliverable", "handed_over"]
    assert [fact.sequence for fact in await stage.told()] == [1, 2, 3]


async def test_what_may_have_arrived_keeps_its_channel(stage: Stage) -> None:
    to = receiver()
    await change(stage, to, email="in@a.example", format="nlcius")
    await stage.send(to, xml=PLAIN, pdf=None)
    await stage.worker.execute("UPDATE delivery SET unresolved = true")
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["parked"]
    async with stage.worker.acquire() as conn:
        (waiting,) = await parked.lock(conn, [row["delivery_id"] for row in await stage.rows()])
        (back,) = await parked.give_back(conn, [waiting], parked.TAKEN_BACK)
        assert "may have the invoice already" in back.data.reason.en  # type: ignore[attr-defined]
        await conn.execute("UPDATE delivery SET state = 'parked'")
    await change(stage, to, folder="a", format="ubl-2.1")
    await look(stage)
    await stage.dispatcher().dispatch()
    (row,) = await stage.rows()
    assert (row["channel"], row["lane"], row["state"]) == ("smtp", "a.example", "handed_over")
    assert (await stage.told())[-1].repeated  # type: ignore[attr-defined]


async def test_what_is_shown_of_a_delivery_is_of_one_moment(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.send(receiver())
    real = store.attempts

    async def meanwhile(conn: Connection, delivery_id: UUID) -> list[dict[str, Any]]:
        await stage.dispatcher().dispatch()
        return await real(conn, delivery_id)

    monkeypatch.setattr(store, "attempts", meanwhile)
    showing = Showing(stage.worker, timedelta(hours=72))
    pushing = Pushing(stage.worker, stage.settings())
    async with served(routes(await stage.pools.get("deliver", "api"), stage.worker, showing, pushing)) as hub:
        for moment in (("queued", 0), ("handed_over", 1)):
            path = f"/v1/deliveries/{(await stage.rows())[0]['delivery_id']}"
            shown = (await hub.get(path, headers=as_("anna"))).json()
            assert (shown["state"], len(shown["history"])) == moment


async def by_hand(stage: Stage, *, release: bool) -> None:
    ids: list[UUID] = [row["delivery_id"] for row in await stage.rows()]
    async with stage.worker.acquire() as conn, conn.transaction():
        waiting = await parked.lock(conn, ids)
        if release:
            events = await parked.release(conn, waiting, parked.BY_HAND)
        else:
            events = await parked.give_back(conn, waiting, parked.TAKEN_BACK)
        await outbox.append(conn, events)
