"""People of an account, over HTTP: sign-up by mail, colleagues and roles, passwords, closing."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from libs.db.settings import DatabaseSettings
from libs.http.client import client
from libs.links import PURPOSE, token_of
from libs.sealed import KEY_ADDRESSES, unseal
from services.ingest.access import passwords
from services.ingest.access.tries import TooManyTries
from services.ingest.app import vault_of
from services.ingest.mailbox.key_requests import KeyRequests
from tests.integration.ingest.door import Replica, replica

OWNER, PASSWORD = "eigenaar@bakker.example", "een lang wachtwoord"
NEW = {"name": "Bakker BV", "email": OWNER, "kvk": "27449173"}


def basic(email: str = OWNER, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{email}:{password}".encode()).decode()}


class Hub:
    """The API, and what would be mailed."""

    def __init__(self, door: Replica, http: httpx.AsyncClient) -> None:
        self.door = door
        self.http = http

    async def events(self, kind: str) -> list[dict[str, Any]]:
        pool = await self.door.pools.get("ingest", "worker")
        rows = await pool.fetch(
            "SELECT body FROM outbox WHERE routing_key LIKE $1 ORDER BY id", f"account.{kind}%"
        )
        return [orjson.loads(row["body"])["data"] for row in rows]

    async def links(self, email: str) -> list[dict[str, Any]]:
        """What was mailed to this address, with the token that track would put into it."""
        key = self.door.settings.derive(PURPOSE)
        mailed = [e for e in await self.events("link_made") if e["email"] == email]
        return [{**each, "token": token_of(key, UUID(each["link_id"]))} for each in mailed]

    async def use(self, token: str, password: str = PASSWORD) -> httpx.Response:
        return await self.http.post("/v1/accounts/links", json={"token": token, "password": password})

    async def sign_up(self, **changed: str) -> httpx.Response:
        new = NEW | changed
        assert (await self.http.post("/v1/accounts/sign-ups", json=new)).status_code == 202
        return await self.use((await self.links(new["email"]))[-1]["token"])

    async def join(self, email: str, role: str) -> httpx.Response:
        invited = await self.http.post(
            "/v1/accounts/me/users", json={"email": email, "role": role}, headers=basic()
        )
        assert invited.status_code == 201, invited.text
        return await self.use((await self.links(email))[-1]["token"])


@pytest.fixture
async def hub(database: DatabaseSettings) -> AsyncIterator[Hub]:
    async with replica(database) as door, client(base_url=door.url, timeout=30) as http:
        yield Hub(door, http)


@pytest.mark.proves("R17")
async def test_a_key_that_was_asked_for_by_mail_goes_to_the_registered_address_alone(hub: Hub) -> None:
    await hub.sign_up()
    settings = hub.door.settings
    requests = KeyRequests(settings, await hub.door.pools.get("ingest", "api"), vault_of(settings))
    await requests.ask("nobody@elders.example")
    assert [each for each in await hub.events("link_made") if each["kind"] == "key"] == []
    await requests.ask(OWNER.upper())
    await requests.ask(OWNER)
    one, two = [each for each in await hub.events("link_made") if each["kind"] == "key"]
    assert (one["email"], one["account_name"]) == (OWNER, NEW["name"])
    (address,) = {unseal(settings.derive(KEY_ADDRESSES), each["sealed"]) for each in (one, two)}
    (box,) = (await hub.http.get("/v1/mailboxes", headers=basic())).json()
    assert address.partition("@")[0] == box["addresses"][0].partition("@")[0]
    assert address.partition("@")[0] not in str(await hub.events("link_made"))
    await requests.ask(OWNER)
    for sender, more in ((OWNER, 1), ("nobody@elders.example", 2)):
        for _ in range(more):
            await requests.ask(sender)
        with pytest.raises(TooManyTries):
            await requests.ask(sender)


@pytest.mark.proves("R16", "R58")
async def test_from_sign_up_to_a_password_that_opens_the_api(hub: Hub) -> None:
    asked = await hub.http.post("/v1/accounts/sign-ups", json=NEW | {"email": "Eigenaar@Bakker.example"})
    assert asked.status_code == 202
    # Nothing exists yet: nobody proved to read that address.
    assert await hub.events("registered") == []
    early = await hub.http.get("/v1/accounts/me", headers=basic(password="nog geen wachtwoord"))
    assert early.status_code == 401
    (link,) = await hub.links(OWNER)
    assert link["kind"] == "sign-up"
    worker = await hub.door.pools.get("ingest", "worker")
    kept = await worker.fetch(
        "SELECT row_to_json(link)::text FROM link UNION ALL SELECT encode(body, 'escape') FROM outbox"
    )
    assert not any(link["token"][-52:] in row[0] for row in kept), "the token lies nowhere"
    assert (await hub.use(link["token"][:-1] + "a" * (link["token"][-1] != "a"))).status_code == 404
    joined = await hub.use(link["token"])
    assert (joined.status_code, joined.json()["role"]) == (200, "owner"), joined.text
    assert [e["kvk"] for e in await hub.events("registered")] == ["27449173"]
    again = await hub.use(link["token"], "een ander wachtwoord")
    assert (again.status_code, again.json()["code"]) == (404, "link-over")
    shown = await hub.http.get("/v1/accounts/me", headers=basic())
    assert (shown.status_code, shown.json()["account_id"]) == (200, joined.json()["account_id"])
    assert (
        await hub.http.get("/v1/accounts/me", headers=basic(password="een ander wachtwoord"))
    ).status_code == 401
    # And another sign-up with that address is answered alike, opens nothing, and says so by mail alone.
    other = await hub.http.post("/v1/accounts/sign-ups", json=NEW | {"name": "Kwaad BV"})
    assert (other.status_code, other.content) == (202, asked.content)
    assert [each["kind"] for each in await hub.links(OWNER)] == ["sign-up", "known"]
    assert len(await hub.events("registered")) == 1


async def test_a_forgotten_password_is_told_to_nobody_else(hub: Hub) -> None:
    await hub.sign_up()
    session = await hub.http.post("/v1/sessions", json={"scopes": ["account:admin"]}, headers=basic())
    signed_in = {"Authorization": f"Bearer {session.json()['token']}"}
    assert (await hub.http.get("/v1/accounts/me/users", headers=signed_in)).status_code == 200
    known = await hub.http.post("/v1/accounts/resets", json={"email": OWNER})
    unknown = await hub.http.post("/v1/accounts/resets", json={"email": "niemand@bakker.example"})
    assert (
        (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, known.content)
    )
    assert await hub.links("niemand@bakker.example") == []
    for _ in range(2):
        await hub.http.post("/v1/accounts/resets", json={"email": "niemand@bakker.example"})
    often = await hub.http.post("/v1/accounts/resets", json={"email": "niemand@bakker.example"})
    assert (often.status_code, often.json()["code"]) == (429, "too-many-tries")
    assert int(often.headers["retry-after"]) > 60
    link = (await hub.links(OWNER))[-1]
    assert (await hub.use(link["token"], "kort")).status_code == 422
    assert (await hub.use(link["token"], "een nieuw wachtwoord")).status_code == 200
    introspect = await hub.http.post(
        "/v1/tokens/introspect",
        data={"token": signed_in["Authorization"]},
        headers={"Authorization": f"Bearer {hub.door.settings.introspection_secret}"},
    )
    assert introspect.json()["active"] is False, "all sessions ended"
    assert (
        await hub.http.get("/v1/accounts/me", headers=basic(password="een nieuw wachtwoord"))
    ).status_code == 200
    changed = {"password": "een nieuw wachtwoord", "new_password": "nog een wachtwoord"}
    headers = basic(password="een nieuw wachtwoord")
    wrong = await hub.http.put("/v1/accounts/me/password", json=changed | {"password": "x"}, headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong-password")
    assert (await hub.http.put("/v1/accounts/me/password", json=changed, headers=headers)).status_code == 204
    assert (
        await hub.http.get("/v1/accounts/me", headers=basic(password="nog een wachtwoord"))
    ).status_code == 200


async def test_colleagues_do_what_their_role_allows(hub: Hub) -> None:
    await hub.sign_up()
    reader, clerk = "lezer@bakker.example", "boek@bakker.example"
    assert (await hub.join(reader, "reader")).json()["role"] == "reader"
    assert (await hub.join(clerk, "bookkeeper")).json()["role"] == "bookkeeper"
    body = b"<Invoice"
    for email, status in ((reader, 403), (clerk, 422)):
        sent = await hub.http.post("/v1/submissions", content=body, headers=basic(email))
        assert sent.status_code == status, sent.text
        assert (await hub.http.get("/v1/accounts/me/users", headers=basic(email))).status_code == 403
    more = await hub.http.post("/v1/sessions", json={"scopes": ["invoice:write"]}, headers=basic(reader))
    assert (more.status_code, more.json()["scope"]) == (403, "invoice:write")
    session = await hub.http.post("/v1/sessions", json={"scopes": ["invoice:write"]}, headers=basic(clerk))
    users = (await hub.http.get("/v1/accounts/me/users", headers=basic())).json()
    ids = {each["email"]: each["user_id"] for each in users}
    demoted = await hub.http.put(
        f"/v1/accounts/me/users/{ids[clerk]}", json={"role": "reader"}, headers=basic()
    )
    assert demoted.json()["role"] == "reader"
    headers = {"Authorization": f"Bearer {session.json()['token']}"}
    assert (await hub.http.post("/v1/submissions", content=body, headers=headers)).status_code == 403
    for change in (
        hub.http.put(f"/v1/accounts/me/users/{ids[OWNER]}", json={"role": "reader"}, headers=basic()),
        hub.http.delete(f"/v1/accounts/me/users/{ids[OWNER]}", headers=basic()),
    ):
        refused = await change
        assert (refused.status_code, refused.json()["code"]) == (409, "last-owner")
    # An invitation that is withdrawn opens nothing.
    invited = await hub.http.post(
        "/v1/accounts/me/users", json={"email": "x@bakker.example"}, headers=basic()
    )
    gone = await hub.http.delete(f"/v1/accounts/me/users/{invited.json()['user_id']}", headers=basic())
    assert gone.status_code == 204
    assert (await hub.use((await hub.links("x@bakker.example"))[-1]["token"])).status_code == 404
    assert (await hub.http.delete(f"/v1/accounts/me/users/{ids[reader]}", headers=basic())).status_code == 204
    left = (await hub.http.get("/v1/accounts/me/users", headers=basic())).json()
    assert {each["email"] for each in left} == {OWNER, clerk}
    # Nobody is a user of two accounts.
    taken = await hub.http.post("/v1/accounts/me/users", json={"email": clerk}, headers=basic())
    assert taken.json()["code"] == "user-already"
    await hub.sign_up(name="Visser", email="v@visser.example")
    other = basic("v@visser.example")
    assert (
        await hub.http.post("/v1/accounts/me/users", json={"email": clerk}, headers=other)
    ).status_code == 201
    assert (await hub.use((await hub.links(clerk))[-1]["token"])).json()["code"] == "address-taken"
    # What an account says of itself may change, and is told.
    said = await hub.http.put("/v1/accounts/me", json=NEW | {"name": "Bakker & Zn"}, headers=basic())
    assert said.status_code == 200
    assert [(e["name"], e["sequence"]) for e in await hub.events("registered")][-1] == ("Bakker & Zn", 2)
    # Closed: nobody comes in.
    wrong = await hub.http.post("/v1/accounts/me/close", json={"name": "Bakker BV"}, headers=basic())
    assert (wrong.status_code, wrong.json()["code"]) == (409, "other-name")
    assert (
        await hub.http.post("/v1/accounts/me/close", json={"name": "Bakker & Zn"}, headers=basic())
    ).status_code == 204
    introspect = await hub.http.post(
        "/v1/tokens/introspect",
        data={"token": basic()["Authorization"]},
        headers={"Authorization": f"Bearer {hub.door.settings.introspection_secret}"},
    )
    assert introspect.json()["active"] is False


async def test_a_thousand_requests_with_a_password_cost_one_verification(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.sign_up()
    ran: list[str] = []
    verify = passwords._matches

    def counted(password: str, stored: str) -> bool:
        ran.append(password)
        return verify(password, stored)

    monkeypatch.setattr(passwords, "_matches", counted)
    secret = {"Authorization": f"Bearer {hub.door.settings.introspection_secret}"}
    for _ in range(30):  # past the cache of the API, as the other services ask
        found = await hub.http.post(
            "/v1/tokens/introspect", data={"token": basic()["Authorization"]}, headers=secret
        )
        assert found.json()["roles"] == ["owner"]
    assert len(ran) == 1
    monkeypatch.setattr(passwords, "_matches", lambda *_: False)
    # Guessing is slow, whether the user exists or not, and does not stop who is known.
    for email in (OWNER, "niemand@bakker.example"):
        codes = [
            (await hub.http.get("/v1/accounts/me", headers=basic(email, f"geraden {n}"))).status_code
            for n in range(12)
        ]
        assert (set(codes[:9]), codes[-1]) == ({401}, 429)
    assert (await hub.http.get("/v1/accounts/me", headers=basic())).status_code == 200


@pytest.mark.proves("R13", "R14", "R15")
async def test_keys_and_mailboxes_are_changed_for_others_without_a_gap(hub: Hub) -> None:
    await hub.sign_up()
    made = (await hub.http.post("/v1/keys", json={"scopes": ["invoice:read"]}, headers=basic())).json()
    assert made["created_at"]
    old = {"Authorization": f"Bearer {made['key']}"}
    assert (await hub.http.get("/v1/accounts/me", headers=old)).status_code == 200
    (shown,) = (await hub.http.get("/v1/keys", headers=basic())).json()
    assert shown["last_used_at"] is not None
    turned = await hub.http.post(f"/v1/keys/{made['key_id']}/rotate", json={"hours": 1}, headers=basic())
    assert turned.json()["scopes"] == ["invoice:read"]
    new = {"Authorization": f"Bearer {turned.json()['key']}"}
    for headers in (old, new):
        assert (await hub.http.get("/v1/accounts/me", headers=headers)).status_code == 200
    worker = await hub.door.pools.get("ingest", "worker")
    await worker.execute("UPDATE api_key SET expires_at = now() WHERE key_id = $1", made["key_id"])
    await worker.execute("UPDATE mailbox SET expires_at = now()")
    secret = {"Authorization": f"Bearer {hub.door.settings.introspection_secret}"}
    for headers, active in ((old, False), (new, True)):
        found = await hub.http.post(
            "/v1/tokens/introspect", data={"token": headers["Authorization"]}, headers=secret
        )
        assert found.json()["active"] is active
    box = (await hub.http.post("/v1/mailboxes", headers=basic())).json()
    other = (
        await hub.http.post(f"/v1/mailboxes/{box['mailbox_id']}/rotate", json={"hours": 24}, headers=basic())
    ).json()
    listed = (await hub.http.get("/v1/mailboxes", headers=basic())).json()
    assert [each["addresses"] for each in listed] == [box["addresses"], other["addresses"]]
    assert [bool(each["expires_at"]) for each in listed] == [True, False]
    find = "SELECT count(*) FROM mailbox m, find_mailbox(m.address_hash)"
    api = await hub.door.pools.get("ingest", "api")
    async with api.acquire() as conn, conn.transaction():
        account = (await hub.http.get("/v1/accounts/me", headers=basic())).json()["account_id"]
        await conn.execute("SELECT set_config('postbode.account', $1, true)", account)
        assert await conn.fetchval(find) == 2
        await conn.execute(
            "UPDATE mailbox SET expires_at = now() WHERE mailbox_id = $1", UUID(box["mailbox_id"])
        )
        assert await conn.fetchval(find) == 1
    gone = await hub.http.delete(f"/v1/mailboxes/{other['mailbox_id']}", headers=basic())
    assert gone.json()["revoked_at"]
    assert (await hub.http.get("/v1/mailboxes", headers=basic())).json() == []
