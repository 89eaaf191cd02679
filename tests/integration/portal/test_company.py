"""*Mijn Bedrijf* through the real API: an owner makes, replaces and ends keys, addresses and people; nobody else does."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast

import httpx
import pytest

from libs.db.pools import tenant
from libs.db.settings import DatabaseSettings
from libs.http.app import create_app
from libs.http.principal import Authenticator
from services.ingest.access import users
from services.portal.hub import Hub
from services.portal.pages import Pages
from services.portal.sessions import Sessions
from tests.integration.ingest.door import Replica, replica
from tests.integration.ingest.test_people import OWNER, PASSWORD
from tests.integration.ingest.test_people import Hub as People

FROM_HERE = {"sec-fetch-site": "same-origin"}


class Desk:
    """A browser at the portal, and the hub behind it."""

    def __init__(self, door: Replica, browser: httpx.AsyncClient, people: People) -> None:
        self.door = door
        self.browser = browser
        self.people = people

    async def open(self, user: str = OWNER, password: str = PASSWORD) -> httpx.Response:
        return await self.post("/company/open", user=user, key=password)

    async def post(self, path: str, **form: str) -> httpx.Response:
        return await self.browser.post(path, data=form, headers=FROM_HERE)

    async def page(self) -> str:
        reply = await self.browser.get("/company")
        assert reply.status_code == 200, reply.text
        assert reply.headers["cache-control"] == "no-store"
        return html.unescape(reply.text)


@pytest.fixture
async def desk(database: DatabaseSettings) -> AsyncIterator[Desk]:
    async with (
        replica(database) as door,
        httpx.AsyncClient(base_url=door.url, timeout=30) as http,
        Hub(door.url) as hub,
    ):
        pages = Pages(hub, Sessions(lasts=timedelta(hours=1), secure=False), page_size=25)
        app = create_app([pages.router()], title="portal", identity=cast("Authenticator", None))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://portal.example", follow_redirects=True
        ) as browser:
            people = People(door, http)
            await people.sign_up()
            yield Desk(door, browser, people)


@pytest.mark.proves("R14", "R15", "R13")
async def test_an_owner_manages_keys_addresses_and_people(desk: Desk) -> None:
    assert 'name="key"' in await desk.page(), "first the password"
    assert "API Instellingen" in html.unescape((await desk.open()).text)

    made = await desk.post(
        "/company/keys", label="<b>boek</b>", **{"invoice:write": "1", "invoice:read": "1"}
    )
    (key,) = re.findall(r'<code class="whole">(pb_live_\w+)</code>', made.text)
    headers = {"Authorization": f"Bearer {key}"}
    assert (await desk.people.http.get("/v1/accounts/me", headers=headers)).status_code == 200
    page = await desk.page()
    key_id = key.split("_")[2]
    assert key_id in page
    assert key not in page, "it is shown once"
    assert "<b>boek" not in (await desk.browser.get("/company")).text
    replaced = await desk.post(f"/company/keys/{key_id}/rotate", hours="24")
    (new,) = re.findall(r'<code class="whole">(pb_live_\w+)</code>', replaced.text)
    third = await desk.post("/company/keys", label="te veel", **{"invoice:read": "1"})
    assert third.status_code == 409
    assert "Er zijn al twee API-sleutels" in third.text
    for each in (key_id, new.split("_")[2]):
        await desk.post(f"/company/keys/{each}/revoke")
        assert f"/company/keys/{each}/" not in await desk.page()
    assert (await desk.post("/company/keys/a%2Fb/revoke")).status_code == 404

    await desk.post("/company/mailboxes")
    (address, *_) = re.findall(r'<code class="whole">(\w{32}@[\w.]+)</code>', await desk.page())
    (box,) = re.findall(r"/company/mailboxes/([\w-]+)/revoke", await desk.page())
    await desk.post(f"/company/mailboxes/{box}/rotate", hours="720")
    page = await desk.page()
    assert address in page, "the old one goes on"
    assert len(re.findall(r"/company/mailboxes/[\w-]+/revoke", page)) == 2
    await desk.post(f"/company/mailboxes/{box}/revoke")
    assert address not in await desk.page()

    await desk.post("/company/users", email="piet@bakker.example", role="reader")
    assert "uitgenodigd" in await desk.page()
    link = (await desk.people.links("piet@bakker.example"))[-1]["token"]
    assert (await desk.people.use(link)).status_code == 200
    found = await users.find(await desk.door.pools.get("ingest", "api"), "piet@bakker.example")
    assert found is not None
    await desk.post(f"/company/users/{found.user_id}/role", role="bookkeeper")
    async with tenant(await desk.door.pools.get("ingest", "api"), found.account_id) as conn:
        assert {each["role"] for each in await users.users(conn)} == {"owner", "bookkeeper"}
    await desk.post(f"/company/users/{found.user_id}/remove")
    assert "piet@bakker.example" not in await desk.page()
    (self_id,) = re.findall(r"/company/users/([\w-]+)/remove", await desk.page())
    last = await desk.post(f"/company/users/{self_id}/remove")
    assert "laatste eigenaar" in last.text


async def test_nobody_else_does(desk: Desk) -> None:
    await desk.people.join("lezer@bakker.example", "reader")
    for user, password, status in (
        ("lezer@bakker.example", PASSWORD, 403),
        (OWNER, "een ander wachtwoord", 401),
        (OWNER, "", 422),
    ):
        reply = await desk.open(user, password)
        assert reply.status_code == status
        assert "API Instellingen" not in reply.text
    # The session that reads invoices opens nothing here, and its cookie is no other's.
    await desk.post("/login", user=OWNER, key=PASSWORD)
    assert "API Instellingen" not in await desk.page()
    session = desk.browser.cookies["postbode"]
    desk.browser.cookies.set("postbode-company", session, domain="portal.example", path="/")
    assert (await desk.post("/company/keys", label="x")).status_code == 403
    assert "postbode-company" not in desk.browser.cookies, "it is taken away"
    await desk.open()
    token = desk.browser.cookies["postbode-company"]
    # Forms of other sites are refused, whatever cookie comes along.
    elsewhere = await desk.browser.post("/company/mailboxes", headers={"sec-fetch-site": "cross-site"})
    assert elsewhere.status_code == 403
    assert (await desk.post("/logout")).status_code == 200
    held = await desk.people.http.get("/v1/keys", headers={"Authorization": f"Bearer {token}"})
    assert held.status_code == 401, "signing out ends both"
