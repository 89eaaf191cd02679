"""``/v1/parties``: who may enter, confirm, change and see a party."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from libs.db.pools import Pools
from tests.integration.route.stage import decided, enter, told, validated
from tests.integration.validate.api_client import STAFF, as_
from tests.unit.route.sample import KVK, VAT

DE_JONG: dict[str, Any] = {
    "name": "De Jong",
    "email": "in@dejong.example",
    "country": "NL",
    "names": ["Klant BV"],
    "identifiers": [{"scheme": "0106", "value": "KvK 58070036"}],
}


async def _enter(hub: httpx.AsyncClient, caller: str, **changes: Any) -> dict[str, Any]:
    reply = await hub.post("/v1/parties", json={**DE_JONG, **changes}, headers=as_(caller))
    assert reply.status_code == 201, reply.text
    assert reply.headers["location"] == f"/v1/parties/{reply.json()['party_id']}"
    entered: dict[str, Any] = reply.json()
    return entered


async def test_an_operators_party_is_confirmed_and_what_waits_goes_on(
    hub: httpx.AsyncClient, pools: Pools
) -> None:
    event = validated((KVK, "58070036"))
    await decided(pools, event)
    entered = await _enter(hub, "staff", name=" De Jong ")
    assert (entered["status"], entered["name"]) == ("confirmed", "De Jong")
    assert entered["identifiers"] == [{"scheme": "0106", "value": "58070036"}]
    names = [name for name, _ in await told(pools, UUID(event.subject))]
    assert names == ["parked", "released", "routed"]


async def test_an_accounts_party_is_claimed_until_an_operator_confirms_it(
    hub: httpx.AsyncClient, pools: Pools
) -> None:
    event = validated((KVK, "58070036"))
    await decided(pools, event)
    entered = await _enter(hub, "anna")
    assert entered["status"] == "claimed"
    assert await told(pools, UUID(event.subject)) == [("parked", 1)]
    path = f"/v1/parties/{entered['party_id']}"
    assert (
        await hub.put(path, json={**DE_JONG, "status": "confirmed"}, headers=as_("anna"))
    ).status_code == 403
    corrected = await hub.put(path, json={**DE_JONG, "status": None}, headers=as_("staff"))
    assert corrected.json()["status"] == "claimed", "who corrects a claim has not confirmed it"
    confirmed = await hub.put(path, json={**DE_JONG, "status": "confirmed"}, headers=as_("staff"))
    assert confirmed.json()["status"] == "confirmed"
    assert [name for name, _ in await told(pools, UUID(event.subject))] == ["parked", "released", "routed"]


async def test_the_owner_changes_a_party_until_it_is_confirmed_and_not_after(hub: httpx.AsyncClient) -> None:
    """From then on others send there: whoever could change the address could take their post."""
    entered = await _enter(hub, "anna")
    path = f"/v1/parties/{entered['party_id']}"
    reply = await hub.put(path, json={**DE_JONG, "email": "new@dejong.example"}, headers=as_("anna"))
    assert (reply.status_code, reply.json()["email"]) == (200, "new@dejong.example")
    await hub.put(path, json={**DE_JONG, "status": "confirmed"}, headers=as_("staff"))
    reply = await hub.put(path, json={**DE_JONG, "email": "thief@dejong.example"}, headers=as_("anna"))
    assert (reply.status_code, reply.json()["code"]) == (409, "confirmed-party")
    seen = (await hub.get(path, headers=as_("anna"))).json()
    assert (seen["email"], seen["status"]) == ("in@dejong.example", "confirmed")


async def test_the_directory_shows_names_and_numbers_and_no_address(hub: httpx.AsyncClient) -> None:
    entered = await _enter(hub, "staff")
    where = {"scheme": "0106", "value": "5807 0036"}
    reply = await hub.get("/v1/parties", params=where, headers=as_("bert"))
    assert reply.json() == {
        "party_id": entered["party_id"],
        "name": "De Jong",
        "country": "NL",
        "identifiers": [{"scheme": "0106", "value": "58070036"}],
    }
    assert "dejong.example" not in reply.text
    path = f"/v1/parties/{entered['party_id']}"
    assert (await hub.get(path, headers=as_("bert"))).status_code == 404
    assert (await hub.put(path, json=DE_JONG, headers=as_("bert"))).status_code == 404


KADE = {"address_line_1": "Kade 1", "city": "Delft", "post_code": "2611 AA"}


async def test_a_party_has_addresses_that_its_owner_and_operators_see_and_the_history_keeps(
    hub: httpx.AsyncClient,
) -> None:
    weg = {"address_line_1": "Weg 2", "city": "Gent", "country_code": "BE", "address_line_3": "bus 4"}
    entered = await _enter(hub, "anna", addresses=[KADE, KADE | {"address_line_1": " KADE  1"}, weg])
    path = f"/v1/parties/{entered['party_id']}"
    seen = (await hub.get(path, headers=as_("anna"))).json()
    said = [{name: text for name, text in each.items() if text is not None} for each in seen["addresses"]]
    assert said == [KADE | {"country_code": "NL", "said_by": "owner"}, weg | {"said_by": "owner"}]
    assert seen["post_codes"] == ["2611 AA"]
    # Sent back as it was read, by an operator, it is still its owner's word.
    given = {**DE_JONG, "addresses": [*seen["addresses"], KADE | {"post_code": "2612 BB"}]}
    changed = (await hub.put(path, json=given, headers=as_("staff"))).json()
    assert [each["said_by"] for each in changed["addresses"]] == ["owner", "owner", "operator"]
    # Who does not speak of them leaves them, and their post codes.
    kept = (await hub.put(path, json=DE_JONG, headers=as_("anna"))).json()
    assert (kept["addresses"], kept["post_codes"]) == (changed["addresses"], ["2611 AA", "2612 BB"])
    none = (await hub.put(path, json=DE_JONG | {"addresses": []}, headers=as_("anna"))).json()
    assert (none["addresses"], none["post_codes"]) == ([], [])
    changes = (await hub.get(f"{path}/history", headers=as_("anna"))).json()["changes"]
    assert [len(each["after"]["addresses"]) for each in changes] == [2, 3, 3, 0]
    assert set(changes[3]["changes"]) == {"addresses", "post_codes"}
    for bad in ({}, {"city": "Delft", "country_code": "Nederland"}, {"city": "x" * 101}, {"city": "a\nb"}):
        reply = await hub.put(path, json=DE_JONG | {"addresses": [bad]}, headers=as_("anna"))
        assert reply.status_code == 422, bad
    found = await hub.get("/v1/parties/own", headers=as_("anna"))
    assert found.json()["parties"][0]["addresses"] == []


@pytest.mark.proves("R30")
async def test_a_first_invoice_agrees_by_the_post_code_of_an_address_and_not_by_its_street(
    hub: httpx.AsyncClient, pools: Pools
) -> None:
    await _enter(hub, "staff", name="Anders BV", names=[], addresses=[KADE])
    street = validated((KVK, "58070036"), name="Kade 1", post_code="2612 BB")
    code = validated((KVK, "58070036"), name="Vreemd", post_code="2611AA")
    await decided(pools, street)
    assert [name for name, _ in await told(pools, UUID(street.subject))] == ["parked"]
    await decided(pools, code)
    assert [name for name, _ in await told(pools, UUID(code.subject))] == ["routed"]


async def test_a_claimed_party_is_in_nobodys_directory(hub: httpx.AsyncClient) -> None:
    entered = await _enter(hub, "anna")
    where = {"scheme": "0106", "value": "58070036"}
    for caller in ("anna", "bert"):
        assert (await hub.get("/v1/parties", params=where, headers=as_(caller))).status_code == 404
    assert (await hub.get(f"/v1/parties/{entered['party_id']}", headers=as_("bert"))).status_code == 404
    assert (await hub.get(f"/v1/parties/{entered['party_id']}", headers=as_("staff"))).status_code == 200


async def test_one_number_belongs_to_one_confirmed_party(hub: httpx.AsyncClient) -> None:
    await _enter(hub, "staff")
    reply = await hub.post("/v1/parties", json={**DE_JONG, "name": "Other"}, headers=as_("staff"))
    assert (reply.status_code, reply.json()["code"]) == (409, "identifier-taken")
    # Nor does another number of the same organisation.
    oin = [{"scheme": "0190", "value": "00000003580700360000"}]
    reply = await hub.post("/v1/parties", json={**DE_JONG, "identifiers": oin}, headers=as_("staff"))
    assert (reply.status_code, reply.json()["code"]) == (409, "identifier-taken")
    claimed = await _enter(hub, "anna", name="Claims it too")
    path = f"/v1/parties/{claimed['party_id']}"
    reply = await hub.put(path, json={**DE_JONG, "status": "confirmed"}, headers=as_("staff"))
    assert (reply.status_code, reply.json()["code"]) == (409, "identifier-taken")


@pytest.mark.proves("R34")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"identifiers": [{"scheme": "0106", "value": "000027449173"}]}, "bad-identifier"),
        ({"identifiers": [{"scheme": "0106", "value": "1234567"}]}, "bad-identifier"),
        ({"identifiers": [{"scheme": "shoe-size", "value": "44"}]}, "unknown-scheme"),
        (
            {"identifiers": [{"scheme": "0106", "value": v} for v in ("58070036", "69599084")]},
            "contradiction",
        ),
        ({"identifiers": []}, "invalid-request"),
        ({"email": "nobody"}, "invalid-request"),
        ({"name": "  "}, "invalid-request"),
        ({"country": "Nederland"}, "invalid-request"),
    ],
)
async def test_what_cannot_be_a_party_is_422(
    hub: httpx.AsyncClient, changes: dict[str, Any], code: str
) -> None:
    reply = await hub.post("/v1/parties", json={**DE_JONG, **changes}, headers=as_("staff"))
    assert (reply.status_code, reply.json()["code"]) == (422, code)


async def test_branches_are_named_by_operators_and_of_parties_that_exist(hub: httpx.AsyncClient) -> None:
    head = await _enter(hub, "staff")
    place = {
        "name": "De Jong Noord",
        "identifiers": [{"scheme": "branch", "value": "000027449173"}],
        "branch_of": head["party_id"],
    }
    assert (await hub.post("/v1/parties", json=place, headers=as_("anna"))).status_code == 403
    reply = await hub.post("/v1/parties", json={**place, "branch_of": str(uuid4())}, headers=as_("staff"))
    assert (reply.status_code, reply.json()["code"]) == (409, "no-such-head")
    reply = await hub.post("/v1/parties", json={**place, "email": "n@jong.example"}, headers=as_("staff"))
    assert reply.json()["branch_of"] == head["party_id"]
    path, less = f"/v1/parties/{reply.json()['party_id']}", {**place, "name": "Noord"}
    del less["branch_of"]
    kept = (await hub.put(path, json=less, headers=as_("staff"))).json()
    assert kept == {**reply.json(), "name": "Noord"}, "what is not said of a place stays"
    gone = (await hub.put(path, json={**place, "email": None}, headers=as_("staff"))).json()
    assert gone["email"] is None
    for path, nested in (
        (
            "/v1/parties",
            {
                "identifiers": [{"scheme": "branch", "value": "000011111111"}],
                "branch_of": reply.json()["party_id"],
            },
        ),
        (f"/v1/parties/{head['party_id']}", {**DE_JONG, "branch_of": reply.json()["party_id"]}),
        (f"/v1/parties/{head['party_id']}", {**DE_JONG, "branch_of": head["party_id"]}),
    ):
        refused = await hub.request(
            "POST" if path == "/v1/parties" else "PUT", path, json={**place, **nested}, headers=as_("staff")
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "nested-head")
        assert "vestiging" in refused.json()["words"]["nl"]


async def test_every_change_is_kept_with_who_before_and_after(hub: httpx.AsyncClient, pools: Pools) -> None:
    entered = await _enter(hub, "anna")
    path = f"/v1/parties/{entered['party_id']}"
    await hub.put(path, json={**DE_JONG, "name": "Jong", "status": "confirmed"}, headers=as_("staff"))
    worker = await pools.get("route", "worker")
    first, second = await worker.fetch("SELECT * FROM party_change ORDER BY change_id")
    assert (first["before"], first["after"]["name"]) == (None, "De Jong")
    assert (second["by_account"], second["by_user"]) == (STAFF, UUID(int=7))
    assert (second["before"]["status"], second["after"]["status"]) == ("claimed", "confirmed")
    assert (second["before"]["name"], second["after"]["name"]) == ("De Jong", "Jong")


async def test_an_added_number_releases_what_waits_for_it_and_only_that(
    hub: httpx.AsyncClient, pools: Pools
) -> None:
    await enter(pools, "De Jong", (KVK, "58070036"))
    entered = await hub.get(
        "/v1/parties", params={"scheme": "0106", "value": "58070036"}, headers=as_("staff")
    )
    event = validated((VAT, "NL001234567B01"))
    await decided(pools, event)
    both = [{"scheme": "0106", "value": "58070036"}, {"scheme": "9944", "value": "NL001234567B01"}]
    path = f"/v1/parties/{entered.json()['party_id']}"
    assert (
        await hub.put(path, json={**DE_JONG, "identifiers": both}, headers=as_("staff"))
    ).status_code == 200
    assert [name for name, _ in await told(pools, UUID(event.subject))] == ["parked", "released", "routed"]


async def test_rights(hub: httpx.AsyncClient) -> None:
    where = {"scheme": "0106", "value": "58070036"}
    assert (await hub.post("/v1/parties", json=DE_JONG)).status_code == 401
    assert (await hub.post("/v1/parties", json=DE_JONG, headers=as_("reader"))).status_code == 403
    assert (await hub.put(f"/v1/parties/{uuid4()}", json=DE_JONG, headers=as_("reader"))).status_code == 403
    assert (await hub.get("/v1/parties", params=where, headers=as_("nothing"))).status_code == 403
    assert (await hub.get("/v1/parties", headers=as_("anna"))).status_code == 422


@pytest.mark.parametrize("sign", ["\0", "\x1b", "\n", "\u202e"], ids=ascii)
async def test_no_control_character_gets_in(hub: httpx.AsyncClient, sign: str) -> None:
    """Postgres cannot store NUL; the others take over a terminal, a header or the reader's eye."""
    numbers = [{"scheme": "0106", "value": f"58070036{sign}"}]
    for wrong in ({"name": f"De{sign}Jong"}, {"email": f"in{sign}@dejong.example"}, {"identifiers": numbers}):
        for caller in ("anna", "staff"):
            reply = await hub.post("/v1/parties", json={**DE_JONG, **wrong}, headers=as_(caller))
            assert (reply.status_code, reply.json()["code"]) == (422, "invalid-request"), wrong
    asked = await hub.get("/v1/parties", params={"scheme": "0106", "value": f"1{sign}"}, headers=as_("anna"))
    assert asked.status_code == 422
