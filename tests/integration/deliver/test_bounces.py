"""Mails that come back after they were handed over: what is told, what is tried again, and what is not believed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiosmtplib
import pytest

from libs import clock
from libs.service import Wake
from services.deliver.email import bounces, returned
from services.deliver.email.bounce_door import BounceDoor, listen
from services.deliver.email.return_paths import ReturnPaths
from services.deliver.email.returned import Returned
from tests.integration.deliver.stage import Stage
from tests.unit.deliver.sample import receiver

SHAPES = Path(__file__).parents[2] / "unit" / "deliver" / "bounces"
PATHS = ReturnPaths("terug.hub.example", b"a key")
HARD, SOFT = "postfix-no-such-user", "postfix-mailbox-full"


def shape(name: str) -> bytes:
    return (SHAPES / f"{name}.eml").read_bytes()


async def comes_back(stage: Stage, name: str, *, attempt: int = 1, unlike: bytes = b"") -> bool:
    """As the door takes it, about the only delivery there is."""
    raw = shape(name) + unlike
    (row,) = await stage.rows()
    door = Returned(stage.worker, stage.settings().policy)
    return await door.take(row["delivery_id"], attempt, raw, bounces.read(raw))


async def handed_over(stage: Stage) -> None:
    await stage.send(receiver())
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["handed_over"]


async def kept(stage: Stage) -> list[str]:
    (row,) = await stage.rows()
    return [each["kind"] for each in await returned.answers(stage.worker, row["delivery_id"])]


@pytest.mark.proves("R48b", "R56", "SA18")
async def test_what_failed_for_good_is_told_and_is_no_longer_sent(stage: Stage) -> None:
    await handed_over(stage)
    assert await comes_back(stage, HARD)
    assert await stage.states() == ["undeliverable"]
    assert await stage.facts() == [("handed_over", 1), ("bounced", 2), ("undeliverable", 3)]
    told: Any = (await stage.told())[-1]
    assert told.code == "mail-bounced-address"
    assert "550 5.1.1" in told.reason.nl
    assert "Vraag uw klant" in told.reason.nl
    (attempt,) = await stage.worker.fetch("SELECT * FROM attempt")
    assert (attempt["outcome"], attempt["code"]) == ("bounced", "mail-bounced-address")
    # Both sides' words stay.
    assert attempt["detail"].startswith("250 2.0.0 Kept · 550 5.1.1")
    assert await kept(stage) == ["hard"]


async def test_what_failed_for_now_goes_again_and_gives_nobody_two(stage: Stage) -> None:
    await handed_over(stage)
    assert await comes_back(stage, SOFT)
    (row,) = await stage.rows()
    assert row["state"] == "queued"
    assert row["handed_at"] is None
    assert row["due_at"] - row["created_at"] > timedelta(minutes=59)
    assert await stage.dispatcher().dispatch() == 0
    await stage.make_due()
    await stage.dispatcher().dispatch()
    assert await stage.facts() == [("handed_over", 1), ("bounced", 2), ("handed_over", 3)]
    last: Any = (await stage.told())[-1]
    assert not last.repeated
    assert len(set(stage.sink.ids)) == 1
    # Another word about the first mail says nothing about the second.
    assert await comes_back(stage, HARD, attempt=1)
    assert await stage.states() == ["handed_over"]
    assert await comes_back(stage, HARD, attempt=2)
    assert await stage.states() == ["undeliverable"]
    assert await stage.attempts() == [(1, "bounced"), (2, "bounced")]
    assert await kept(stage) == ["soft", "hard", "hard"]


async def test_a_full_mailbox_is_given_up_at_the_policys_end(stage: Stage) -> None:
    await handed_over(stage)
    await stage.worker.execute("UPDATE delivery SET created_at = now() - interval '73 hours'")
    assert await comes_back(stage, SOFT)
    assert await stage.states() == ["undeliverable"]
    told: Any = (await stage.told())[-1]
    assert told.code == "mail-bounced-full"


async def test_a_positive_report_is_an_arrival_and_a_later_bounce_the_truth(stage: Stage) -> None:
    await handed_over(stage)
    assert await comes_back(stage, "postfix-delivered")
    assert await stage.states() == ["confirmed"]
    told: Any = (await stage.told())[-1]
    assert (told.type, told.evidence) == ("invoice.confirmed.v1", "250 2.0.0 Saved")
    assert await comes_back(stage, HARD)
    assert await stage.facts() == [("handed_over", 1), ("confirmed", 2), ("bounced", 3), ("undeliverable", 4)]


@pytest.mark.parametrize(
    "name", ["postfix-delayed", "vacation", "a-person-writes", "postfix-passed-on", "read-receipt"]
)
async def test_what_says_neither_is_kept_and_changes_nothing(stage: Stage, name: str) -> None:
    await handed_over(stage)
    assert await comes_back(stage, name)
    assert await stage.states() == ["handed_over"]
    assert await stage.facts() == [("handed_over", 1)]
    assert len(await kept(stage)) == 1


async def test_the_same_mail_twice_is_one_answer(stage: Stage) -> None:
    await handed_over(stage)
    assert await comes_back(stage, HARD)
    assert not await comes_back(stage, HARD)
    assert await stage.facts() == [("handed_over", 1), ("bounced", 2), ("undeliverable", 3)]
    assert await comes_back(stage, HARD, unlike=b"\nanother")
    assert len(await stage.facts()) == 3


async def test_what_may_be_there_by_another_attempt_is_said(stage: Stage) -> None:
    await stage.send(receiver())
    await stage.dispatcher().start("smtp")
    await stage.expire()
    await stage.dispatcher().dispatch()
    assert await stage.attempts() == [(1, "unknown"), (2, "handed_over")]
    assert await comes_back(stage, HARD, attempt=2)
    told: Any = (await stage.told())[-1]
    assert "misschien heeft hij de factuur al" in told.reason.nl


async def test_between_whom_a_recall_stands_nothing_goes_again(stage: Stage) -> None:
    await handed_over(stage)
    await stage.worker.execute("INSERT INTO stop SELECT account_id, receiver_id, 1 FROM delivery")
    assert await comes_back(stage, SOFT)
    assert await stage.states() == ["parked"]
    assert await stage.facts() == [("handed_over", 1), ("bounced", 2), ("delivery_parked", 3)]


@pytest.mark.parametrize("shown", [HARD, SOFT])
async def test_while_it_is_tried_again_an_answer_changes_nothing(stage: Stage, shown: str) -> None:
    """An attempt is under way: what came back is about an earlier one."""
    await handed_over(stage)
    assert await comes_back(stage, SOFT)
    await stage.make_due()
    held = await stage.dispatcher().start("smtp")
    assert await comes_back(stage, shown, unlike=b"\nanother")
    assert await stage.states() == ["attempting"]
    assert len(held.jobs) == 1


async def test_the_door_takes_what_is_addressed_to_an_attempt_and_nothing_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await handed_over(stage)
    (row,) = await stage.rows()
    woken: list[bool] = []
    wake = Wake()
    wake.connect(lambda: woken.append(True))
    taker = Returned(stage.worker, stage.settings().policy)
    away = True

    async def take(*about: Any) -> object:
        if away:
            raise ConnectionRefusedError
        return await taker.take(*about)

    door = BounceDoor(PATHS, take, wake)
    async with listen(door, "127.0.0.1", 0, "terug.hub.example") as port:

        async def send(address: str) -> int:
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as smtp:
                try:
                    await smtp.mail("")
                    await smtp.rcpt(address)
                    return int((await smtp.data(shape(HARD))).code)
                except aiosmtplib.SMTPResponseException as refused:
                    return refused.code

        about: UUID = row["delivery_id"]
        assert await send("facturen@terug.hub.example") == 550
        assert await send(PATHS.of(clock.uuid7(), 1).replace("-1-", "-2-")) == 550
        assert await send(PATHS.of(about, 1)) == 451
        assert await stage.states() == ["handed_over"]
        assert woken == []
        away = False
        assert await send(PATHS.of(about, 1).upper()) == 250
        # A delivery that is gone: noted, so that nobody sends it for ever.
        assert await send(PATHS.of(clock.uuid7(), 1)) == 250
    assert await stage.states() == ["undeliverable"]
    assert woken


async def test_what_the_mail_server_was_told_is_what_the_door_reads(stage: Stage) -> None:
    """From the envelope of the mail as it went out to the delivery it is about."""
    await stage.send(receiver())
    await stage.dispatcher(bounce_domain="terug.hub.example").dispatch()
    (row,) = await stage.rows()
    settings = stage.settings(bounce_domain="terug.hub.example")
    paths = ReturnPaths("terug.hub.example", settings.derive("deliver return paths"))
    assert [paths.read(each) for each in stage.sink.senders] == [(row["delivery_id"], 1)]
