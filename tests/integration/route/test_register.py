"""The trade register: asked with care, proposing and corroborating, never needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import APIRouter
from pydantic import SecretStr

from libs.db.pools import Pools
from libs.service import Wake
from services.route.companies import parties
from services.route.companies.addresses import Address
from services.route.companies.history import changes
from services.route.settings import RouteSettings
from services.route.trade_register import lookup_api
from services.route.trade_register.corroborator import Corroborator
from services.route.trade_register.kvk_api import KvkApi, configured
from services.route.trade_register.lookups import Care, Lookups
from services.route.trade_register.register import Company, RegisterAway
from tests.integration.route.stage import decided, enter, told, validated
from tests.integration.validate.api_client import as_, served
from tests.sims.kvk import TEST_KEY, Fault, KvkServer
from tests.unit.route.sample import KVK

DONALD = "68750110"
CARE = Care(keep=timedelta(days=30), daily=100)


@pytest.fixture(scope="module")
def server() -> Iterator[KvkServer]:
    with KvkServer(slow_s=5.0) as running:
        yield running


@pytest.fixture
def register(server: KvkServer) -> KvkServer:
    server.faults, server.asked = [], []
    return server


@pytest.fixture
async def api(register: KvkServer) -> AsyncIterator[KvkApi]:
    async with KvkApi(register.base_url, TEST_KEY, timeout_s=5.0) as api:
        yield api


BOX = Address("Postbus 8", city="Lollum", post_code="8823ZZ", said_by="register")
VISITED = Address("Hizzaarderlaan 3A", city="Lollum", post_code="8823SJ", said_by="register")


async def _lookups(pools: Pools, api: KvkApi | None, care: Care = CARE) -> Lookups:
    return Lookups(await pools.get("route", "worker"), api, care)


async def test_a_profile_gives_names_post_codes_and_where_a_letter_goes(api: KvkApi) -> None:
    assert await api.company(DONALD) == Company(
        kvk=DONALD,
        name="Test BV Donald",
        post_codes=("8823SJ", "8823ZZ"),
        postal=("Postbus 8", "8823ZZ Lollum"),
        addresses=(BOX, VISITED),
    )
    emz = await api.company("69599084")
    assert emz is not None
    assert (emz.names, emz.postal) == (("Tweede handelsnaam",), ("Abebe Bikilalaan 17", "1034WL Amsterdam"))
    owner = await api.company("69599068")  # no place of business: the addresses stand at the owner
    assert owner is not None
    assert owner.post_codes == ("7241AR",)
    ended, shielded = await api.company("90004760"), await api.company("55505201")
    assert ended is not None
    assert ended.ended
    assert shielded is not None
    assert (shielded.postal, shielded.post_codes) == ((), ())


async def test_what_it_gives_nothing_of_is_not_trouble(api: KvkApi) -> None:
    assert await api.company("12345678") is None
    assert await api.company("90004973") is None


@pytest.mark.parametrize("fault", ["busy", "later", "broken", "garbage", "other", "moved"])
async def test_trouble_is_trouble_and_never_another_companys_profile(
    api: KvkApi, register: KvkServer, fault: Fault
) -> None:
    register.faults = [fault]
    with pytest.raises(RegisterAway) as away:
        await api.company(DONALD)
    assert away.value.theirs
    assert away.value.words["nl"] != away.value.words["en"]


async def test_a_wrong_key_a_slow_answer_and_nobody_there_are_trouble(register: KvkServer) -> None:
    for base, key, slow in (
        (register.base_url, "wrong", False),
        (register.base_url, TEST_KEY, True),
        ("http://127.0.0.1:1/api", TEST_KEY, False),
        (register.base_url + "/elsewhere", TEST_KEY, False),
    ):
        register.faults = ["slow"] if slow else []
        async with KvkApi(base, key, timeout_s=0.5 if slow else 5.0) as api:
            with pytest.raises(RegisterAway):
                await api.company(DONALD)


async def test_an_answer_is_kept_and_an_old_one_is_better_than_none(
    pools: Pools, api: KvkApi, register: KvkServer
) -> None:
    lookups = await _lookups(pools, api)
    first = await lookups.company(DONALD)
    assert await lookups.company(DONALD) == first
    assert (await lookups.company("12345678")).company is None
    assert (await lookups.company("12345678")).company is None
    assert register.asked == [DONALD, "12345678"]
    old = await _lookups(pools, api, Care(keep=timedelta(0), daily=100))
    register.faults = ["broken"]
    assert await old.company(DONALD) == first
    assert (await old.company(DONALD)).asked_at > first.asked_at
    assert await (await _lookups(pools, None)).company(DONALD)


async def test_no_more_questions_a_day_than_are_set(pools: Pools, api: KvkApi, register: KvkServer) -> None:
    with pytest.raises(RegisterAway):
        await (await _lookups(pools, api, Care(keep=timedelta(days=30), daily=0))).company("69599068")
    lookups = await _lookups(pools, api, Care(keep=timedelta(days=30), daily=2))
    await lookups.company(DONALD)
    await lookups.company("69599084")
    with pytest.raises(RegisterAway) as spent:
        await lookups.company("69599068")
    assert not spent.value.theirs
    assert await lookups.company(DONALD)
    assert len(register.asked) == 2


async def test_after_trouble_in_a_row_it_is_left_alone_and_then_tried_once(
    pools: Pools, api: KvkApi, register: KvkServer
) -> None:
    lookups = await _lookups(pools, api)
    register.faults = ["broken", "later", "busy", "broken"]
    for _ in range(5):
        with pytest.raises(RegisterAway):
            await lookups.company(DONALD)
    assert len(register.asked) == 3
    worker = await pools.get("route", "worker")
    await worker.execute("UPDATE register_breaker SET open_until = now() - interval '1 second'")
    for _ in range(2):
        with pytest.raises(RegisterAway):
            await lookups.company(DONALD)
    assert len(register.asked) == 4  # the probe failed: left alone again
    await worker.execute("UPDATE register_breaker SET open_until = now() - interval '1 second'")
    assert (await lookups.company(DONALD)).company is not None
    assert await worker.fetchval("SELECT count(*) FROM register_breaker") == 0


async def test_switched_off_nobody_is_asked(pools: Pools, register: KvkServer) -> None:
    lookups = await _lookups(pools, None)
    with pytest.raises(RegisterAway):
        await lookups.company(DONALD)
    await _corroborator(pools, lookups).run()
    assert register.asked == []
    assert configured(RouteSettings()) is None
    assert configured(RouteSettings(kvk_api_key=SecretStr(TEST_KEY), kvk_lookup=False)) is None
    assert configured(RouteSettings(kvk_api_key=SecretStr(TEST_KEY))) is not None


def _corroborator(pools: Pools, lookups: Lookups) -> Corroborator:
    return Corroborator(lookups._pool, lookups, Wake(), 500)


async def test_it_corroborates_what_waits_and_says_so_in_the_history(
    pools: Pools, api: KvkApi, register: KvkServer
) -> None:
    """The operator called it otherwise than its suppliers do; the register knows the name."""
    party = await enter(pools, "Donald en Zonen", (KVK, DONALD), names=())
    other = await enter(pools, "Iets anders", (KVK, "69599076"), names=())
    waits = validated((KVK, DONALD), name="Test BV Donald")
    typo = validated((KVK, "69599076"), name="Test BV Donald")
    # Of a company that has ended the register proves nothing.
    await enter(pools, "Gestopt", (KVK, "90004760"), names=())
    ended = validated((KVK, "90004760"), name="Test BV Donald")
    said = Company(kvk="90004760", name="Test BV Donald", ended=True).as_json()
    worker = await pools.get("route", "worker")
    await worker.execute("INSERT INTO register_answer (kvk, company) VALUES ($1, $2)", "90004760", said)
    await decided(pools, waits, typo, ended)
    corroborator = _corroborator(pools, await _lookups(pools, api))
    await corroborator.run()
    assert sorted(register.asked) == [DONALD, "69599076"]
    assert [name for name, _ in await told(pools, UUID(ended.subject))] == ["parked"]
    assert [name for name, _ in await told(pools, UUID(waits.subject))] == ["parked", "released", "routed"]
    assert [name for name, _ in await told(pools, UUID(typo.subject))] == ["parked"]
    async with (await pools.get("route", "worker")).acquire() as conn:
        now = await parties.party(conn, party.party_id)
        (_, learnt) = await changes(conn, party.party_id, 0, 10)
        assert len(await changes(conn, other.party_id, 0, 10)) == 2
    assert now is not None
    assert (now.name, now.names, now.post_codes) == (
        "Donald en Zonen",
        ("Test BV Donald",),
        ("8823SJ", "8823ZZ"),
    )
    assert [(each, each.said_by) for each in now.addresses] == [(BOX, "register"), (VISITED, "register")]
    assert (learnt.by, set(learnt.changes)) == ("register", {"names", "post_codes", "addresses"})
    await corroborator.run()
    assert len(register.asked) == 2
    async with (await pools.get("route", "worker")).acquire() as conn:
        assert len(await changes(conn, other.party_id, 0, 10)) == 2


async def test_trouble_of_the_register_stops_nothing(pools: Pools, api: KvkApi, register: KvkServer) -> None:
    await enter(pools, "Donald en Zonen", (KVK, DONALD), names=())
    waits = validated((KVK, DONALD), name="Test BV Donald")
    await decided(pools, waits)
    corroborator = _corroborator(pools, await _lookups(pools, api))
    register.faults = ["broken"]
    await corroborator.run()
    assert [name for name, _ in await told(pools, UUID(waits.subject))] == ["parked"]
    await corroborator.run()
    assert [name for name, _ in await told(pools, UUID(waits.subject))] == ["parked", "released", "routed"]


async def test_operators_get_a_proposal_to_enter_and_nothing_is_entered(
    pools: Pools, api: KvkApi, register: KvkServer
) -> None:
    worker = await pools.get("route", "worker")
    router = APIRouter()
    router.include_router(lookup_api.routes(worker, await _lookups(pools, api)))
    async with served(router) as hub:

        async def ask(number: str, caller: str = "staff") -> tuple[int, dict[str, Any]]:
            reply = await hub.get("/v1/parties/lookup", params={"kvk": number}, headers=as_(caller))
            return reply.status_code, reply.json()

        status, said = await ask("KvK 6875 0110")
        assert (status, said["proposed"]["name"], said["party_id"]) == (200, "Test BV Donald", None)
        assert [each["address_line_1"] for each in said["proposed"]["addresses"]] == [
            "Postbus 8",
            "Hizzaarderlaan 3A",
        ]
        assert await worker.fetchval("SELECT count(*) FROM party") == 0
        party = await enter(pools, "X", (KVK, DONALD))
        assert (await ask(DONALD))[1]["party_id"] == str(party.party_id)
        assert [await _code(ask(*each)) for each in (("12345678",), ("1234567",), (DONALD, "anna"))] == [
            (404, "not-in-register"),
            (422, "bad-identifier"),
            (403, "forbidden"),
        ]
        register.faults = ["broken"]
        assert await _code(ask("69599068")) == (503, "register-away")


async def _code(asked: Any) -> tuple[int, str]:
    status, said = await asked
    return status, said["code"]
