"""Receivers connect an address of their own over HTTP, and get what signs what comes there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncssh
import httpx
import pytest

from libs import clock
from libs.errors import Unauthenticated
from libs.http.app import create_app
from libs.http.principal import Principal
from services.deliver.api import routes
from services.deliver.receivers import connections, credentials, push
from services.deliver.receivers.pushing import Pushing
from services.deliver.views import Showing
from tests.integration.deliver.stage import Stage

URL = "https://receiver.example/invoices"


class Keys:
    """The key is the account's number."""

    async def authenticate(self, authorization: str | None) -> Principal:
        key = (authorization or "").removeprefix("Bearer ")
        if not key.isdigit():
            raise Unauthenticated
        return Principal(UUID(int=int(key)), None, frozenset({"party:read", "party:write"}), frozenset())


@pytest.fixture
async def api(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    router = routes(
        await stage.pools.get("deliver", "api"), stage.worker, Showing(stage.worker, timedelta(hours=72)),
        Pushing(stage.worker, stage.settings()),
    )  # fmt: skip
    transport = httpx.ASGITransport(app=create_app([router], title="deliver", identity=Keys()))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://hub.example", headers={"Authorization": "Bearer 42"}
    ) as client:
        yield client


async def owned(stage: Stage) -> str:
    """A party whose connection is account 42's."""
    party = clock.uuid7()
    await connections.connect(stage.worker, party, UUID(int=42), "other", "smtp", {})
    return str(party)


@pytest.mark.proves("R50", "R52")
async def test_the_secret_is_shown_once_and_another_when_asked_for(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    party = await owned(stage)
    said = (
        await api.put(f"/v1/connections/{party}", json={"channel": "https", "settings": {"url": URL}})
    ).json()
    assert (said["channel"], said["settings"]["url"]) == ("https", URL)
    first = said["secret"]
    assert first.startswith("whsec_")
    shown = await api.get(f"/v1/connections/{party}")
    assert "whsec_" not in shown.text
    again = await api.put(
        f"/v1/connections/{party}", json={"channel": "https", "settings": {"url": URL + "/2"}}
    )
    assert again.json()["secret"] is None
    other = (await api.post(f"/v1/connections/{party}/secret")).json()
    assert other["old_until_hours"] == 24
    keys = stage.settings().keys
    found = (await credentials.of(stage.worker, keys, [UUID(party)], "webhook"))[UUID(party)]
    assert [push.shown(secret) for secret in found] == [other["secret"], first]


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/", "https://user:word@receiver.example/", "https://127.0.0.1/", "https://10.1.2.3/in",
        "https://[::1]/", "https://169.254.169.254/latest", "https://2130706433/", "javascript:alert(1)", "",
        "https://a b/",
    ],
)  # fmt: skip
async def test_an_address_that_cannot_be_pushed_to_is_refused_with_what_to_do(
    stage: Stage, api: httpx.AsyncClient, url: str
) -> None:
    party = await owned(stage)
    reply = await api.put(f"/v1/connections/{party}", json={"channel": "https", "settings": {"url": url}})
    assert reply.status_code == 400
    assert reply.json()["code"] == "bad-url"
    assert "https-adres" in reply.text
    assert "word@" not in reply.text
    assert (await api.get(f"/v1/connections/{party}")).json()["channel"] == "smtp"


async def test_nobody_elses_connection_gives_a_secret(stage: Stage, api: httpx.AsyncClient) -> None:
    party = await owned(stage)
    stranger = {"Authorization": "Bearer 43"}
    assert (await api.post(f"/v1/connections/{party}/secret", headers=stranger)).status_code == 404
    wanted = {"channel": "https", "settings": {"url": URL}}
    assert (await api.put(f"/v1/connections/{party}", json=wanted, headers=stranger)).status_code == 404
    assert await stage.worker.fetchval("SELECT count(*) FROM credential") == 0


HOST_KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
SERVER = {"host": "sftp.receiver.example", "username": "globe", "folder": "in", "host_key": HOST_KEY}


async def test_an_sftp_server_is_given_the_key_to_let_in_and_the_same_again(
    stage: Stage, api: httpx.AsyncClient
) -> None:
    party = await owned(stage)
    said = [
        (await api.put(f"/v1/connections/{party}", json={"channel": "sftp", "settings": SERVER})).json()
        for _ in "12"
    ]
    assert said[0]["public_key"].startswith("ssh-ed25519 ")
    assert said[0]["public_key"] == said[1]["public_key"]
    assert said[0]["package"] == "globe"
    assert said[0]["settings"]["port"] == 22
    assert "PRIVATE" not in str(said)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"host": "127.0.0.1"}, "bad-host"), ({"host": "::1"}, "bad-host"), ({"host": "2130706433"}, "bad-host"),
        ({"folder": "../other"}, "bad-folder"), ({"host_key": "ssh-ed25519 nonsense"}, "bad-host-key"),
        ({"host_key": ""}, "bad-host-key"),
    ],
)  # fmt: skip
async def test_a_server_that_cannot_be_used_is_refused(
    stage: Stage, api: httpx.AsyncClient, bad: dict[str, str], code: str
) -> None:
    party = await owned(stage)
    reply = await api.put(f"/v1/connections/{party}", json={"channel": "sftp", "settings": {**SERVER, **bad}})
    assert (reply.status_code, reply.json()["code"]) == (400, code)
    assert await stage.worker.fetchval("SELECT count(*) FROM credential") == 0
