"""After a wrong delivery, what is under way between that sender and that receiver waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceRecalled, InvoiceRouted
from libs.contracts.parts import Receiver, Words
from libs.messaging import Decided, outbox
from libs.service import Wake
from services.deliver.handlers import Recalled, Routed
from services.deliver.parcel import HandedOver
from services.deliver.receivers import connections
from services.deliver.waits import parked
from services.deliver.waits.parked import Parking
from tests.integration.deliver.stage import ACCOUNT, LEASE_SECONDS, Stage
from tests.integration.deliver.test_parked import PLAIN, change, connected
from tests.integration.validate.drive import handle
from tests.unit.deliver.sample import receiver

PATIENCE = timedelta(days=30)
OTHER = UUID(int=0xB)


def recalled(to: Receiver, number: int = 1) -> Event:
    data = InvoiceRecalled(
        invoice_id=UUID(int=1), account_id=ACCOUNT, sequence=number, receiver=to, places=(to.party_id,),
        number=number, reason=Words(nl="", en=""),
    )  # fmt: skip
    return new_event(data, source="/test", account=ACCOUNT)


async def recall(stage: Stage, to: Receiver, number: int = 1) -> None:
    await handle(Recalled(PATIENCE), stage.worker, [recalled(to, number)])


async def look(stage: Stage) -> None:
    await Parking(stage.worker, Wake(), lease_seconds=LEASE_SECONDS).look()


def lifted(event: Event, count: int) -> Event:
    assert isinstance(event.data, InvoiceRouted)
    data = event.data.model_copy(update={"lifted": count})
    return new_event(data, source="/test", account=data.account_id)


@pytest.mark.proves("R30")
async def test_what_is_queued_waits_and_what_others_send_or_get_does_not(stage: Stage) -> None:
    to, elsewhere = await stage.folder("a"), await stage.folder("b")
    await stage.send(to, 2)
    await stage.send(to, 1, account=OTHER)
    await stage.send(elsewhere, 1)
    await recall(stage, to)
    assert await stage.states() == ["parked", "parked", "queued", "queued"]
    assert await stage.facts() == [("delivery_parked", 1)] * 2
    (first, *_) = await stage.rows()
    assert first["reason"]["code"] == "stopped"
    await stage.dispatcher().dispatch()
    assert (len(stage.visible("a")), len(stage.visible("b"))) == (2, 2), "a file and its page, each"
    # Another package of the receiver says nothing about whose invoices these are.
    await connections.connect(
        stage.worker, to.party_id, None, "x", "folder", {"folder": "a", "format": "ubl-2.1"}
    )
    await look(stage)
    assert (await stage.states())[:2] == ["parked", "parked"]


@pytest.mark.proves("R30")
async def test_released_by_hand_it_is_delivered_and_given_back_it_is_not(stage: Stage) -> None:
    to = await stage.folder("a")
    await stage.send(to, 2)
    await recall(stage, to)
    one, other = [row["delivery_id"] for row in await stage.rows()]
    async with stage.worker.acquire() as conn, conn.transaction():
        await outbox.append(conn, await parked.release(conn, await parked.lock(conn, [one]), parked.BY_HAND))
        back = await parked.give_back(conn, await parked.lock(conn, [other]), parked.TAKEN_BACK)
        await outbox.append(conn, back)
    await look(stage)
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["handed_over", "undeliverable"]


@pytest.mark.proves("R30")
async def test_what_waits_for_another_package_does_not_go_when_the_wrong_company_chooses_one(
    stage: Stage,
) -> None:
    to = await connected(stage, "a", format="nlcius")
    await stage.send(to, 1, xml=PLAIN, pdf=None)
    await stage.dispatcher().dispatch()
    (row,) = await stage.rows()
    assert (row["state"], row["reason"]["code"]) == ("parked", "not-lawful-in-format")
    await recall(stage, to)
    await recall(stage, to, 1)
    (row,) = await stage.rows()
    assert (row["state"], row["reason"]["code"], row["findings"]) == ("parked", "stopped", None)
    assert await stage.facts() == [("delivery_parked", 1), ("delivery_parked", 2)]
    await change(stage, to, folder="a")
    await look(stage)
    await stage.dispatcher().dispatch()
    assert (await stage.states(), stage.visible("a")) == (["parked"], [])


@pytest.mark.proves("R30")
async def test_what_was_decided_before_a_person_lifted_the_stop_waits_whenever_it_comes(stage: Stage) -> None:
    to = await stage.folder("a")
    late = await stage.routed(to, number="F1")
    after = lifted(await stage.routed(to, number="F2"), 1)
    await recall(stage, to)
    await stage.plan(after, late)
    assert sorted(await stage.states()) == ["parked", "queued"]
    await recall(stage, to, 2)
    await stage.plan(
        lifted(await stage.routed(to, number="F3"), 1), lifted(await stage.routed(to, number="F4"), 2)
    )
    assert sorted(await stage.states()) == ["parked", "parked", "parked", "queued"]
    await stage.dispatcher().dispatch()
    assert len(stage.visible("a")) == 2


@pytest.mark.proves("R30")
async def test_an_attempt_that_was_under_way_and_failed_is_not_made_again(stage: Stage) -> None:
    to = receiver()
    await stage.send(to, 1)

    def busy(_: Any) -> str:
        return "451 4.3.0 later"

    stage.sink.answer = busy

    async def now(_: Any) -> None:
        await recall(stage, to)

    stage.sink.on_mail = now
    await stage.dispatcher().dispatch()
    (row,) = await stage.rows()
    assert (row["state"], row["stopped"]) == ("queued", True)
    await look(stage)
    assert await stage.states() == ["parked"]
    await stage.make_due()
    assert await stage.dispatcher().dispatch() == 0


@pytest.mark.proves("R30")
async def test_an_attempt_that_was_cut_short_is_not_made_again_to_find_out_what_it_did(stage: Stage) -> None:
    """By mail, to find out is to send it again."""
    to = receiver()
    await stage.send(to, 1)
    slow = stage.dispatcher()
    (job,) = (await slow.start("smtp")).jobs.values()
    await recall(stage, to)
    await stage.expire()
    assert await stage.dispatcher().dispatch() == 0
    await look(stage)
    (row,) = await stage.rows()
    assert (row["state"], row["unresolved"]) == ("parked", True)
    assert "may have arrived" in row["reason"]["en"]
    assert await stage.attempts() == [(1, "unknown")]
    # Whoever had it was only slow: it comes too late.
    await slow.finish([(job, HandedOver("250 ok"))])
    assert await stage.states() == ["parked"]
    assert await stage.facts() == [("delivery_parked", 1)]
    assert stage.sink.ids == []


@pytest.mark.proves("R30")
async def test_a_delivery_that_is_being_entered_at_that_moment_is_not_missed(stage: Stage) -> None:
    """Its transaction is open when the stop is written: one of them sees the other."""
    to = await stage.folder("a")
    event = await stage.routed(to)
    handler = Routed(stage.worker, PATIENCE)
    decided = [Decided(event, handler.decide(event, await handler.gather([event])))]
    async with stage.worker.acquire() as conn, conn.transaction():
        await outbox.append(conn, await handler.write(conn, decided))
        stopping = asyncio.create_task(recall(stage, to))
        async with asyncio.timeout(20):
            while not await stage.worker.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.01)
    await stopping
    assert await stage.states() == ["parked"]


@pytest.mark.proves("R30")
async def test_all_that_a_recall_stopped_goes_on_or_back_in_one_go(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parked, "MOST", 2)
    to, elsewhere = await stage.folder("a"), await stage.folder("b")
    await stage.send(to, 5)
    await stage.send(elsewhere, 2)
    await recall(stage, to)
    await recall(stage, elsewhere)
    gone = await parked.move_stopped(stage.worker, OTHER, [to.party_id], parked.by_hand)
    assert gone == 0, "those of another sender"
    assert await parked.move_stopped(stage.worker, ACCOUNT, [to.party_id], parked.by_hand) == 5
    assert await parked.move_stopped(stage.worker, ACCOUNT, [elsewhere.party_id], parked.taken_back) == 2
    assert await parked.move_stopped(stage.worker, ACCOUNT, [to.party_id], parked.by_hand) == 0
    assert sorted(await stage.states()) == ["queued"] * 5 + ["undeliverable"] * 2
