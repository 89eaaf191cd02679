"""The package first, by e-mail what it does not take in time, and never both."""

from __future__ import annotations

from typing import Any

import pytest

from libs.contracts.parts import Receiver
from libs.service import Wake
from services.deliver.attempts import fallback
from services.deliver.attempts.fallback import Fallbacks
from services.deliver.parcel import Failed, HandedOver, Refused, Unknown
from services.deliver.plan import BAD_FOLDER
from services.deliver.receivers import connections
from tests.integration.deliver.stage import Stage
from tests.unit.deliver.sample import receiver


async def with_fallback(
    stage: Stage, name: str = "dejong", *, email: str | None = "terug@dejong.example"
) -> Receiver:
    to = receiver(f"{name} BV", email=None)
    settings = {"folder": name, "fallback_after": "7200"} | ({"fallback_email": email} if email else {})
    await connections.connect(stage.worker, to.party_id, None, "globe", "folder", settings)
    return to


async def two_hours_pass(stage: Stage) -> None:
    await stage.worker.execute("UPDATE delivery SET fallback_at = fallback_at - interval '2 hours 1 second'")


async def looks(stage: Stage) -> None:
    await Fallbacks(stage.worker, Wake()).look()


async def ends(stage: Stage, outcome: Any) -> None:
    """One attempt by the package, which ends so."""
    dispatcher = stage.dispatcher()
    await stage.make_due()
    held = await dispatcher.start("folder")
    await dispatcher.finish([(job, outcome) for job in held.jobs.values()])


async def channels(stage: Stage) -> list[tuple[str, str]]:
    return [(row["channel"], row["state"]) for row in await stage.rows()]


@pytest.mark.proves("R50", "R49")
async def test_what_the_package_does_not_take_in_time_goes_by_mail_and_no_more_by_the_package(
    stage: Stage,
) -> None:
    await stage.send(await with_fallback(stage))
    await ends(stage, Failed("folder-away", "not mounted"))
    await looks(stage)
    assert await channels(stage) == [("folder", "queued")]
    await two_hours_pass(stage)
    await looks(stage)
    assert await channels(stage) == [("smtp", "queued")]
    await stage.dispatcher().dispatch()
    await looks(stage)
    assert await channels(stage) == [("smtp", "handed_over")]
    assert await stage.facts() == [("delivery_switched", 1), ("handed_over", 2)]
    told: Any = (await stage.told())[0]
    assert (told.before, told.channel) == ("folder", "smtp")
    (mail,) = stage.sink.mails
    assert mail["To"] == "terug@dejong.example"
    # Whatever the folder is from now on: nothing comes there.
    await stage.make_due()
    await stage.dispatcher().dispatch()
    assert stage.visible("dejong") == []


async def test_what_the_package_takes_never_goes_by_mail(stage: Stage) -> None:
    await stage.send(await with_fallback(stage))
    await stage.dispatcher().dispatch()
    await two_hours_pass(stage)
    await looks(stage)
    assert await channels(stage) == [("folder", "handed_over")]
    assert stage.sink.mails == []


@pytest.mark.parametrize("how", ["under an attempt", "cut short", "of unknown end"])
async def test_what_may_be_there_already_never_goes_by_mail(stage: Stage, how: str) -> None:
    await stage.send(await with_fallback(stage))
    if how == "of unknown end":
        await ends(stage, Unknown("the connection broke"))
    else:
        await stage.dispatcher().start("folder")
        if how == "cut short":
            await stage.expire()
    await two_hours_pass(stage)
    await looks(stage)
    assert (await channels(stage))[0][0] == "folder"
    if how == "under an attempt":
        return
    # Its own channel finds out that nothing is there, and delivers: once.
    await stage.make_due()
    await stage.dispatcher().dispatch()
    await looks(stage)
    assert await channels(stage) == [("folder", "handed_over")]
    assert stage.sink.mails == []


async def test_once_it_is_known_that_nothing_arrived_it_goes(stage: Stage) -> None:
    await stage.send(await with_fallback(stage))
    await ends(stage, Unknown("the connection broke"))
    await two_hours_pass(stage)
    await ends(stage, Failed("folder-trouble", "nothing there", resolved=True))
    await looks(stage)
    assert await channels(stage) == [("smtp", "queued")]


async def test_a_result_that_comes_after_the_move_changes_nothing(stage: Stage) -> None:
    """A process that stood still through its lease, while another found out and moved on."""
    await stage.send(await with_fallback(stage))
    slow = stage.dispatcher()
    held = await slow.start("folder")
    (job,) = held.jobs.values()
    await stage.expire()
    await ends_as_abandoned(stage)
    await two_hours_pass(stage)
    await looks(stage)
    await slow.finish([(job, HandedOver("too late"))])
    assert await channels(stage) == [("smtp", "queued")]


async def ends_as_abandoned(stage: Stage) -> None:
    dispatcher = stage.dispatcher()
    held = await dispatcher.start("folder")
    await dispatcher.finish(
        [(job, Failed("folder-trouble", "", resolved=True)) for job in held.jobs.values()]
    )


@pytest.mark.parametrize("outcome", [Refused("https-gone", BAD_FOLDER.reason), Failed("folder-away", "x")])
async def test_what_the_package_refuses_for_good_goes_at_once(stage: Stage, outcome: Any) -> None:
    await stage.send(await with_fallback(stage))
    if isinstance(outcome, Failed):
        await stage.worker.execute("UPDATE delivery SET created_at = now() - interval '80 hours'")
    await ends(stage, outcome)
    await looks(stage)
    assert await channels(stage) == [("smtp", "queued")]
    assert await stage.facts() == [("delivery_switched", 1)]


async def test_without_an_address_there_is_no_other_way(stage: Stage) -> None:
    await stage.send(await with_fallback(stage, email=None))
    (row,) = await stage.rows()
    assert row["fallback_at"] is None
    await ends(stage, Refused("https-gone", BAD_FOLDER.reason))
    assert await stage.states() == ["undeliverable"]


async def test_between_whom_a_recall_stands_nothing_moves(stage: Stage) -> None:
    await stage.send(await with_fallback(stage))
    await stage.worker.execute("UPDATE delivery SET stopped = true")
    await two_hours_pass(stage)
    await looks(stage)
    assert await channels(stage) == [("folder", "queued")]


async def test_two_workers_move_it_once(stage: Stage) -> None:
    import asyncio

    for n in range(3):
        await stage.send(await with_fallback(stage, f"r{n}"), 100)
    await two_hours_pass(stage)
    await asyncio.gather(*(looks(stage) for _ in range(4)))
    assert {row["channel"] for row in await stage.rows()} == {"smtp"}
    assert len(await stage.facts()) == 300


async def test_the_guarantee_is_what_keeps_it_single(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the look at what is unknown it is in the folder and in the mail."""
    for name in ("_OVERDUE", "_SWITCH"):
        monkeypatch.setattr(fallback, name, getattr(fallback, name).replace("AND NOT d.unresolved", ""))
    await stage.send(await with_fallback(stage))
    await stage.dispatcher().dispatch()
    await stage.worker.execute(
        "UPDATE delivery SET state = 'queued', unresolved = true"
    )  # its result was lost
    await two_hours_pass(stage)
    await looks(stage)
    await stage.dispatcher().dispatch()
    assert len(stage.visible("dejong")) == 2
    assert len(stage.sink.mails) == 1
