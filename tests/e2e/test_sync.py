"""Exact Globe+ and Exact Purchase to Pay kept alike by a whole hub: the stories SB1 to SB23.

Purchase to Pay is a server, each administration of Globe+ a database with Globe's tables; both are written from public
documents and not from the service.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.masterdata import RecordSettled
from libs.messaging.transport import Message, Transport
from tests.e2e.world import World
from tests.sims.globe import Administration, Fill, Globe, people, rows
from tests.sims.p2p import Control, Fault, P2PServer
from tests.sims.p2p.control import repeated
from tests.sims.p2p.settings import Settings

NAMES = {
    "001": "Een BV", "002": "Twee BV", "003": "Zonder bedrijf", "004": "Dollars", "005": "Duits", "006": "Oude rekening",
}  # fmt: skip


def today() -> date:
    """There. Asked when a test begins: a suite may run past midnight."""
    return clock.now().astimezone(ZoneInfo("Europe/Amsterdam")).date()


def fills() -> Iterator[Fill]:
    """What each administration has."""
    for seed, (code, name) in enumerate(NAMES.items(), 1):
        country, currency = "DE" if code == "005" else "NL", "USD" if code == "004" else "EUR"
        yield Fill(code, name, seed, 100, country, currency, today())


@pytest.fixture
def p2p() -> Iterator[P2PServer]:
    with P2PServer() as server:
        yield server


@pytest.fixture
async def control(p2p: P2PServer) -> AsyncIterator[Control]:
    async with Control(p2p.address) as found:
        await found.keep(
            "Company", *({"externalId": code, "name": name} for code, name in NAMES.items() if code != "003")
        )
        yield found


@pytest.fixture
async def globes(postgres_url: str) -> AsyncIterator[Mapping[str, Administration]]:
    globe = Globe(postgres_url)
    made = {}
    for fill in fills():
        made[fill.code] = await globe.create(fill.company())
        if fill.code in ("001", "002"):
            await made[fill.code].load(fill.rows())
    async with made["006"].connection() as conn:  # a BBAN that was never converted
        await conn.execute("INSERT INTO bnkacc (crdnr, banknr, accncd) VALUES ('1', '123456789', 'NL')")
    yield made
    for each in made.values():
        await globe.drop(each)


Give = Callable[..., Awaitable[Any]]


class Console:
    """What a person does: everything by the API."""

    def __init__(self, world: World, headers: dict[str, str], give: Give, solution_id: str) -> None:
        self.world = world
        self.give = give
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

    async def administrations(self, *codes: str) -> None:
        """R205: others from now on, in one action of an operator."""
        path = self.path.replace("/sync/", "/sync/solutions/")
        staff = await self.world._staff_headers()
        given = {"administrations": codes}
        reply = await self.world.http.put(f"{path}/administrations", json=given, headers=staff)
        assert reply.status_code == 200, reply.text

    async def beside(self, p2p: P2PServer) -> Console:
        """Another Purchase to Pay, with the second administration."""
        usual = Settings()
        access = {"username": usual.username, "password": usual.password, "api_key": usual.api_key}
        await self.give("/v1/sync/clients", name="Ander", base_address=p2p.base_url, **access)
        made = await self.give("/v1/sync/solutions", name="Ander", client="Ander", administrations=["002"])
        return Console(self.world, self.headers, self.give, made["solution_id"])

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
    return Console(world, owner.headers, given, made["solution_id"])


@pytest.mark.proves(
    "R200", "R203", "R204", "R205", "R215", "R240", "R246", "R247", "R300", "R303", "R304", "R305",
    "R206", "R218", "R237", "R243", "R244", "R245",
    "SB1", "SB2", "SB3", "SB4", "SB5", "SB6", "SB7", "SB8", "SB9", "SB10", "SB12", "SB14", "SB18", "SB19", "SB20", "SB21",
    "SB22", "SB23",
)  # fmt: skip
@pytest.mark.timeout(400)
@pytest.mark.parametrize("transport", ["amqp"], indirect=True)
async def test_two_administrations_are_kept_alike_with_purchase_to_pay(
    world: World,
    transport: Transport,
    p2p: P2PServer,
    control: Control,
    globes: Mapping[str, Administration],
) -> None:
    await unreadable(world, transport)
    one = globes["001"]
    await people.change(one, rows.PaymentCondition, "14", kbdagen=5)
    async with one.connection() as conn:
        await conn.execute('UPDATE bedryf SET "BankAccount" = NULL, "CashInstrument" = \'2\'')
        await conn.execute(
            """UPDATE kstdr SET oms25_3 = 'Unité' WHERE "ID" = (SELECT min("ID") FROM kstdr)"""
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
    projects = await of_every_status(one)
    console = await set_up(world, p2p, globes)

    plan = await console.plan()
    stopped = {(c["administration"], c["rule"]) for c in plan["checks"] if c["met"] is False}
    assert stopped == {("003", "R215"), ("004", "R201.6"), ("005", "R305"), ("006", "R201.10")}
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
    await console.administrations(
        "001", "002"
    )  # those that cannot take part are taken out: nothing is lost by it
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
    assert any(each["translations"].get("fr") == "Unité" for each in await control.all("CostUnit"))
    there = {each["externalId"]: each["active"] for each in await control.all("Project")}
    assert [there.get(f"001-{each}") for each in projects] == [True, True, False, False, None]

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
    for path, text in (
        (load, "crdcode = '060001'"),
        (load.replace("supplier", "project"), "ID = '" + "1" * 249 + "'"),
    ):
        assert (await console.ask("PUT", path, {"filter": text}, 400))["code"] == "bad-filter"
    await console.ask("POST", f"{load}/start", {}, 409)  # not saved
    await console.ask("PUT", load, {})
    await stopped_half_way(console, control, load)
    (line,) = (await console.ask("POST", f"{load}/start", {}, 202))["loads"]
    assert (await console.ended(line["plan_id"]))["outcomes"]["applied"] > 5  # from the beginning
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
    await renumbered(console, control, one)
    await deleted(console, control, globes)
    wrong = await console.ask("POST", f"{console.path}/plans", {"deleted": ["001"]}, 400)  # it is still there
    assert wrong["code"] == "administration-not-deleted"
    await cost_types(console, control, globes)
    await once_a_day(console, one)
    assert repeated(await control.journal()) == []


async def unreadable(world: World, transport: Transport) -> None:
    """An event of a run that nobody can read waits for a person; what became of other records is heard all the same."""
    pool = await world.resources.pools.get("sync", "worker")

    def settled(external_id: str) -> Event:
        data = RecordSettled(
            plan_id=clock.uuid7(),
            administration="001",
            kind="gl_account",
            external_id=external_id,
            action="create",
            outcome="applied",
            rule="",
            code="",
            payload_hash="",
        )
        return new_event(data, source="/postbode/sync", account=UUID(int=7), correlation_id="x")

    async def publish(body: bytes, name: str) -> None:
        message = Message("masterdata.events", RecordSettled.type, b"[" + body + b"]", name)
        assert await transport.publish([message]) == [None]

    async def heard() -> list[str]:
        return [
            row["external_id"]
            for row in await pool.fetch("SELECT external_id FROM history WHERE external_id LIKE '%leesbaar'")
        ]

    broken = settled("onleesbaar")
    await publish(broken.encode().replace(b'"applied"', b'"exploded"'), "broken")
    await publish(settled("leesbaar").encode(), "whole")
    async with asyncio.timeout(60):
        while (
            not (letters := await pool.fetch("SELECT queue, event_id, cause FROM dead")) or not await heard()
        ):
            await asyncio.sleep(0.05)
    assert [(row["queue"], row["event_id"]) for row in letters] == [("sync.masterdata", broken.id)]
    assert letters[0]["cause"]
    assert await heard() == ["leesbaar"]


async def of_every_status(one: Administration) -> list[str]:
    """SB5: projects that are active, proposed, blocked, completed, and one that ended yesterday."""
    async with one.connection() as conn:
        found = await conn.fetch(
            """SELECT "ID"::text AS id FROM "PRProject" WHERE "InitialEndDate" IS NULL ORDER BY 1 LIMIT 5"""
        )
        ids = [row["id"] for row in found]
        for each, status in zip(ids, "APBCA", strict=True):
            await conn.execute("""UPDATE "PRProject" SET "Status" = $2 WHERE "ID"::text = $1""", each, status)
        yesterday = midnight() - timedelta(days=1)
        await conn.execute(
            """UPDATE "PRProject" SET "InitialEndDate" = $2 WHERE "ID"::text = $1""", ids[-1], yesterday
        )
    return ids


async def stopped_half_way(console: Console, control: Control, load: str) -> None:
    """SB14, R231: five suppliers pass, the others are told to wait; then somebody closes the settings."""
    await control.plan(
        Fault(kind="rate_limited", entity="Supplier", method="POST", skip=5, times=None, seconds=1)
    )
    (line,) = (await console.ask("POST", f"{load}/start", {}, 202))["loads"]
    async with asyncio.timeout(90):
        while len(await control.all("Supplier")) < 5:
            await asyncio.sleep(0.05)
    (line,) = (await console.ask("POST", f"{load}/stop", {}))["loads"]
    assert line["state"] == "stopped"
    async with asyncio.timeout(90):
        while (
            "started" in (found := await console.ask("GET", f"/v1/sync/plans/{line['plan_id']}"))["outcomes"]
        ):
            await asyncio.sleep(0.05)
    assert (found["state"], found["outcomes"]["applied"]) == ("stopped", 5)
    assert found["outcomes"]["planned"] > 5
    await control.plan()


async def renumbered(console: Console, control: Control, one: Administration) -> None:
    """SB4: a renumbering is not sent; the next change takes it along, on the same identity."""
    async with one.connection() as conn:
        old, record = await conn.fetchrow(
            """SELECT "ProjectNr", "ID"::text FROM "PRProject" WHERE "InitialEndDate" IS NULL ORDER BY 1 LIMIT 1"""
        )
    before = await control.find("Project", f"001-{record}")
    await people.renumber(one, rows.Project, old, "HERNUMMERD")
    await console.sync()
    assert await control.find("Project", f"001-{record}") == before
    await people.change(one, rows.Project, "HERNUMMERD", Description="Verbouwing")
    await console.sync()
    after = await control.find("Project", f"001-{record}")
    assert after is not None
    assert (after["number"], after["description"]) == ("HERNUMMERD", "Verbouwing")


async def deleted(console: Console, control: Control, globes: Mapping[str, Administration]) -> None:
    """SB6, SB7: an inclusive VAT code never goes over, a deleted one is switched off; a payment condition stays."""
    one = globes["001"]
    async with one.connection() as conn:
        inclusive = [
            r["code"] for r in await conn.fetch("SELECT btwtrans AS code FROM btwtrs WHERE exclus = 'I'")
        ]
    there = {each["externalId"]: each["active"] for each in await control.all("VatRate")}
    assert inclusive
    assert not {f"001-{each.strip()}" for each in inclusive} & set(there)
    assert there["001-0E"]
    condition = await control.find("PaymentCondition", "14")
    await people.delete(one, rows.VatCode, "0E")
    for code in ("001", "002"):
        await people.delete(globes[code], rows.PaymentCondition, "14")
    await console.sync()
    rate = await control.find("VatRate", "001-0E")
    assert rate is not None
    assert not rate["active"]
    assert await control.find("PaymentCondition", "14") == condition


async def cost_types(console: Console, control: Control, globes: Mapping[str, Administration]) -> None:
    """SB9, C17: administration and record id; the account number where the feature is on; switched later: refused."""
    numbers = {}
    for code in ("001", "002"):
        async with globes[code].connection() as conn:
            found = await conn.fetch("""SELECT "ID", reknr FROM grtbk""")
            numbers[code] = {f"{code}-{row['ID']}": row["reknr"].strip() for row in found}
    there = {each["externalId"] for each in await control.all("CostType")}
    assert there == {*numbers["001"], *numbers["002"]}
    await control.setting("EXACTGLOBE_ADMINS_SAME_COSTTYPES", "True")
    refused = await console.ask("POST", f"{console.path}/plans", {}, 409)
    assert refused["code"] == "preconditions"
    accepted = await console.ask("POST", f"{console.path}/cost-types")
    assert accepted == {"same_cost_types": True}
    await console.sync()
    assert {each["externalId"] for each in await control.all("CostType")} == there
    await control.setting("EXACTGLOBE_ADMINS_SAME_COSTTYPES", "False")
    await console.ask("POST", f"{console.path}/cost-types")
    with P2PServer() as server:
        async with Control(server.address) as other:
            await other.keep("Company", {"externalId": "002", "name": "Twee BV"})
            await other.setting("EXACTGLOBE_ADMINS_SAME_COSTTYPES", "True")
            beside = await console.beside(server)
            await beside.sync()
            assert {each["externalId"] for each in await other.all("CostType")} == set(
                numbers["002"].values()
            )


async def once_a_day(console: Console, one: Administration) -> None:
    """SB21, R206, R207: activated, it runs by itself when it is due, once, and next at 06:30 of its own time zone.
    (What a change of daylight saving does to that is shown on the timetable itself.)"""

    async def next_run() -> datetime:
        found = (await console.ask("GET", "/v1/sync"))["solutions"]
        (own,) = [each for each in found if console.path.endswith(each["solution_id"])]
        return datetime.fromisoformat(own["next_run"])

    await console.ask("PUT", f"{console.path}/activation", {"active": True})
    planned = await next_run()
    assert planned > clock.now()
    assert planned.astimezone(ZoneInfo("Europe/Amsterdam")).time() == time(6, 30)
    before = await console.ask("GET", f"{console.path}/plans")
    await people.change(one, rows.GLAccount, await first(one, rows.GLAccount), oms25="Vannacht")
    pool = await console.world.resources.pools.get("sync", "worker")
    await pool.execute(
        "UPDATE solution SET next_run = now() - interval '1 minute' WHERE next_run = $1", planned
    )
    async with asyncio.timeout(90):
        while (planned := await next_run()) < clock.now():
            await asyncio.sleep(0.05)
        while not (found := (await console.ask("GET", f"{console.path}/plans"))["plans"])[0]["outcomes"].get(
            "applied"
        ):
            await asyncio.sleep(0.05)
    assert planned.astimezone(ZoneInfo("Europe/Amsterdam")).time() == time(6, 30)
    assert found[0]["outcomes"]["applied"] == 1
    assert len(found) == len(before["plans"]) + 1
    await console.ask("PUT", f"{console.path}/activation", {"active": False})


async def first(administration: Administration, kind: type[rows.Row]) -> str:
    async with administration.connection() as conn:
        code: str = await conn.fetchval(f'SELECT "{kind.key}" FROM "{kind.table}" ORDER BY 1 LIMIT 1')
    return code


def midnight() -> datetime:
    return datetime.combine(today(), time())
