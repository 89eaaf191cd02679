"""Sender and receiver for the first time: what agrees is remembered, what does not waits for a person."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.db.pools import Pools
from services.route.companies import parties
from services.route.companies.entries import read_all
from services.route.deciding.decision import Key
from tests.integration.route.stage import OPERATOR, decided, drain, enter, told, validated
from tests.integration.validate.api_client import ANNA, BERT, as_
from tests.unit.route.sample import KVK, VAT

NUMBER = (KVK, "58070036")
STRANGE: dict[str, Any] = {"name": "Bloemenzaak Smit", "post_code": "9999 ZZ"}


async def pairs(pools: Pools) -> list[tuple[UUID, str]]:
    worker = await pools.get("route", "worker")
    return [(row["account_id"], row["how"]) for row in await worker.fetch("SELECT * FROM pair ORDER BY 1")]


@pytest.mark.proves("R30")
async def test_what_agreed_once_makes_the_number_enough_for_this_sender_alone(pools: Pools) -> None:
    await enter(pools, "De Jong", NUMBER, names=())
    (first,) = await decided(pools, validated(NUMBER, name="de jong bv"))
    assert first.type == "invoice.routed.v1"
    assert await pairs(pools) == [(ANNA, "corroborated")]
    (second, other) = await decided(
        pools, validated(NUMBER, **STRANGE), validated(NUMBER, account=BERT, **STRANGE)
    )
    assert (second.type, other.type) == ("invoice.routed.v1", "invoice.parked.v1")
    assert other.code == "not-corroborated"  # type: ignore[attr-defined]


@pytest.mark.proves("R30", "R35")
async def test_a_person_confirms_and_all_that_waited_for_that_goes_on(
    hub: httpx.AsyncClient, pools: Pools
) -> None:
    party = await enter(pools, "De Jong", NUMBER, names=())
    events = [validated(NUMBER, **STRANGE) for _ in range(3)]
    elsewhere = validated(NUMBER, account=BERT, **STRANGE)
    await decided(pools, *events, elsewhere)
    path = f"/v1/parked/{events[0].subject}/release"
    chosen = {"party_id": str(party.party_id)}
    assert (await hub.post(path, json=chosen, headers=as_("bert"))).status_code == 404
    nobody = {"party_id": str(UUID(int=9))}
    assert (await hub.post(path, json=nobody, headers=as_("anna"))).json()["code"] == "no-such-receiver"
    reply = await hub.post(path, json=chosen, headers=as_("anna"))
    assert (reply.status_code, reply.json()["state"]) == (200, "released")
    assert (await hub.post(path, json=chosen, headers=as_("anna"))).status_code == 409
    await drain(pools)
    for event in events:
        assert await told(pools, UUID(event.subject)) == [("parked", 1), ("released", 2), ("routed", 3)]
    assert await told(pools, UUID(elsewhere.subject)) == [("parked", 1)], "another sender has said nothing"
    assert await pairs(pools) == [(ANNA, "by hand")]


async def test_another_name_of_the_party_lets_go_on_what_waited_for_it(pools: Pools) -> None:
    party = await enter(pools, "De Jong", NUMBER, names=())
    event = validated(NUMBER, **STRANGE)
    await decided(pools, event)
    worker = await pools.get("route", "worker")
    async with worker.acquire() as conn, conn.transaction():
        await parties.change(conn, replace(party, names=("Bloemenzaak Smit",)), OPERATOR)
    await drain(pools)
    assert [name for name, _ in await told(pools, UUID(event.subject))] == ["parked", "released", "routed"]


async def test_confirming_and_parking_at_once_never_leaves_one_waiting(pools: Pools) -> None:
    """One invoice shows that the two belong together while others, of the same sender, are being parked."""
    await enter(pools, "De Jong", NUMBER, names=())
    silent = [validated(NUMBER, **STRANGE) for _ in range(8)]
    await asyncio.gather(
        *(decided(pools, event) for event in silent[:4]),
        decided(pools, validated(NUMBER, name="De Jong")),
        *(decided(pools, event) for event in silent[4:]),
    )
    await drain(pools)
    for event in silent:
        assert (await told(pools, UUID(event.subject)))[-1][0] == "routed"


async def test_an_operator_may_choose_for_anybody_and_a_claimed_party_never_receives(
    hub: httpx.AsyncClient, pools: Pools
) -> None:
    claimed = await enter(pools, "Nieuw", (KVK, "90004760"), status="claimed")
    party = await enter(pools, "De Jong", NUMBER, names=())
    event = validated()
    await decided(pools, event)
    path = f"/v1/parked/{event.subject}/release"
    refused = await hub.post(path, json={"party_id": str(claimed.party_id)}, headers=as_("staff"))
    assert refused.status_code == 409
    reply = await hub.post(path, json={"party_id": str(party.party_id)}, headers=as_("staff"))
    assert reply.status_code == 200
    assert [name for name, _ in await told(pools, UUID(event.subject))] == ["parked", "released", "routed"]


@pytest.mark.proves("R30")
async def test_a_party_that_becomes_another_company_is_strange_to_all_who_sent_to_it(pools: Pools) -> None:
    """An operator writes another KvK number over the one that was there, or by way of a claim: what was believed was about
    the other."""
    party = await enter(pools, "De Jong", NUMBER, names=())
    await decided(pools, validated(NUMBER, name="De Jong"))
    other = (KVK, "90004760")
    worker = await pools.get("route", "worker")

    async def become(left: int, *keys: Key, status: parties.Status = "confirmed") -> None:
        after = replace(party, identifiers=read_all(keys), status=status)
        async with worker.acquire() as conn, conn.transaction():
            await parties.change(conn, after, OPERATOR)
        assert len(await pairs(pools)) == left

    await become(1, NUMBER, (VAT, "NL001234567B01"))
    await become(0, other)
    (waits,) = await decided(pools, validated(other, **STRANGE))
    assert waits.code == "not-corroborated"  # type: ignore[attr-defined]
    await decided(pools, validated(other, name="De Jong"))
    await become(0, other, status="claimed")
    await become(0, NUMBER, status="claimed")
    await become(0, NUMBER)
