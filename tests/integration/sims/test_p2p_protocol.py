"""Tokens, headers, lists and pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from tests.integration.sims.p2p_samples import HEADERS, LOGIN, Caller, cost_centre, project
from tests.sims.p2p import Control, P2PServer


async def test_a_token_takes_all_four_and_a_form(caller: Caller, control: Control) -> None:
    for name in LOGIN:
        reply = await caller.ask_token(**{name: "wrong"})
        assert (reply.status_code, "access_token" in reply.json()) == (400, False), name
    assert (await caller.http.post("/token", json=LOGIN)).status_code == 415
    assert (await caller.ask_token(scope="all")).json() == {"error": "invalid_request"}
    assert (await caller.read("Project")).status_code == 200
    await control.set(key_expired=True)
    assert (await caller.ask_token()).status_code == 400
    assert (await caller.read("Project")).status_code == 401


async def test_a_token_ends(caller: Caller, control: Control) -> None:
    await control.set(token_seconds=0)
    await caller.login()
    refused = await caller.read("Project")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    await control.set(token_seconds=60)
    await caller.login()
    assert (await caller.read("Project")).status_code == 200
    await control.revoke_tokens()
    assert (await caller.read("Project")).status_code == 401


async def test_a_user_without_the_api_right_gets_nothing(caller: Caller, control: Control) -> None:
    await control.set(api_right=False)
    assert (await caller.read("Project")).json()["error"]["code"] == "api_right_missing"


async def test_headers_and_methods_are_as_described(caller: Caller) -> None:
    for name, status in (("Accept", 406), ("Cache-Control", 400), ("Authorization", 401)):
        assert (await caller.http.get("/api/Project", headers={name: "x"})).status_code == status, name
    reply = await caller.http.post(
        "/api/Project/Update", content="{}", headers={"Content-Type": "text/plain"}
    )
    assert reply.status_code == 415
    reply = await caller.http.post("/api/Project/Update", content="{", headers=HEADERS)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "not_json")
    assert (await caller.http.put("/api/Project/Update", json={})).status_code == 405
    assert (await caller.http.post("/api/Project", json={})).status_code == 405
    assert (await caller.read("Colour")).json()["error"]["code"] == "entity_unknown"
    reply = await caller.http.post("/api/Project/Update", content=b" " * 1_000_001)
    assert reply.status_code == 413


async def test_another_address_is_some_other_web_server() -> None:
    with P2PServer(base_path="/klant1") as server:
        async with Caller(server.base_url) as there:
            assert (await there.read("Project")).status_code == 200
        async with httpx.AsyncClient(base_url=server.address, trust_env=False) as elsewhere:
            for path in ("/token", "/klant2/token", "/klant1", "/klant1/api", "/klant1x/token"):
                reply = await elsewhere.post(path, data=LOGIN)
                assert (reply.status_code, reply.headers["content-type"][:9]) == (404, "text/html"), path


async def test_pages_hold_everything_once_in_order(caller: Caller, control: Control) -> None:
    await control.set(page_size=3)
    await control.keep("Project", *(project(f"P{place}") for place in range(8)))
    pages = [(await caller.read("Project", page=page)).json() for page in (1, 2, 3, 4)]
    assert [[item["number"] for item in page["items"]] for page in pages] == [
        ["P0", "P1", "P2"], ["P3", "P4", "P5"], ["P6", "P7"], [],
    ]  # fmt: skip
    assert [(page["page"], page["pages"], page["total"]) for page in pages] == [
        (n, 3, 8) for n in (1, 2, 3, 4)
    ]
    jumped = (await caller.read("Project", page=3)).json()
    assert jumped == pages[2]
    await caller.update("Project", project("P00"))
    assert [i["number"] for i in (await caller.read("Project", page=2)).json()["items"]] == ["P2", "P3", "P4"]


async def test_lists_can_be_of_one_company(caller: Caller, control: Control) -> None:
    await control.keep("CostCentre", cost_centre(), cost_centre(externalId="002-1", companies=["002", "001"]))
    assert (await caller.read("CostCentre", companyExternalId="001")).json()["total"] == 2
    assert (await caller.read("CostCentre", companyExternalId="002")).json()["total"] == 1
    assert (await caller.read("CostCentre", companyExternalId="003")).status_code == 404
    assert (await caller.read("Currency", companyExternalId="001")).status_code == 400


async def test_lists_can_begin_at_an_instant(caller: Caller, control: Control) -> None:
    await control.set(clock_skew=-3600)
    early = await caller.update("Project", project("P1"))
    await control.set(clock_skew=0)
    await caller.update("Project", project("P2"))
    served = parsedate_to_datetime(early.headers["Date"])
    assert datetime.now(UTC) - served > timedelta(minutes=59)
    since = (served + timedelta(minutes=30)).isoformat()
    assert [
        item["number"] for item in (await caller.read("Project", modifiedSince=since)).json()["items"]
    ] == ["P2"]
    assert (await caller.read("Project", modifiedSince=served.isoformat())).json()["total"] == 2


async def test_a_list_takes_no_other_parameters(caller: Caller) -> None:
    for query in (
        "page=0",
        "page=x",
        "page=1&page=2",
        "modifiedSince=2026-01-05T09:00:00",
        "modifiedSince=x",
        "size=9",
    ):
        assert (await caller.http.get(f"/api/Project?{query}")).status_code == 400, query
