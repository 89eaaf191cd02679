"""Somebody becomes known: what waited goes on, once, whenever the process ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.db.pools import Pools
from services.route import store
from services.route.companies import parties
from services.route.companies.entries import read_all
from tests.integration.route.stage import OPERATOR, decided, drain, enter, told, validated
from tests.integration.validate.api_client import ANNA, BERT, as_
from tests.unit.route.sample import BRANCH, KVK, OIN, VAT


async def _count(pools: Pools, table: str, where: str = "true") -> int:
    worker = await pools.get("route", "worker")
    count: int = await worker.fetchval(f"SELECT count(*) FROM {table} WHERE {where}")
    return count


async def test_one_number_releases_all_that_waited_for_it_and_nothing_else(pools: Pools) -> None:
    waiting = [validated((KVK, "58070036"), account=account) for account in (ANNA, BERT, ANNA)]
    inside = validated((OIN, "00000003580700360000"))
    beside = validated((BRANCH, "000027449173"), (VAT, "NL001234567B01"))
    others = [validated((KVK, "90004760")), validated()]
    await decided(pools, *waiting, inside, beside, *others)
    await enter(pools, "De Jong", (KVK, "58070036"), (VAT, "NL001234567B01"))
    for event in (*waiting, inside, beside):
        assert await told(pools, UUID(event.subject)) == [("parked", 1), ("released", 2), ("routed", 3)]
    for event in others:
        assert await told(pools, UUID(event.subject)) == [("parked", 1)]
    assert await _count(pools, "parked", "state = 'released' AND closed_at IS NOT NULL") == 5
    assert await _count(pools, "parked", "state = 'open'") == 2
    assert await _count(pools, "arrival") == 0


async def test_events_of_a_release_belong_to_the_sender_and_its_submission(pools: Pools) -> None:
    event = validated((KVK, "58070036"), account=BERT)
    await decided(pools, event)
    await enter(pools, "De Jong", (KVK, "58070036"))
    worker = await pools.get("route", "worker")
    rows = await worker.fetch(
        "SELECT account, convert_from(body, 'UTF8')::jsonb AS event FROM outbox ORDER BY id"
    )
    assert {row["account"] for row in rows} == {BERT}
    assert {row["event"]["correlationid"] for row in rows} == {"submission"}
    assert {row["event"]["causationid"] for row in rows} == {str(event.id)}


async def test_what_does_not_fit_in_one_transaction_follows_from_where_it_stopped(pools: Pools) -> None:
    events = [validated((KVK, "58070036")) for _ in range(25)]
    await decided(pools, *events)
    await enter(pools, "De Jong", (KVK, "58070036"), most=10)
    assert await _count(pools, "parked", "state = 'released'") == 10
    assert await _count(pools, "arrival") == 1
    await asyncio.gather(drain(pools, 4), drain(pools, 3), drain(pools, 5))
    await drain(pools, 5)
    assert await _count(pools, "parked", "state = 'open'") == 0
    assert await _count(pools, "arrival") == 0
    for event in events:
        assert await told(pools, UUID(event.subject)) == [("parked", 1), ("released", 2), ("routed", 3)]


async def test_a_release_that_fails_half_way_is_as_if_it_had_not_begun(
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = validated((KVK, "58070036"))
    await decided(pools, event)

    async def full(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(store, "close", full)
        with pytest.raises(OSError, match="disk full"):
            await enter(pools, "De Jong", (KVK, "58070036"))
    assert await told(pools, UUID(event.subject)) == [("parked", 1)]
    assert await _count(pools, "party") == 0
    await enter(pools, "De Jong", (KVK, "58070036"))
    assert await told(pools, UUID(event.subject)) == [("parked", 1), ("released", 2), ("routed", 3)]


async def test_a_newcomer_who_contradicts_releases_nothing(pools: Pools) -> None:
    """The VAT number becomes known, but its owner has another KvK number than the invoice says."""
    event = validated((KVK, "90004760"), (VAT, "NL001234567B01"))
    await decided(pools, event)
    await enter(pools, "De Jong", (KVK, "58070036"), (VAT, "NL001234567B01"))
    assert await told(pools, UUID(event.subject)) == [("parked", 1), ("parked", 2)], "it says why"
    assert await _count(pools, "parked", "state = 'open' AND code = 'contradiction'") == 1
    await enter(pools, "Nieuw", (KVK, "90004760"))
    names = [name for name, _ in await told(pools, UUID(event.subject))]
    assert set(names) == {"parked"}, "now two receivers are named"


@pytest.mark.proves("R30", "R35")
async def test_what_waits_for_a_number_and_then_for_a_person_goes_on_with_the_others(
    pools: Pools, hub: httpx.AsyncClient
) -> None:
    """Alone it is not believed when it becomes known; the person who confirms the receiver has another invoice at hand."""
    strange: dict[str, Any] = {"name": "Bloemenzaak Smit", "post_code": "9999 ZZ"}
    early = validated((KVK, "58070036"), **strange)
    await decided(pools, early)
    party = await enter(pools, "De Jong", (KVK, "58070036"), names=())
    late = validated((KVK, "58070036"), **strange)
    await decided(pools, late)
    shown = (await hub.get(f"/v1/parked/{early.subject}", headers=as_("anna"))).json()
    assert shown["code"] == "not-corroborated"
    assert "Bloemenzaak Smit" in shown["reason"]["nl"]
    chosen = {"party_id": str(party.party_id)}
    reply = await hub.post(f"/v1/parked/{late.subject}/release", json=chosen, headers=as_("anna"))
    assert reply.status_code == 200
    await drain(pools)
    names = [name for name, _ in await told(pools, UUID(early.subject))]
    assert names == ["parked", "parked", "released", "routed"]


async def test_a_number_taken_from_the_wrong_party_lets_go_on_what_it_kept(pools: Pools) -> None:
    """Two numbers of the invoice named two parties, until the operator mended the directory."""
    wrong = await enter(pools, "De Jong", (KVK, "58070036"), (VAT, "NL001234567B01"))
    right = await enter(pools, "Nieuw", (KVK, "90004760"))
    event = validated((KVK, "90004760"), (VAT, "NL001234567B01"))
    (waits,) = await decided(pools, event)
    assert waits.code == "contradiction"  # type: ignore[attr-defined]
    worker = await pools.get("route", "worker")
    for entry, keys in ((wrong, [(KVK, "58070036")]), (right, [(KVK, "90004760"), (VAT, "NL001234567B01")])):
        async with worker.acquire() as conn, conn.transaction():
            await parties.change(conn, replace(entry, identifiers=read_all(keys)), OPERATOR)
    await drain(pools)
    assert [name for name, _ in await told(pools, UUID(event.subject))] == ["parked", "released", "routed"]


async def test_a_place_of_business_that_was_somebody_elses_lets_go_on_what_it_kept(pools: Pools) -> None:
    ours = await enter(pools, "De Jong", (KVK, "58070036"))
    other = await enter(pools, "Nieuw", (KVK, "90004760"))
    place = await enter(pools, "Noord", (BRANCH, "000027449173"), branch_of=other.party_id)
    (waits,) = await decided(pools, validated((KVK, "58070036"), (BRANCH, "000027449173")))
    assert waits.code == "contradiction"  # type: ignore[attr-defined]
    worker = await pools.get("route", "worker")
    async with worker.acquire() as conn, conn.transaction():
        await parties.change(conn, replace(place, branch_of=ours.party_id), OPERATOR)
    await drain(pools)
    assert [name for name, _ in await told(pools, waits.invoice_id)] == ["parked", "released", "routed"]


async def test_those_who_cannot_go_on_do_not_hold_up_the_others(pools: Pools) -> None:
    """More than fit in one transaction contradict the newcomer: they are passed over, once each."""
    vat = (VAT, "NL001234567B01")
    stuck = [validated((KVK, "90004760"), vat) for _ in range(7)]
    free = [validated(vat) for _ in range(3)]
    await decided(pools, *stuck, *free)
    await enter(pools, "De Jong", (KVK, "58070036"), vat, most=2)
    async with asyncio.timeout(10):
        await drain(pools, 2)
    assert await _count(pools, "arrival") == 0
    assert await _count(pools, "parked", "state = 'open'") == 7
    for event in free:
        assert [name for name, _ in await told(pools, UUID(event.subject))] == [
            "parked",
            "released",
            "routed",
        ]
