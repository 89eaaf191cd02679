"""Between two Belgian businesses nothing goes by mail before its sender has said that it is permitted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceDeliveryParked, InvoiceHandedOver, InvoiceRouted
from libs.contracts.parts import Identifier, PartyFacts, Receiver
from libs.service import Wake
from services.deliver.views import Showing
from services.deliver.waits import belgium, parked_api
from tests.integration.deliver.stage import ACCOUNT, Stage
from tests.integration.deliver.test_parked import change, look
from tests.integration.validate.api_client import as_, served
from tests.unit.deliver.sample import receiver

BE = PartyFacts(name="Jansens BV", identifiers=(Identifier(scheme="0208", value="0428759497"),), country="BE")


@pytest.fixture
async def hub(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    api, showing = await stage.pools.get("deliver", "api"), Showing(stage.worker, timedelta(hours=72))
    async with served(parked_api.routes(api, stage.worker, Wake(), showing)) as client:
        yield client


async def belgian(stage: Stage, to: Receiver, number: str = "F1") -> Event:
    """A routing decision about an invoice of a Belgian seller to a Belgian buyer."""
    event = await stage.routed(to, number=number)
    assert isinstance(event.data, InvoiceRouted)
    said = event.data.summary.model_copy(update={"seller": BE, "buyer": BE})
    data = event.data.model_copy(update={"summary": said})
    return new_event(data, source="/test", account=ACCOUNT)


async def release(
    hub: httpx.AsyncClient, delivery: object, caller: str = "anna", **said: Any
) -> httpx.Response:
    return await hub.post(f"/v1/deliveries/{delivery}/release", json=said, headers=as_(caller))


async def test_it_waits_goes_on_the_senders_word_with_the_warning_and_so_do_the_next(
    stage: Stage, hub: httpx.AsyncClient
) -> None:
    to, other = receiver("Peeters BV"), receiver("Elders BV", email="in@elders.example")
    await stage.plan(await belgian(stage, to), await belgian(stage, to, "F2"), await belgian(stage, other))
    await stage.send(to)
    await stage.dispatcher().dispatch()
    assert sorted(await stage.states()) == ["handed_over", "parked", "parked", "parked"], "Dutch ones go"
    assert len(stage.sink.mails) == 1
    waits = [each for each in await stage.told() if isinstance(each, InvoiceDeliveryParked)]
    assert {each.code for each in waits} == {belgium.CODE}
    own = [row["delivery_id"] for row in await stage.rows() if row["receiver_id"] == to.party_id][:2]
    # Without the word it waits again; nobody else can give it.
    assert (await release(hub, own[0])).status_code == 200
    await stage.dispatcher().dispatch()
    assert (await release(hub, own[0], "staff", permitted=True)).json()["code"] == "only-sender"
    assert (await release(hub, own[0], "bert", permitted=True)).status_code == 404
    await stage.dispatcher().dispatch()
    assert (await stage.states()).count("parked") == 3
    assert (await release(hub, own[0], permitted=True)).status_code == 200
    await look(stage)
    await stage.plan(await belgian(stage, to, "F3"))
    await stage.dispatcher().dispatch()
    assert (await stage.states()).count("parked") == 1, "the other receiver's"
    mails = [mail for mail in stage.sink.mails if belgium.WARNING.nl[:40] in " ".join(_text(mail).split())]
    assert len(mails) == 3
    told = [each for each in await stage.told() if isinstance(each, InvoiceHandedOver)]
    assert [each.warnings for each in told if each.warnings] == [(belgium.WARNING,)] * 3
    # Taken back, the next waits again.
    where = {"receiver_id": str(to.party_id)}
    for caller, status in (("bert", 404), ("reader", 403), ("anna", 204), ("anna", 404)):
        assert (
            await hub.delete("/v1/deliveries/permits", params=where, headers=as_(caller))
        ).status_code == status
    await stage.plan(await belgian(stage, to, "F4"))
    await stage.dispatcher().dispatch()
    assert (await stage.states()).count("parked") == 2


async def test_a_package_that_takes_it_is_another_way_that_was_agreed(stage: Stage) -> None:
    to = receiver("Peeters BV")
    await stage.plan(await belgian(stage, to))
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["parked"]
    await change(stage, to, folder="peeters")
    await look(stage)
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["handed_over"]
    assert stage.sink.mails == []


def _text(mail: Any) -> str:
    body = mail.get_body(("plain",))
    return str(body.get_content()) if body else ""
