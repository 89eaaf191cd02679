"""Who plays in the demo: two suppliers with keys and a mailbox, three receivers. Made once per folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from libs.db.pools import tenant
from libs.http.client import client
from libs.service import Resources
from libs.settings import Settings
from services.ingest.access import accounts, keys
from services.ingest.app import vault_of
from services.ingest.settings import IngestSettings


@dataclass(frozen=True, slots=True)
class Supplier:
    name: str
    kvk: str
    vat: str
    key: str
    mailbox: str


@dataclass(frozen=True, slots=True)
class Customer:
    """A receiver. ``folder``: its Globe reads this folder; without one it gets e-mail."""

    name: str
    kvk: str
    email: str
    folder: str | None = None


BAKKER = "Bakker Bouwmaterialen BV"
VISSER = "Visser IT Diensten BV"
SUPPLIERS = {BAKKER: ("68750110", "NL857587973B01"), VISSER: ("69599068", "NL857961868B01")}

DE_JONG = Customer("Aannemer De Jong BV", "58070036", "facturen@dejong.example", folder="dejong")
SMIT = Customer("Smit Installatie BV", "69599084", "administratie@smit.example")
GEMEENTE = Customer("Gemeente Voorbeeldstad", "55344526", "inkoop@voorbeeldstad.example", folder="gemeente")
CUSTOMERS = (DE_JONG, SMIT, GEMEENTE)
MULDER = Customer("Mulder Interieur BV", "61234569", "administratie@mulder.example")
"""Has its books at Exact Online, where there is one (``books``)."""

_STAFF_SCOPES = ("operator", "account:admin", "party:read", "party:write", "invoice:read")


async def engage(resources: Resources, common: Settings, folder: Path) -> dict[str, Supplier]:
    """The suppliers by name; on the first run everybody is entered through the public APIs."""
    written = folder / "keys.json"
    if written.exists():
        return {name: Supplier(**fields) for name, fields in json.loads(written.read_text()).items()}
    staff = await staff_key(resources, common)
    async with client(base_url=common.base_url) as http:
        for customer in CUSTOMERS:
            await _enter(http, staff, customer)
    suppliers = {
        name: await _open(resources, common, name, kvk, vat) for name, (kvk, vat) in SUPPLIERS.items()
    }
    draft = written.with_suffix(".new")
    draft.write_text(json.dumps({name: asdict(supplier) for name, supplier in suppliers.items()}))
    draft.chmod(0o600)
    draft.replace(written)
    return suppliers


async def _key(
    resources: Resources, common: Settings, claims: accounts.Claims, scopes: tuple[str, ...]
) -> str:
    settings = IngestSettings(**common.model_dump())
    account_id = await accounts.open_account(await resources.pools.get("ingest", "worker"), claims)
    async with tenant(await resources.pools.get("ingest", "api"), account_id) as conn:
        key, _ = await keys.add_key(conn, account_id, vault_of(settings), "demo", scopes)
    return str(key)


async def enter_with_books(
    resources: Resources, common: Settings, http: httpx.AsyncClient, staff: str
) -> dict[str, str]:
    """The receiver with books of its own: its party and account, its key, and the one of staff that begins its link."""
    party = await _enter(http, staff, MULDER)
    claims = accounts.Claims(name=MULDER.name, email=MULDER.email)
    key = await _key(resources, common, claims, ("party:read", "party:write", "invoice:read"))
    me = await http.get("/v1/accounts/me", headers={"Authorization": f"Bearer {key}"})
    me.raise_for_status()
    return {"party": party, "account": str(me.json()["account_id"]), "key": key, "staff": staff}


async def staff_key(resources: Resources, common: Settings) -> str:
    """A key of an operator's."""
    claims = accounts.Claims(name="Postbode", email="operator@postbode.example")
    return await _key(resources, common, claims, _STAFF_SCOPES)


async def _open(resources: Resources, common: Settings, name: str, kvk: str, vat: str) -> Supplier:
    email = f"boekhouding@{name.split()[0].lower()}.example"
    claims = accounts.Claims(name=name, email=email, kvk=kvk, vat=vat)
    key = await _key(resources, common, claims, ("invoice:write", "invoice:read", "account:admin"))
    async with client(base_url=common.base_url) as http:
        reply = await http.post("/v1/mailboxes", headers={"Authorization": f"Bearer {key}"})
        reply.raise_for_status()
    return Supplier(name, kvk, vat, key, reply.json()["addresses"][0])


async def _enter(http: httpx.AsyncClient, staff: str, customer: Customer) -> str:
    headers = {"Authorization": f"Bearer {staff}"}
    party = await http.post(
        "/v1/parties",
        headers=headers,
        json={
            "name": customer.name,
            "country": "NL",
            "email": customer.email,
            "identifiers": [{"scheme": "0106", "value": customer.kvk}],
        },
    )
    party.raise_for_status()
    if customer.folder is not None:
        connection = await http.put(
            f"/v1/connections/{party.json()['party_id']}",
            headers=headers,
            json={"package": "globe", "channel": "folder", "settings": {"folder": customer.folder}},
        )
        connection.raise_for_status()
    return str(party.json()["party_id"])
