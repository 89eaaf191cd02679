"""A client of Purchase to Pay as its public trace describes one, and records that are right."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx

HEADERS = {"Accept": "application/json", "Cache-Control": "no-cache", "Content-Type": "application/json"}
LOGIN = {
    "grant_type": "password",
    "username": "api",
    "password": "purchase-to-pay",
    "apikey": "key-of-the-simulator",
}
IBAN = "NL91ABNA0417164300"


class Caller:
    def __init__(self, base_url: str) -> None:
        self.http = httpx.AsyncClient(base_url=base_url, headers=HEADERS, trust_env=False, timeout=30)

    async def __aenter__(self) -> Self:
        await self.login()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def login(self) -> None:
        reply = await self.ask_token()
        self.http.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"

    async def ask_token(self, **other: str) -> httpx.Response:
        form = "application/x-www-form-urlencoded"
        return await self.http.post("/token", data=LOGIN | other, headers={"Content-Type": form})

    async def update(self, entity: str, record: dict[str, Any]) -> httpx.Response:
        return await self.http.post(f"/api/{entity}/Update", json=record)

    async def read(self, entity: str, **query: str | int) -> httpx.Response:
        return await self.http.get(f"/api/{entity}", params=query)


def wrong(reply: httpx.Response) -> set[tuple[str, str]]:
    """Field and code of every finding."""
    return {(each["field"], each["code"]) for each in reply.json()["error"]["details"]}


def project(number: str = "P1", **other: Any) -> dict[str, Any]:
    return {"externalId": f"001-{number}", "number": number, "description": "Dak", "active": True} | other


def cost_type(external_id: str, number: str, **other: Any) -> dict[str, Any]:
    return {"externalId": external_id, "number": number, "description": "Huur", "active": True} | other


def cost_centre(**other: Any) -> dict[str, Any]:
    record = {
        "externalId": "001-1",
        "groupName": "Inkoop",
        "description": "Inkoop",
        "name": "K1",
        "active": True,
    }
    return record | {"companies": ["001"]} | other


def addresses(*kinds: str) -> list[dict[str, str]]:
    return [
        {
            "externalId": kind,
            "type": kind,
            "street": "Weg 1",
            "postcode": "1234 AB",
            "city": "Dorp",
            "country": "NL",
        }
        for kind in kinds
    ]


def vat_rate(**other: Any) -> dict[str, Any]:
    return {"externalId": "001-2E", "description": "21%", "percentage": 21, "active": True} | other


def account(number: str = IBAN, **other: Any) -> dict[str, Any]:
    return {"externalId": "1", "bankCountry": "NL", "accountNumber": number, "swift": "ABNANL2A"} | other


def contact(external_id: str = "060001", **other: Any) -> dict[str, Any]:
    return {"externalId": external_id, "salutation": "NA", "lastName": "Berg"} | other


def supplier(**other: Any) -> dict[str, Any]:
    return {
        "externalId": "060001",
        "name": "Bouw BV",
        "active": True,
        "website": "https://bouw.example",
        "defaultCurrency": "EUR",
        "companyLinks": ["001"],
        "defaultBankAccount": IBAN,
        "bankAccounts": [
            {"externalId": "1", "bankCountry": "NL", "accountNumber": IBAN, "swift": "ABNANL2A"}
        ],
        "addresses": addresses("VIS", "DEL", "POS", "INV"),
        "contacts": [contact()],
    } | other


def invoice(**other: Any) -> dict[str, Any]:
    return {
        "externalId": "I1",
        "companyNumber": "001",
        "journal": "70",
        "reportingDate": "2026-01-05",
        "invoiceDate": "2026-01-04",
        "supplierNumber": "060001",
        "invoiceNumber": "F-1",
        "currency": "EUR",
        "type": "invoice",
        "status": "matching",
        "lines": [{"costType": "001-1", "amountExclVat": 100, "vatCode": "001-1E"}],
    } | other
