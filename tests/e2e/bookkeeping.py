"""Somebody with books at Exact Online (the simulator's server) and an account at a running hub."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from libs import clock
from tests.e2e.world import PATIENCE, Supplier, World
from tests.sims.exact_online import App, Exact, ExactServer, Screens, User, fill

CALLBACK = "https://hub.example/exact"
PURCHASES, SALES = "purchase_entries", "sales_entries"


@contextlib.contextmanager
def registered(setting: pytest.MonkeyPatch) -> Iterator[ExactServer]:
    """Exact Online without divisions or people; a hub that is started inside is registered there."""
    exact = Exact()
    app = exact.links.register(App((CALLBACK,)))
    with ExactServer(exact) as server:
        for name, value in (
            ("CLIENT_ID", app.client_id),
            ("CLIENT_SECRET", app.secret),
            ("REDIRECT_URI", CALLBACK),
            ("HOST", server.base_url),
        ):
            setting.setenv(f"POSTBODE_DELIVER_EXACT_{name}", value)
        yield server


@dataclass
class Bookkeeper:
    """An account with a party, and how its link with Exact Online is set up and asked."""

    world: World
    office: ExactServer
    who: Supplier
    party: str
    account: str

    async def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        reply = await self.world.http.request(method, path, json=body, headers=self.who.headers)
        assert reply.status_code == status, reply.text
        return reply.json() if reply.content else None

    async def link(self, method: str, path: str = "", body: Any = None, *, status: int = 200) -> Any:
        return await self.ask(method, f"/v1/connections/{self.party}/exact{path}", body, status=status)

    async def consent(self, user: User, *, status: int = 200) -> Any:
        """Step 1, with this person at the screen of Exact."""
        begun = await self.world.http.post(
            f"/v1/connections/{self.party}/exact",
            json={"country": "nl", "account_id": self.account},
            headers=await self.world._staff_headers(),
        )
        assert begun.status_code == 200, begun.text
        url = urlsplit(begun.json()["url"])
        target = self.office.do(lambda exact: Screens(exact).sign_in(f"{url.path}?{url.query}", user))
        query = parse_qs(urlsplit(target).query)
        back = {"code": query["code"][0], "state": query["state"][0]}
        return await self.link("POST", "/consent", back, status=status)

    async def linked(self, user: User, **rules: Any) -> Any:
        """All steps: consent, the person's division, rules and options."""
        assert (await self.consent(user))["state"] == "live"
        await self.link("PUT", "/division", {"division": user.divisions[0]})
        options = rules.pop("options", None)
        done = await self.link("PUT", "/booking", rules)
        if options is not None:
            done = await self.link("PUT", "/options", {"fields": options})
        return done

    async def received(self, key: str = "received") -> Any:
        """What it got, or what waits for it."""
        path = "/v1/received" if key == "received" else f"/v1/received/{key}"
        return (await self.ask("GET", path))[key]

    async def fetched(self) -> None:
        """*Bankverrichtingen ophalen*, to its end."""
        links = (await self.ask("POST", "/v1/payments/fetch", status=202))["links"]
        asked_at = clock.now()

        def ahead(link: dict[str, Any]) -> bool:
            return link["reading"] or (
                link["due_at"] is not None and datetime.fromisoformat(link["due_at"]) <= asked_at
            )

        async with asyncio.timeout(PATIENCE):
            while any(map(ahead, links)):
                await asyncio.sleep(0.1)
                links = (await self.ask("GET", "/v1/payments/fetch"))["links"]

    async def sold(self, invoice_id: str) -> str:
        """What became of its only sale, once it is no more under way."""
        async with asyncio.timeout(PATIENCE):
            while True:
                (sale,) = (await self.link("GET", "/sales"))["sales"]
                assert sale["invoice_id"] == invoice_id
                if sale["state"] not in ("queued", "attempting"):
                    return str(sale["state"])
                await asyncio.sleep(0.1)

    async def paid(self, delivery: str) -> list[str]:
        """What it is told that is paid of one invoice, movement by movement."""
        return [each["paid"] for each in (await self.ask("GET", f"/v1/payments/{delivery}"))["movements"]]

    def entries(self, table: str, division: int) -> list[dict[str, Any]]:
        return self.office.do(lambda exact: list(exact.divisions[division].table(table).all()))


async def bookkeeper(world: World, office: ExactServer, name: str, kvk: str) -> Bookkeeper:
    who = await world.supplier(name)
    me = await world.http.get("/v1/accounts/me", headers=who.headers)
    party = await world.receiver(name, ("0106", kvk))
    return Bookkeeper(world, office, who, party, str(me.json()["account_id"]))


def employ(office: ExactServer, name: str, division: int, country: str = "NL", **more: Any) -> User:
    """A person with a division of its own, which is made where there is none."""

    def do(exact: Exact) -> User:
        if division not in exact.divisions:
            exact.add_division(fill.division(division, country=country))
        return exact.add_user(User(name, divisions=[division], **more))

    return office.do(do)
