"""From a routing decision to a planned delivery: once, whatever is repeated."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from services.deliver.receivers import connections
from tests.integration.deliver.stage import Stage
from tests.unit.deliver.sample import receiver


@pytest.mark.proves("R50", "R39")
async def test_package_else_mail(stage: Stage) -> None:
    await stage.plan(await stage.routed(await stage.folder("dejong")), await stage.routed(receiver()))
    assert [(row["channel"], row["lane"], row["state"]) for row in await stage.rows()] == [
        ("folder", "dejong", "queued"),
        ("smtp", "dejong.example", "queued"),
    ]


@pytest.mark.proves("R48b", "R56")
async def test_no_way_is_undeliverable_at_once_and_said(stage: Stage) -> None:
    event = await stage.routed(receiver(email=None))
    await stage.plan(event)
    (told,) = await stage.told()
    assert (told.type, told.sequence, told.invoice_id) == (
        "invoice.undeliverable.v1", 1, event.data.invoice_id,  # type: ignore[attr-defined]
    )  # fmt: skip
    assert "e-mailadres" in told.reason.nl  # type: ignore[attr-defined]
    (row,) = await stage.rows()
    assert row["state"] == "undeliverable"
    assert row["reason"]["code"] == "no-channel"
    assert await stage.dispatcher().dispatch() == 0


async def test_the_same_decision_again_makes_no_second_delivery(stage: Stage) -> None:
    event = await stage.routed(receiver())
    for _ in range(3):
        await stage.plan(event)
    # Also as a new event (a redrive with other ids), and both at once.
    await asyncio.gather(*(stage.plan(event) for _ in range(4)))
    assert len(await stage.rows()) == 1


async def test_a_second_routing_delivers_only_what_could_not_be_delivered(stage: Stage) -> None:
    first = await stage.routed(receiver(email=None))
    to, invoice_id = first.data.receiver, first.data.invoice_id  # type: ignore[attr-defined]
    await stage.plan(first)
    mended = to.model_copy(update={"email": "in@dejong.example"})
    again = await stage.routed(mended, sequence=3, invoice_id=invoice_id)
    await stage.plan(again)
    assert await stage.states() == ["undeliverable", "queued"]
    # Under way, or there: a further routing to the same receiver would double it.
    await stage.plan(await stage.routed(mended, sequence=4, invoice_id=invoice_id))
    await stage.dispatcher().dispatch()
    await stage.plan(await stage.routed(mended, sequence=5, invoice_id=invoice_id))
    assert await stage.states() == ["undeliverable", "handed_over"]
    # Facts on one axis go on counting: the projection must not take the new one for an old one.
    assert await stage.facts() == [("undeliverable", 1), ("handed_over", 2)]


async def test_a_superseded_routing_that_comes_late_is_not_carried_out(stage: Stage) -> None:
    newer = await stage.routed(receiver("Y"), sequence=3)
    older = await stage.routed(
        receiver("X"), sequence=1, invoice_id=newer.data.invoice_id  # type: ignore[attr-defined]
    )  # fmt: skip
    await stage.plan(newer)
    await stage.plan(older)
    assert [row["receiver_name"] for row in await stage.rows()] == ["Y"]


@pytest.mark.proves("SA20", "R52")
async def test_a_changed_package_holds_for_the_next_invoice(stage: Stage) -> None:
    to = await stage.folder("old")
    await stage.send(to)
    await connections.connect(stage.worker, to.party_id, None, "globe", "folder", {"folder": "new"})
    await stage.send(to)
    await connections.connect(stage.worker, to.party_id, None, "other", "smtp", {})
    await stage.send(to)
    await stage.dispatcher().dispatch()
    assert [len(stage.visible(name)) for name in ("old", "new")] == [2, 2]
    assert len(stage.sink.mails) == 1
    history = await stage.worker.fetch(
        "SELECT package, settings, ended_at IS NULL AS now FROM connection WHERE party_id = $1"
        " ORDER BY created_at",
        to.party_id,
    )
    assert [(row["settings"].get("folder"), row["now"]) for row in history] == [
        ("old", False), ("new", False), (None, True),
    ]  # fmt: skip


async def test_two_statements_for_a_batch(stage: Stage) -> None:
    from services.deliver.handlers import Routed
    from tests.integration.validate.drive import counted

    events = [await stage.routed(receiver(), number=f"F{n}") for n in range(20)]
    _, statements = await counted(Routed(stage.worker, timedelta(days=30)), stage.worker, events)
    assert statements == 2, "and one to see who was stopped"
    assert len(await stage.rows()) == 20
