"""Into the books at Exact Online (the simulator's server), by the whole hub over RabbitMQ: linked, booked, told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from libs.db.settings import DatabaseSettings
from libs.messaging.amqp import AmqpTransport
from libs.testing import builders
from tests.e2e.world import Supplier, World
from tests.e2e.world import world as start
from tests.sims.exact_online import App, Exact, ExactServer, Screens, User, fill

CALLBACK = "https://hub.example/exact"


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExactServer]:
    """Exact Online with one division, and a hub that is registered there."""
    exact = Exact()
    app = exact.links.register(App((CALLBACK,)))
    exact.add_division(fill.division(100))
    exact.add_user(User("kantoor", divisions=[100]))
    exact.add_user(User("mijnkantoor", divisions=[100], kind="my_firm_portal"))
    with ExactServer(exact) as server:
        for name, value in (
            ("CLIENT_ID", app.client_id),
            ("CLIENT_SECRET", app.secret),
            ("REDIRECT_URI", CALLBACK),
            ("HOST", server.base_url),
        ):
            monkeypatch.setenv(f"POSTBODE_DELIVER_EXACT_{name}", value)
        yield server


class Customer:
    """Somebody with books at Exact Online, and an account here."""

    def __init__(self, world: World, office: ExactServer, who: Supplier, party: str) -> None:
        self._world, self._office, self._who = world, office, who
        self._at = f"/v1/connections/{party}/exact"

    async def ask(self, method: str, path: str = "", body: Any = None, *, status: int = 200) -> Any:
        reply = await self._world.http.request(
            method, f"{self._at}{path}", json=body, headers=self._who.headers
        )
        assert reply.status_code == status, reply.text
        return reply.json()

    async def received(self, key: str = "received") -> Any:
        """What it got, or what waits for it."""
        path = "/v1/received" if key == "received" else f"/v1/received/{key}"
        return (await self._world.http.get(path, headers=self._who.headers)).json()[key]

    async def consent(self, user: str, account_id: str, *, status: int = 200) -> Any:
        begun = await self._world.http.post(
            self._at,
            json={"country": "nl", "account_id": account_id},
            headers=await self._world._staff_headers(),
        )
        url = urlsplit(begun.json()["url"])

        def sign_in(exact: Exact) -> str:
            person = next(each for each in exact.users if each.username == user)
            return Screens(exact).sign_in(f"{url.path}?{url.query}", person)

        query = parse_qs(urlsplit(self._office.do(sign_in)).query)
        body = {"code": query["code"][0], "state": query["state"][0]}
        return await self.ask("POST", "/consent", body, status=status)


async def customer(world: World, office: ExactServer, name: str, kvk: str) -> tuple[Customer, str]:
    who = await world.supplier(name)
    me = await world.http.get("/v1/accounts/me", headers=who.headers)
    party = await world.receiver(name, ("0106", kvk))
    return Customer(world, office, who, party), str(me.json()["account_id"])


@pytest.mark.proves("SA1", "SA13", "SA14", "R50", "R100", "R104", "R105")
async def test_mailed_to_a_key_it_stands_in_the_books(
    office: ExactServer, database: DatabaseSettings, amqp_url: str, tmp_path: Path
) -> None:
    transport = AmqpTransport(amqp_url)
    await transport.start()
    async with start(database.url, database.secret, tmp_path, transport) as world:
        jong, account = await customer(world, office, "Jong BV", world.x)
        refused = await jong.consent("mijnkantoor", account, status=403)
        assert refused["code"] == "exact-no-office-user"
        assert (await jong.consent("kantoor", account))["state"] == "live"
        await jong.ask("PUT", "/division", {"division": 100})
        rules = {"rules": [{"journal": "60"}, {"account": "4500"}]}
        done = await jong.ask("PUT", "/booking", {"purchase": rules})
        assert [step["done"] for step in done["steps"]] == [True, True, True, False]

        bakker = await world.supplier()
        xml = builders.invoice(number="2026-117", buyer_kvk=world.x)
        items = await world.mail(bakker, ("F1.xml", xml), ("F1.pdf", builders.pdf("F1")))
        seen = await world.until(bakker, items["F1.xml"]["invoice_id"], "imported")
        (entry,) = office.do(lambda exact: list(exact.divisions[100].table("purchase_entries").all()))
        assert entry["YourRef"] == "2026-117"
        timeline = [(each["label"]["en"], each["proof"]) for each in seen["timeline"]]
        assert [label for label, _ in timeline][-3:] == ["Sent", "Arrived", "Imported"]
        assert str(entry["EntryNumber"]) in timeline[-1][1]
        assert "not read back" not in timeline[-1][1]
        # What stands in the books is for whose books they are.
        (got,) = await jong.received()
        booked = got["booked"]
        assert (booked["division"], booked["read_at"] is None, booked["differences"]) == (100, False, [])

        # The same person at Exact for another account: warned; on go-ahead the first lapses, and says why.
        smit, other = await customer(world, office, "Smit BV", world.y)
        assert (await smit.consent("kantoor", other))["state"] == "warned"
        assert (await jong.ask("GET"))["state"] == "live"
        assert (await smit.ask("POST", "/takeover"))["state"] == "live"
        lapsed = await jong.ask("GET")
        assert (lapsed["state"], "ander account" in lapsed["reason"]["nl"]) == ("lapsed", True)
        second = await world.hand_over(
            bakker, ("F2.xml", builders.invoice(number="2026-118", buyer_kvk=world.x))
        )
        waits = await world.until(bakker, second, "parked")
        assert "aan zet" in waits["reason"]["nl"]
        (held,) = await jong.received("waiting")
        assert "vervallen" in held["reason"]["nl"]
    await transport.stop()
