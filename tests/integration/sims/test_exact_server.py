"""Exact Online on a port: cut connections, answers that never come, and webhooks that arrive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from tests.sims.exact_online import App, Clock, Exact, ExactServer, Fault, Screens, User, fill

CALLBACK = "https://hub.example/callback"
HOOK = "https://hub.example/webhook"


@pytest.fixture
def exact() -> Exact:
    found = Exact(Clock())
    found.links.register(App((CALLBACK,), client_id="app", secret="secret"))
    found.add_division(fill.division(100))
    found.add_user(User("kantoor", divisions=[100]))
    return found


@pytest.fixture
def server(exact: Exact) -> Iterator[ExactServer]:
    with ExactServer(exact) as found:
        yield found


@contextmanager
def _client(server: ExactServer) -> Iterator[httpx.Client]:
    """Signed in, by the page itself."""
    query = urlencode({"client_id": "app", "redirect_uri": CALLBACK, "response_type": "code"})
    with httpx.Client(base_url=server.base_url, timeout=5, trust_env=False) as client:
        form = {"username": "kantoor", "password": "wachtwoord", "decision": "allow"}
        back = client.post(f"/api/oauth2/auth?{query}", data=form)
        code = parse_qs(urlsplit(back.headers["location"]).query)["code"][0]
        app = {"client_id": "app", "client_secret": "secret"}
        grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        token = client.post("/api/oauth2/token", data=app | grant).json()["access_token"]
        client.headers.update({"Authorization": f"Bearer {token}", "Accept": "application/json"})
        yield client


def test_it_is_signed_in_to_and_its_pages_lead_on_over_the_port(server: ExactServer) -> None:
    def more(exact: Exact) -> None:
        for number in range(60):
            exact.divisions[100].add("cost_units", Code=str(number), Description="", Active=True)

    server.do(more)
    with _client(server) as client:
        first = client.get("/api/v1/100/hrm/Costunits?$select=Code").json()["d"]
        assert len(first["results"]) == 60
        assert len(client.get(first["__next"]).json()["d"]["results"]) == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_connection_is_cut_and_an_answer_never_comes(server: ExactServer, after: bool) -> None:
    document = {"Subject": "F-1", "Type": 20}
    with _client(server) as client:
        faults = [Fault("drop", after=after), Fault("timeout", after=after)]
        server.do(lambda exact: exact.faults.plan(*faults))
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/api/v1/100/documents/Documents", json=document)
        with pytest.raises(httpx.ReadTimeout):
            client.post("/api/v1/100/documents/Documents", json=document, timeout=0.2)
        assert client.post("/api/v1/100/documents/Documents", json=document).status_code == 201
        made = server.do(lambda exact: len(exact.divisions[100].table("documents")))
        assert made == (3 if after else 1)


async def test_a_webhook_arrives_where_its_address_is_said_to_be(exact: Exact) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        heard.put_nowait(head.split(b" ")[1] + b" " + await reader.readexactly(size))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(hear, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]

    def book() -> None:
        hooks = {"https://hub.example": f"http://127.0.0.1:{port}"}
        with ExactServer(exact, hooks=hooks) as server, _client(server) as client:
            hook = {"CallbackURL": HOOK, "Topic": "Documents"}
            assert client.post("/api/v1/100/webhooks/WebhookSubscriptions", json=hook).status_code == 201
            client.post("/api/v1/100/documents/Documents", json={"Subject": "F-1", "Type": 20})

    async with listening:
        await asyncio.to_thread(book)
        path, _, body = (await asyncio.wait_for(heard.get(), 5)).partition(b" ")
    assert path == b"/webhook"
    assert json.loads(body)["Content"]["Topic"] == "Documents"


def test_people_act_while_it_runs(server: ExactServer) -> None:
    with _client(server) as client:
        server.do(lambda exact: Screens(exact).withdraw(exact.users[0], "crm"))
        assert client.get("/api/v1/100/crm/Accounts?$top=1").status_code == 403
        server.do(lambda exact: exact.clock.advance(600))
        assert client.get("/api/v1/100/crm/Accounts?$top=1").status_code == 401
