"""A parcel with which something is wrong fails by itself: what is claimed together with it goes out as ever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from libs.db.settings import DatabaseSettings
from libs.db.types import Connection
from libs.service import Wake
from libs.testing import builders
from services.deliver.attempts import conversion
from services.deliver.email import mail
from services.deliver.parcel import Loaded
from services.deliver.waits.parked import Parking
from tests.integration.deliver.stage import Stage
from tests.integration.deliver.test_parked import PLAIN, change, connected
from tests.unit.deliver.sample import receiver

UBL = builders.invoice()


@pytest.fixture
async def owner(database: DatabaseSettings) -> AsyncIterator[Connection]:
    """Who may take rows away."""
    conn: Connection = await asyncpg.connect(database.url)
    yield conn
    await conn.close()


async def by_name(stage: Stage) -> dict[str, Any]:
    return {str(row["receiver_name"]): row for row in await stage.rows()}


async def codes(stage: Stage) -> list[tuple[str | None, str | None]]:
    rows = await stage.worker.fetch(
        "SELECT outcome, code FROM attempt a JOIN delivery d USING (delivery_id) WHERE d.receiver_name = 'a BV'"
        " ORDER BY number"
    )
    return [(row["outcome"], row["code"]) for row in rows]


@pytest.mark.proves("R3")
async def test_a_format_nobody_knows_waits_with_words(stage: Stage) -> None:
    """As after a release was taken back: a receiver chose what only the newer one makes."""
    odd, fine = await connected(stage, "a", format="ubl-9"), await connected(stage, "b", format="ubl-2.1")
    await stage.send(odd, xml=UBL)
    await stage.send(fine, 3, xml=UBL)
    await stage.dispatcher().dispatch()
    assert len(stage.visible("b")) == 6
    waiting = (await by_name(stage))["a BV"]
    assert (waiting["state"], waiting["reason"]["code"]) == ("parked", "unknown-format")
    assert "ubl-9" in waiting["reason"]["en"]


async def test_settings_nobody_can_read_fail_their_own_delivery(stage: Stage) -> None:
    odd, fine = (
        await connected(stage, "a", format="eexact", books='{"shoe": 45}'),
        await connected(stage, "b", format="ubl-2.1"),
    )
    await stage.send(odd, xml=UBL)
    await stage.send(fine, 3, xml=UBL)
    await stage.dispatcher().dispatch()
    assert len(stage.visible("b")) == 6
    assert await codes(stage) == [("failed", "not-made")]
    assert (await by_name(stage))["a BV"]["failures"] == 1


async def test_a_mail_that_cannot_be_written_fails_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = mail.compose

    def compose(each: Loaded, mail_from: str) -> bytes:
        if each.job.parcel.summary.number == "F1":
            raise TypeError("nobody thought of this")
        return real(each, mail_from)

    monkeypatch.setattr(mail, "compose", compose)
    await stage.send(receiver(), 4)
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["handed_over", "queued", "handed_over", "handed_over"]
    assert (1, "failed") in await stage.attempts()
    assert len(stage.sink.mails) == 3


async def gone(stage: Stage, owner: Connection) -> None:
    await owner.execute(
        "DELETE FROM deliver.parcel WHERE delivery_id = ("
        " SELECT delivery_id FROM deliver.delivery WHERE receiver_name = 'a BV')"
    )


async def damaged(stage: Stage, owner: Connection) -> None:
    await owner.execute(
        "UPDATE deliver.parcel p SET body = body - 'original' FROM deliver.delivery d"
        " WHERE p.delivery_id = d.delivery_id AND d.receiver_name = 'a BV'"
    )


@pytest.mark.parametrize("harm", [gone, damaged])
async def test_without_its_parcel_it_is_tried_and_given_up_like_any_other(
    stage: Stage, owner: Connection, harm: Any
) -> None:
    odd, fine = await stage.folder("a"), await stage.folder("b")
    await stage.send(odd)
    await stage.send(fine, 3)
    await harm(stage, owner)
    await stage.dispatcher().dispatch()
    assert len(stage.visible("b")) == 6
    assert await codes(stage) == [("failed", "no-parcel")]
    await owner.execute("UPDATE deliver.delivery SET created_at = now() - interval '30 days', due_at = now()")
    await stage.dispatcher().dispatch()
    assert (await by_name(stage))["a BV"]["state"] == "undeliverable"
    (told,) = [fact for fact in await stage.told() if fact.type == "invoice.undeliverable.v1"]
    assert (told.receiver_id, told.receiver_name) == (odd.party_id, "a BV")


@pytest.mark.parametrize("harm", [gone, damaged])
async def test_parked_without_its_parcel_it_is_given_back_in_time(
    stage: Stage, owner: Connection, harm: Any
) -> None:
    odd, fine = await connected(stage, "a", format="nlcius"), await connected(stage, "b", format="nlcius")
    await stage.send(odd, xml=PLAIN, pdf=None)
    await stage.send(fine, xml=PLAIN, pdf=None)
    await stage.dispatcher().dispatch()
    await harm(stage, owner)
    await change(stage, odd, folder="a")
    await change(stage, fine, folder="b")
    await owner.execute(
        "UPDATE deliver.delivery SET due_at = now() - interval '1 s' WHERE receiver_name = 'a BV'"
    )
    await Parking(stage.worker, Wake()).look()
    found = await by_name(stage)
    assert (found["a BV"]["state"], found["b BV"]["state"]) == ("undeliverable", "queued")
    assert "original" not in (
        await stage.worker.fetchval(
            "SELECT coalesce((SELECT body::text FROM parcel WHERE delivery_id = $1), '')",
            found["a BV"]["delivery_id"],
        )
    ), "what is left of it stays as it is"


async def test_what_the_hub_itself_stumbles_over_is_not_tried_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(loaded: object) -> object:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(conversion, "fit", fit)
    await stage.send(await connected(stage, "a", format="ubl-2.1"), xml=UBL)
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["queued"]
    await stage.make_due()
    await stage.dispatcher(give_up_hours=1e-9).dispatch()
    assert await stage.states() == ["undeliverable"]
