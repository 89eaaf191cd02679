"""``/v1/parked``: what waits, and what its sender can do about it."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest

from libs.db.pools import Pools
from libs.db.types import Connection, Pool
from services.route.companies import directory
from tests.integration.route.stage import blocked, decided, enter, told, validated
from tests.integration.validate.api_client import ANNA, BERT, as_
from tests.unit.http import cursors
from tests.unit.route.sample import KVK


@pytest.mark.proves("R35")
async def test_the_sender_sees_what_waits_why_and_what_to_do(hub: httpx.AsyncClient, pools: Pools) -> None:
    event = validated((KVK, "90004760"))
    await decided(pools, event)
    (item,) = (await hub.get("/v1/parked", headers=as_("anna"))).json()["parked"]
    assert item["invoice_id"] == event.subject
    assert (item["number"], item["receiver"], item["code"], item["state"]) == (
        "F1", "Klant BV", "unknown-receiver", "open",
    )  # fmt: skip
    assert item["waits_for"] == ["0106:90004760"]
    assert item["candidates"][0]["path"] == "/Invoice/place[1]"
    assert "kvk.nl" in item["reason"]["nl"]
    assert (await hub.get(f"/v1/parked/{event.subject}", headers=as_("anna"))).json() == item


async def test_pages_are_complete_and_without_repeats(hub: httpx.AsyncClient, pools: Pools) -> None:
    events = [validated((KVK, "90004760")) for _ in range(7)]
    await decided(pools, *events)  # one transaction: all parked at the same instant
    await decided(pools, validated((KVK, "90004760"), account=BERT))
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        reply = await hub.get("/v1/parked", params={"limit": "3", **after}, headers=as_("anna"))
        page = reply.json()
        seen += [item["invoice_id"] for item in page["parked"]]
        assert ('rel="next"' in reply.headers.get("link", "")) == (page["next"] is not None)
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == sorted(event.subject for event in events)


@pytest.mark.parametrize("cursor", cursors.INSTANT_AND_ID.values(), ids=cursors.INSTANT_AND_ID)
async def test_a_cursor_that_is_not_ours_is_400(hub: httpx.AsyncClient, cursor: str) -> None:
    reply = await hub.get("/v1/parked", params={"after": cursor}, headers=as_("anna"))
    assert (reply.status_code, reply.json()["code"]) == (400, "bad-cursor")


async def test_the_sender_takes_an_invoice_back_once(hub: httpx.AsyncClient, pools: Pools) -> None:
    event = validated((KVK, "90004760"))
    await decided(pools, event)
    path = f"/v1/parked/{event.subject}"
    reply = await hub.post(f"{path}/return", headers=as_("anna"))
    assert (reply.status_code, reply.json()["state"]) == (200, "returned")
    again = await hub.post(f"{path}/return", headers=as_("anna"))
    assert (again.status_code, again.json()["code"]) == (409, "not-parked")
    assert await told(pools, UUID(event.subject)) == [("parked", 1), ("returned", 2)]
    assert (await hub.get("/v1/parked", headers=as_("anna"))).json()["parked"] == []


async def test_what_was_taken_back_never_goes_on(hub: httpx.AsyncClient, pools: Pools) -> None:
    """Neither by the party it waited for nor by a verdict that is repeated: the sender may have sent it anew."""
    event = validated((KVK, "90004760"))
    await decided(pools, event)
    await hub.post(f"/v1/parked/{event.subject}/return", headers=as_("anna"))
    await enter(pools, "Nieuw", (KVK, "90004760"))
    await decided(pools, validated((KVK, "90004760"), invoice_id=UUID(event.subject)))
    assert (await hub.post(f"/v1/parked/{event.subject}/retry", headers=as_("anna"))).status_code == 409
    assert await told(pools, UUID(event.subject)) == [("parked", 1), ("returned", 2)]


async def _confirm(conn: Connection | Pool) -> None:
    """The one party there is, behind the service's back: nobody is told, nothing is released."""
    await conn.execute("UPDATE party SET status = 'confirmed'")
    await conn.execute("DELETE FROM identifier")
    await conn.execute(
        """INSERT INTO identifier (party_id, scheme, value, owner_account, confirmed)
           SELECT party_id, '0106', '90004760', owner_account, true FROM party"""
    )


async def test_looking_again_says_why_it_still_waits_or_lets_it_go(
    hub: httpx.AsyncClient, pools: Pools
) -> None:
    event = validated((KVK, "90004760"))
    await decided(pools, event)
    path = f"/v1/parked/{event.subject}"
    reply = await hub.post(f"{path}/retry", headers=as_("anna"))
    assert (reply.status_code, reply.json()["state"]) == (200, "open")
    worker = await pools.get("route", "worker")
    await enter(pools, "Nieuw", (KVK, "90004760"), status="claimed")
    await _confirm(worker)
    reply = await hub.post(f"{path}/retry", headers=as_("anna"))
    assert (reply.status_code, reply.json()["state"]) == (200, "released")
    assert await told(pools, UUID(event.subject)) == [
        ("parked", 1), ("parked", 2), ("released", 3), ("routed", 4),
    ]  # fmt: skip


async def test_whoever_becomes_known_while_somebody_looks_again_is_found(
    hub: httpx.AsyncClient, pools: Pools
) -> None:
    event = validated((KVK, "90004760"))
    await decided(pools, event)
    await enter(pools, "Nieuw", (KVK, "90004760"), status="claimed")
    worker = await pools.get("route", "worker")
    async with worker.acquire() as conn, conn.transaction():
        await directory.change_alone(conn)
        await _confirm(conn)
        retry = asyncio.create_task(hub.post(f"/v1/parked/{event.subject}/retry", headers=as_("anna")))
        await blocked(worker)
    assert (await retry).json()["state"] == "released"


async def test_nobody_elses_invoice(hub: httpx.AsyncClient, pools: Pools) -> None:
    event = validated((KVK, "90004760"), account=ANNA)
    await decided(pools, event)
    path = f"/v1/parked/{event.subject}"
    for reply in (
        await hub.get(path, headers=as_("bert")),
        await hub.post(f"{path}/return", headers=as_("bert")),
        await hub.post(f"{path}/retry", headers=as_("bert")),
        await hub.post(f"/v1/parked/{uuid4()}/retry", headers=as_("anna")),
    ):
        assert reply.status_code == 404
    assert (await hub.get("/v1/parked", headers=as_("bert"))).json()["parked"] == []
    assert await told(pools, UUID(event.subject)) == [("parked", 1)]
    # But an operator's.
    (item,) = (await hub.get("/v1/parked", headers=as_("staff"))).json()["parked"]
    assert (item["invoice_id"], item["account_id"]) == (event.subject, str(ANNA))
    assert any("operator" in step["who"] for step in item["steps"])
    reply = await hub.post(f"{path}/return", headers=as_("staff"))
    assert (reply.json()["state"], reply.json()["steps"]) == ("returned", [])
    (code,) = await (await pools.get("route", "worker")).fetch(
        "SELECT code FROM decision WHERE outcome = 'returned'"
    )
    assert code["code"] == "given-back"


async def test_rights(hub: httpx.AsyncClient) -> None:
    assert (await hub.get("/v1/parked")).status_code == 401
    assert (await hub.get("/v1/parked", headers=as_("nothing"))).status_code == 403
    for what in ("return", "retry"):
        path = f"/v1/parked/{uuid4()}/{what}"
        assert (await hub.post(path, headers=as_("reader"))).status_code == 403
