"""Receivers that fetch: what lies ready is listed, read and acknowledged by whose it is, and by nobody else."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.contracts.parts import Receiver
from libs.errors import Unauthenticated
from libs.http.app import create_app
from libs.http.principal import Principal
from libs.service import Wake
from services.deliver.attempts.dispatcher import Dispatcher
from services.deliver.channels.pull import PullChannel
from services.deliver.receivers import connections, waiting_api
from services.deliver.waits.parked import Parking
from tests.integration.deliver.stage import Stage
from tests.unit.deliver.sample import PDF, XML, receiver

LIST = "/v1/deliveries/waiting"
ACK = f"{LIST}/acknowledged"


class Keys:
    """The key is the account's number."""

    async def authenticate(self, authorization: str | None) -> Principal:
        key = (authorization or "").removeprefix("Bearer ")
        if not key.isdigit():
            raise Unauthenticated
        return Principal(UUID(int=int(key)), None, frozenset({"invoice:read", "invoice:write"}), frozenset())


@pytest.fixture
async def api(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    router = waiting_api.routes(stage.worker, stage.documents, Wake())
    transport = httpx.ASGITransport(app=create_app([router], title="deliver", identity=Keys()))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://hub.example", headers={"Authorization": "Bearer 42"}
    ) as client:
        yield client


def dispatcher(stage: Stage, days: float = 7) -> Dispatcher:
    channel = PullChannel(timedelta(days=days))
    return Dispatcher(stage.settings(), stage.worker, stage.documents, {"pull": channel}, Wake())


async def fetching(stage: Stage, account: int = 42, **settings: Any) -> Receiver:
    to = receiver(f"Haalt Zelf {account} BV")
    await connections.connect(stage.worker, to.party_id, UUID(int=account), "other", "pull", settings)
    return to


async def ids(api: httpx.AsyncClient, **params: Any) -> list[str]:
    reply = await api.get(LIST, params=params)
    assert reply.status_code == 200, reply.text
    return [each["delivery_id"] for each in reply.json()["deliveries"]]


@pytest.mark.proves("R50", "R53", "R56")
async def test_listed_read_and_acknowledged_it_has_arrived_and_not_before(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    await stage.send(await fetching(stage), 2)
    assert await ids(api) == [], "not looked at yet: it may not be lawful in the receiver's format"
    await dispatcher(stage).dispatch()
    first, second = await ids(api)
    for _ in range(2):
        said = (await api.get(f"{LIST}/{first}")).json()
        assert [base64.b64decode(each["content"]) for each in said["data"]["documents"]] == [XML, PDF]
    # Reading is nothing: the answer may have been lost on its way.
    assert await stage.states() == ["queued", "queued"]
    assert await stage.facts() == []
    for _ in range(2):
        taken = (await api.post(ACK, json={"delivery_ids": [first]})).json()
        assert taken == {"acknowledged": [first], "unknown": []}
    assert await stage.states() == ["confirmed", "queued"]
    assert await stage.facts() == [("handed_over", 1), ("confirmed", 2)]
    assert {fact.channel for fact in await stage.told()} == {"pull"}
    assert await ids(api) == [second]
    assert (await api.get(f"{LIST}/{first}")).status_code == 200, "it may be read again"
    assert await stage.attempts() == [(1, "offered"), (2, "handed_over"), (1, "offered")]


async def test_in_pages_the_oldest_first(stage: Stage, api: httpx.AsyncClient) -> None:
    await stage.send(await fetching(stage), 5)
    await dispatcher(stage).dispatch()
    found: list[str] = []
    after: str | None = None
    while True:
        page = (await api.get(LIST, params={"limit": 2, **({"after": after} if after else {})})).json()
        found += [each["delivery_id"] for each in page["deliveries"]]
        if page["next"] is None:
            break
        after = page["next"]
        # What comes off the list meanwhile shifts nothing.
        await api.post(ACK, json={"delivery_ids": [found[-1]]})
    assert found == [str(row["delivery_id"]) for row in await stage.rows()]
    assert (await api.get(LIST, params={"after": "nonsense"})).status_code == 400


async def test_what_is_anothers_does_not_exist(stage: Stage, api: httpx.AsyncClient) -> None:
    await stage.send(await fetching(stage, account=43))
    await dispatcher(stage).dispatch()
    (row,) = await stage.rows()
    theirs = str(row["delivery_id"])
    assert await ids(api) == []
    assert (await api.get(f"{LIST}/{theirs}")).status_code == 404
    assert (await api.post(ACK, json={"delivery_ids": [theirs]})).json() == {
        "acknowledged": [],
        "unknown": [theirs],
    }
    sender = {"Authorization": f"Bearer {0xA}"}
    assert (await api.get(f"{LIST}/{theirs}", headers=sender)).status_code == 404
    assert await stage.states() == ["queued"]
    assert (await api.get(f"{LIST}/{theirs}", headers={"Authorization": "Bearer 43"})).status_code == 200


async def test_one_that_is_never_acknowledged_is_undeliverable_and_its_sender_told(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    await stage.send(await fetching(stage))
    await dispatcher(stage, days=3).dispatch()
    (offered,) = await ids(api)
    wait = await stage.worker.fetchval("SELECT due_at - created_at FROM delivery")
    assert timedelta(days=2.9) < wait < timedelta(days=3.1)
    await stage.worker.execute("UPDATE delivery SET created_at = created_at - interval '3 d', due_at = now()")
    await dispatcher(stage, days=3).dispatch()
    assert await stage.states() == ["undeliverable"]
    assert await stage.facts() == [("undeliverable", 1)]
    assert (await api.post(ACK, json={"delivery_ids": [offered]})).json()["unknown"] == [offered]
    assert await stage.states() == ["undeliverable"]


async def test_acknowledged_while_it_is_given_up_it_has_arrived(stage: Stage, api: httpx.AsyncClient) -> None:
    """The receiver's word counts: the attempt that was about to end it comes too late."""
    await stage.send(await fetching(stage))
    await dispatcher(stage).dispatch()
    (offered,) = await ids(api)
    await stage.worker.execute("UPDATE delivery SET created_at = created_at - interval '8 d', due_at = now()")
    ending = dispatcher(stage)
    held = await ending.start("pull")
    assert await stage.states() == ["attempting"]
    assert (await api.post(ACK, json={"delivery_ids": [offered]})).json()["acknowledged"] == [offered]
    await ending.attempt("pull", held)
    assert await stage.states() == ["confirmed"]
    assert await stage.facts() == [("handed_over", 1), ("confirmed", 2)]


async def test_killed_while_it_was_offered_it_is_offered_again_and_nothing_is_unsure(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    await stage.send(await fetching(stage))
    await dispatcher(stage).start("pull")
    await stage.expire()
    assert await ids(api) == []
    await dispatcher(stage).dispatch()
    assert len(await ids(api)) == 1
    assert [row["unresolved"] for row in await stage.rows()] == [False]


async def test_twice_at_once_it_is_told_once(stage: Stage, api: httpx.AsyncClient) -> None:
    await stage.send(await fetching(stage), 20)
    await dispatcher(stage).dispatch()
    found = await ids(api)
    orders = [found, found[::-1], found[5:], found[:15]]
    replies = await asyncio.gather(*(api.post(ACK, json={"delivery_ids": each}) for each in orders))
    assert all(reply.status_code == 200 and not reply.json()["unknown"] for reply in replies)
    assert sorted(await stage.facts()) == [("confirmed", 2)] * 20 + [("handed_over", 1)] * 20


async def test_what_cannot_be_made_in_its_format_is_never_offered(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    to = await fetching(stage, format="nlcius")
    await stage.send(to)
    await dispatcher(stage).dispatch()
    assert await stage.states() == ["parked"]
    assert await ids(api) == []
    await connections.connect(stage.worker, to.party_id, None, "other", "pull", {})
    await Parking(stage.worker, Wake()).look()
    await dispatcher(stage).dispatch()
    assert len(await ids(api)) == 1


async def test_what_a_recall_stopped_is_shown_to_nobody(stage: Stage, api: httpx.AsyncClient) -> None:
    await stage.send(await fetching(stage))
    await dispatcher(stage).dispatch()
    (offered,) = await ids(api)
    await stage.worker.execute("UPDATE delivery SET stopped = true")
    assert await ids(api) == []
    assert (await api.get(f"{LIST}/{offered}")).status_code == 404
    assert (await api.post(ACK, json={"delivery_ids": [offered]})).json()["unknown"] == [offered]


@pytest.mark.parametrize(
    "given", [{}, {"delivery_ids": []}, {"delivery_ids": ["x"]}, {"delivery_ids": [str(UUID(int=1))] * 201}]
)
async def test_bad_input(api: httpx.AsyncClient, given: dict[str, Any]) -> None:
    assert (await api.post(ACK, json=given)).status_code == 422
