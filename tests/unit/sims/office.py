"""One office at Exact Online, in process: a division, somebody who may book, an app, and a client."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from tests.sims.exact_online import Api, App, Clock, Exact, Screens, Settings, User, application, fill

CALLBACK = "https://hub.example/exact/callback"
START = datetime(2025, 1, 15, 10, 0, tzinfo=UTC)
JSON = {"Accept": "application/json", "Prefer": "return=representation"}


class Office:
    """``token`` is what ``call`` sends; ``refresh`` the newest refresh token."""

    def __init__(
        self, settings: Settings | None = None, *, kind: Any = "office", country: str = "NL"
    ) -> None:
        self.exact = Exact(Clock(START), settings)
        self.screens = Screens(self.exact)
        self.app = self.exact.links.register(App((CALLBACK,)))
        self.books = self.exact.add_division(fill.division(100, country=country))
        self.exact.add_division(fill.division(200, "Tweede BV"))
        self.user = self.exact.add_user(User("kantoor", divisions=[100], kind=kind))
        self.supplier = fill.account(self.books, "10")
        self.customer = fill.account(self.books, "20")
        self.costs = fill.ledger(self.books)
        self.revenue = fill.ledger(self.books, fill.REVENUE)
        self.token = self.refresh = ""
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(application(Api(self.exact, "http://exact"))),
            base_url="http://exact",
        )

    async def __aenter__(self) -> Self:
        assert (await self.connect()).status_code == 200
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    # ------------------------------------------------------------------ signing in

    def address(self, **changed: str) -> str:
        asked = {
            "client_id": self.app.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "state": "s 1",
        }
        return f"/api/oauth2/auth?{urlencode(asked | changed)}"

    def code(self, user: User | None = None) -> str:
        target = self.screens.sign_in(self.address(), user or self.user)
        return parse_qs(urlsplit(target).query)["code"][0]

    async def exchange(self, **form: str) -> httpx.Response:
        """A form to the token endpoint, with the app's own id and secret unless told otherwise."""
        own = {"client_id": self.app.client_id, "client_secret": self.app.secret}
        return await self.http.post("/api/oauth2/token", data=own | form)

    async def connect(self, user: User | None = None) -> httpx.Response:
        return self._keep(
            await self.exchange(grant_type="authorization_code", code=self.code(user), redirect_uri=CALLBACK)
        )

    async def renew(self, refresh: str | None = None) -> httpx.Response:
        return self._keep(
            await self.exchange(grant_type="refresh_token", refresh_token=refresh or self.refresh)
        )

    def _keep(self, reply: httpx.Response) -> httpx.Response:
        if reply.status_code == 200:
            self.token, self.refresh = reply.json()["access_token"], reply.json()["refresh_token"]
        return reply

    # ------------------------------------------------------------------ calls

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        division: int | None = 100,
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> httpx.Response:
        where = f"/api/v1/{path}" if division is None else f"/api/v1/{division}/{path}"
        return await self.http.request(
            method,
            where,
            params={f"${name}": value for name, value in query.items()} or None,
            content=None if body is None else json.dumps(body),
            headers={
                "Authorization": f"Bearer {self.token}",
                **JSON,
                **({} if body is None else {"Content-Type": "application/json"}),
                **(headers or {}),
            },
        )

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.call("GET", path, **query)

    async def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        reply = await self.get(path, **query)
        assert reply.status_code == 200, said(reply)
        found: list[dict[str, Any]] = reply.json()["d"]["results"]
        return found

    async def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        return await self.call("POST", path, body, **more)

    async def made(self, path: str, body: Any) -> dict[str, Any]:
        reply = await self.post(path, body)
        assert reply.status_code == 201, said(reply)
        found: dict[str, Any] = reply.json()["d"]
        return found

    # ------------------------------------------------------------------ what is booked

    def line(self, **changed: Any) -> dict[str, Any]:
        return without_none({"AmountFC": "100.00", "GLAccount": self.costs} | changed)

    def purchase(self, *lines: dict[str, Any], **changed: Any) -> dict[str, Any]:
        entry = {
            "Journal": "60",
            "Supplier": self.supplier,
            "EntryDate": "2025-01-10",
            "YourRef": "F-1",
            "PurchaseEntryLines": list(lines) or [self.line()],
        }
        return without_none(entry | changed)

    def sale(self, *lines: dict[str, Any], **changed: Any) -> dict[str, Any]:
        entry = {
            "Journal": "70",
            "Customer": self.customer,
            "EntryDate": "2025-01-10",
            "SalesEntryLines": list(lines) or [self.line(GLAccount=self.revenue)],
        }
        return without_none(entry | changed)

    async def book(self, *lines: dict[str, Any], **changed: Any) -> dict[str, Any]:
        return await self.made("purchaseentry/PurchaseEntries", self.purchase(*lines, **changed))

    async def refused(self, body: Any, path: str = "purchaseentry/PurchaseEntries") -> str:
        """Why a POST is refused with 400; nothing may be left of it."""
        table = self.books.table(
            {"purchaseentry": "purchase_entries", "salesentry": "sales_entries"}[path.split("/")[0]]
        )
        before = len(table), len(self.books.table("terms"))
        reply = await self.post(path, body)
        assert reply.status_code == 400, reply.text
        assert (len(table), len(self.books.table("terms"))) == before
        return said(reply)


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def said(reply: httpx.Response) -> str:
    return str(reply.json()["error"]["message"]["value"])
