"""Exact Globe+ and Exact Purchase to Pay kept alike by a whole hub, over each transport: the stories SB1 to SB23.

Purchase to Pay is a server, each administration of Globe+ a database with Globe's tables; both are written from public
documents and not from the service.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from libs import clock
from tests.e2e.world import World
from tests.sims.globe import Administration, Fill, Globe, people, rows
from tests.sims.p2p import Control, P2PServer
from tests.sims.p2p.control import repeated
from tests.sims.p2p.settings import Settings

TODAY = clock.now().astimezone(ZoneInfo("Europe/Amsterdam")).date()
FILLS = (
    Fill("001", "Een BV", 1, 100, today=TODAY),
    Fill("002", "Twee BV", 2, 100, today=TODAY),
    Fill("003", "Zonder bedrijf", 3, 100, today=TODAY),
    Fill("004", "Dollars", 4, 100, currency="USD", today=TODAY),
    Fill("005", "Duits", 5, 100, country="DE", today=TODAY),
)


@pytest.fixture
def p2p() -> Iterator[P2PServer]:
    with P2PServer() as server:
        yield server


@pytest.fixture
async def control(p2p: P2PServer) -> AsyncIterator[Control]:
    async with Control(p2p.address) as found:
        await found.keep(
            "Company", *({"externalId": f.code, "name": f.name} for f in FILLS if f.code != "003")
        )
        yield found


@pytest.fixture
async def globes(postgres_url: str) -> AsyncIterator[Mapping[str, Administration]]:
    globe = Globe(postgres_url)
    made = {}
    for fill in FILLS:
        made[fill.code] = await globe.create(fill.company())
        if fill.code in ("001", "002"):
            await made[fill.code].load(fill.rows())
    yield made
    for each in made.values():
        await globe.drop(each)


class Console:
    """What a person does: everything by the API."""

    def __init__(self, world: World, headers: dict[str, str], solution_id: str) -> None:
        self.world = world
        self.headers = headers
        self.path = f"/v1/sync/{solution_id}"

    async def ask(self, method: str, path: str, json: Any = None, status: int = 200) -> Any:
        reply = await self.world.http.request(method, path, json=json, headers=self.headers)
        assert reply.status_code == status, reply.text
        return reply.json()

    async def plan(self, full: bool = False) -> Any:
        return await self.ask("POST", f"{self.path}/plans", {"full": full}, 201)

    async def items(self, plan: Any, kind: str | None = None) -> list[Any]:
        found = await self.ask("GET", f"/v1/sync/plans/{plan['plan_id']}/items?limit=1000")
        return [each for each in found["items"] if kind in (None, each["kind"])]

    async def apply(self, plan: Any) -> Any:
        await self.ask("POST", f"/v1/sync/plans/{plan['plan_id']}/apply", {"hash": plan["hash"]}, 202)
        return await self.ended(plan["plan_id"])

    async def ended(self, plan_id: str) -> Any:
        async with asyncio.timeout(90):
            while True:
                found = await self.ask("GET", f"/v1/sync/plans/{plan_id}")
                if found["state"] in ("applied", "stopped", "refused", "failed"):
                    return found
                await asyncio.sleep(0.05)

    async def sync(self) -> Any:
        plan = await self.plan()
        return await self.apply(plan) if any(plan["counts"].get(a) for a in WRITES) else plan


WRITES = ("create", "update", "deactivate")


async def set_up(world: World, p2p: P2PServer, globes: Mapping[str, Administration]) -> Console:
    owner = await world.supplier("Inkoop BV")
    account_id = (await world.http.get("/v1/accounts/me", headers=owner.headers)).json()["account_id"]
    staff = await world._staff_headers()
    usual = Settings()

    async def given(path: str, status: int = 201, **body: Any) -> Any:
        reply = await world.http.post(path, json={"account_id": account_id, **body}, headers=staff)
        assert reply.status_code == status, reply.text
        return reply.json()

    access: dict[str, Any] = {
        "username": usual.username,
        "password": usual.password,
        "api_key": usual.api_key,
    }
    wrong = await given("/v1/sync/clients", 422, name="P2P", base_address=f"{p2p.base_url}/elders", **access)
    assert wrong["code"] == "p2p-wrong-address"
    wrong = await given(
        "/v1/sync/clients", 422, name="P2P", base_address=p2p.base_url, **{**access, "api_key": "fout"}
    )
    assert wrong["code"] == "p2p-refuses-us"
    await given("/v1/sync/clients", name="P2P", base_address=p2p.base_url, **access)
    for code, each in globes.items():
        source = each.reader_url.replace("postgresql://", "postgresql+psycopg://")
        await given("/v1/sync/administrations", code=code, source=source, product_update="508")
    solution: dict[str, Any] = {
        "name": "Kantoor",
        "client": "P2P",
        "administrations": sorted(globes),
        "every": "day",
        "at": "06:30",
    }
    made = await given("/v1/sync/solutions", **solution)
    second = await given("/v1/sync/solutions", 409, **{**solution, "name": "Nog een"})
    assert second["code"] == "one-solution-per-client"
    return Console(world, owner.headers, made["solution_id"])


@pytest.mark.proves(
    "R200", "R203", "R204", "R205", "R215", "R240", "R246", "R247", "R300", "R303", "R304", "R305",
    "SB1", "SB2", "SB3", "SB8", "SB10", "SB12", "SB14", "SB19", "SB20", "SB22", "SB23",
)  # fmt: skip
@pytest.mark.timeout(240)
async def test_two_administrations_are_kept_alike_with_purchase_to_pay(
    world: World, p2p: P2PServer, control: Control, globes: Mapping[str, Administration]
) -> None:
    one = globes["001"]
    await people.change(one, rows.PaymentCondition, "14", kbdagen=5)
    async with one.connection() as conn:
        await conn.execute('UPDATE bedryf SET "BankAccount" = NULL, "CashInstrument" = \'2\'')
        await conn.execute(
            """UPDATE kstdr SET oms25_4 = 'Unité' WHERE "ID" = (SELECT min("ID") FROM kstdr)"""
        )
        await conn.execute("""DELETE FROM rates WHERE source_currency = 'GBP' AND date_l >= $1""", midnight())
        await conn.execute(
            "UPDATE rates SET date_l = date_l - interval '3 days' WHERE source_currency = 'GBP'"
        )
        ibans = [
            r["IBAN"]
            for r in await conn.fetch(
                """SELECT "IBAN" FROM bankaccounts WHERE accncd = 'IBA' ORDER BY "ID" """
            )
        ]
        usd, gbp = [
            await conn.fetchval(
                "SELECT rate_exchange FROM rates WHERE source_currency = $1 AND date_l <= $2 ORDER BY date_l DESC",
                code,
                midnight(),
            )
            for code in ("USD", "GBP")
        ]
    console = await set_up(world, p2p, globes)

    plan = await console.plan()
    stopped = {(c["administration"], c["rule"]) for c in plan["checks"] if c["met"] is False}
    assert stopped == {("003", "R215"), ("004", "R201.6"), ("005", "R305")}
    items = await console.items(plan)
    assert {each["administration"] for each in items} == {"001", "002"}
    (differing,) = [
        each for each in items if each["action"] == "warn" and each["kind"] == "payment_condition"
    ]
    assert (differing["rule"], differing["administration"], differing["external_id"]) == ("R304", "002", "14")
    assert {e["rule"] for e in items if e["action"] == "skip"} <= {
        "R230",
        "R243",
        "R244",
        "R260",
        "R261",
        "R262",
    }

    done = await console.apply(plan)
    assert (done["state"], done["outcomes"].get("failed", 0)) == ("applied", 0)
    company, organisation = await control.find("Company", "001"), await control.find("Organisation", "001")
    assert company is not None
    assert organisation is not None
    assert [a["accountNumber"] for a in company["bankAccounts"]] == ibans
    assert [a["accountNumber"] for a in organisation["bankAccounts"]] == ibans[1:]
    assert organisation["defaultBankAccount"] is None
    rates = {each["code"]: each["rateToEuro"] for each in await control.all("Currency")}
    assert (rates["USD"], rates["GBP"]) == (pytest.approx(usd), pytest.approx(gbp))
    condition = await control.find("PaymentCondition", "14")
    assert condition is not None
    assert condition["days"] == 5
    assert {tuple(each["companies"]) for each in await control.all("CostCentre")} == {("001",), ("002",)}
    assert any(each["translations"].get("es") == "Unité" for each in await control.all("CostUnit"))

    (item, *_) = [each for each in items if each["kind"] == "gl_account"]
    async with asyncio.timeout(60):
        while not (
            history := await console.ask(
                "GET", f"/v1/sync/history/gl_account?external_id={item['external_id']}"
            )
        )["outcomes"]:
            await asyncio.sleep(0.05)
    assert [(each["action"], each["outcome"]) for each in history["outcomes"]] == [("create", "applied")]

    load = f"{console.path}/loads/001/supplier"
    refused = await console.ask("PUT", load, {"filter": "crdcode = '060001'"}, 400)
    assert refused["code"] == "bad-filter"
    await console.ask("POST", f"{load}/start", {}, 409)  # not saved
    await console.ask("PUT", load, {})
    (line,) = (await console.ask("POST", f"{load}/start", {}, 202))["loads"]
    assert (await console.ended(line["plan_id"]))["state"] == "applied"
    suppliers = {each["externalId"] for each in await control.all("Supplier")}
    async with one.connection() as conn:
        expected = await conn.fetch("SELECT crdcode FROM cicmpy WHERE cmp_type <> 'E' AND cmp_status <> 'E'")
        blocked = await conn.fetchval(
            "UPDATE cicmpy SET cmp_status = 'B' WHERE crdcode = (SELECT min(crdcode) FROM cicmpy WHERE cmp_type <> 'E'"
            " AND cmp_status = 'A') RETURNING crdcode"
        )
    assert suppliers == {row["crdcode"] for row in expected}
    assert (await console.sync())["counts"].get("deactivate", 0) == 0
    supplier = await control.find("Supplier", blocked)
    assert supplier is not None
    assert supplier["active"]

    code = await first(one, rows.GLAccount)
    await people.change(one, rows.GLAccount, code, oms25="Gewijzigd")
    done = await console.sync()
    assert (done["state"], done["counts"]["update"]) == ("applied", 1)
    assert any(each["description"] == "Gewijzigd" for each in await control.all("CostType"))
    compared = await console.ask("POST", f"{console.path}/verify")
    assert {(each["kind"], each["how"]) for each in compared["differences"]} <= {
        ("supplier", "only left"),
        ("supplier", "differs"),
        ("payment_condition", "differs"),
        ("currency", "differs"),
    }
    assert repeated(await control.journal()) == []


async def first(administration: Administration, kind: type[rows.Row]) -> str:
    async with administration.connection() as conn:
        code: str = await conn.fetchval(f'SELECT "{kind.key}" FROM "{kind.table}" ORDER BY 1 LIMIT 1')
    return code


def midnight() -> datetime:
    return datetime.combine(TODAY, time())
