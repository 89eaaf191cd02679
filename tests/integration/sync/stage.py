"""The two sides of a sync and what a test does with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from libs import clock
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.service import Wake
from libs.testing.databases import SECRET, Databases
from services.sync import clients, planner, plans
from services.sync.applier import apply
from services.sync.clients import Member
from services.sync.p2p.client import P2P, Account
from services.sync.planner import Load, Mode
from services.sync.planning import WRITES
from services.sync.plans import Item, Plan
from services.sync.settings import SyncSettings
from services.sync.workshop import Workshop
from tests.sims.globe import Administration, Fill, Globe, people, rows
from tests.sims.p2p import Control, P2PServer
from tests.sims.p2p.settings import Settings

OWNER = UUID(int=1)
RECORDS = 100
"""The fewest an administration of the simulator has."""


@dataclass
class Stage:
    shop: Workshop
    control: Control
    solution_id: UUID
    administrations: Mapping[str, Administration]
    settings: SyncSettings = field(repr=False)

    async def plan(
        self, mode: Mode = "changes", load: Load | None = None, deleted: tuple[str, ...] = ()
    ) -> Plan:
        return await planner.plan(self.shop, self.solution_id, mode, load=load, deleted=deleted)

    async def items(self, plan: Plan) -> list[Item]:
        async with self.shop.pool.acquire() as conn:
            return await plans.items(conn, plan.plan_id, 0, 100_000)

    async def apply(self, plan: Plan) -> Plan:
        async with self.shop.pool.acquire() as conn:
            await plans.approve(conn, plan.plan_id, plan.hash)
        return await apply(self.shop, plan.plan_id)

    async def outcomes(self, plan: Plan) -> dict[str, int]:
        async with self.shop.pool.acquire() as conn:
            return await plans.outcomes(conn, plan.plan_id)

    async def sync(self, mode: Mode = "changes") -> list[Item]:
        """Plan and apply; what became of the records."""
        plan = await self.plan(mode)
        if plan.writes:
            assert (await self.apply(plan)).state == "applied"
        return await self.items(plan)

    async def found(self, entity: str, external_id: str) -> dict[str, Any]:
        found = await self.control.find(entity, external_id)
        assert found is not None, (entity, external_id)
        return found


async def staged(
    pools: Pools,
    p2p: P2PServer,
    control: Control,
    globe: Globe,
    fills: tuple[Fill, ...] = (),
    **more: Any,
) -> Stage:
    today = clock.now().astimezone(ZoneInfo("Europe/Amsterdam")).date()
    fills = fills or (Fill("001", "Een BV", 1, RECORDS, today=today),)
    settings = SyncSettings(**{**QUICK, **more})
    shop = Workshop(settings, await pools.get("sync", "worker"), Wake())
    administrations = {}
    for fill in fills:
        made = await globe.create(fill.company())
        await made.load(fill.rows())
        administrations[fill.code] = made
    solution_id = await configured(shop, p2p.base_url, administrations)
    return Stage(shop, control, solution_id, administrations, settings)


@dataclass
class Kept:
    """What tests share: both sides, and our own database."""

    database: DatabaseSettings
    p2p: P2PServer
    administration: Administration
    solution_id: UUID


async def first_time(databases: Databases, p2p: P2PServer, globe: Globe, *companies: dict[str, Any]) -> Kept:
    """Both sides made, and alike but for suppliers."""
    database = await databases.fresh()
    pools = Pools(database)
    async with Control(p2p.address) as control:
        await control.keep("Company", *companies)
        made = await staged(pools, p2p, control, globe)
        await made.sync()
    await pools.close()
    return Kept(database, p2p, made.administrations["001"], made.solution_id)


async def again(kept: Kept, pools: Pools, control: Control) -> Stage:
    """The shared stage with both sides alike, whatever the test before left."""
    usual = Settings()
    await control.plan()
    await control.set(
        **{name: getattr(usual, name) for name in ("key_expired", "invoicing", "api_right", "clock_skew")}
    )
    settings = SyncSettings(**QUICK)
    shop = Workshop(settings, await pools.get("sync", "worker"), Wake())
    async with shop.pool.acquire() as conn:
        await conn.execute(
            "UPDATE plan SET state = 'failed' WHERE state IN ('making', 'approved', 'applying')"
        )
    stage = Stage(shop, control, kept.solution_id, {"001": kept.administration}, settings)
    await stage.sync()
    await control.forget_journal()
    return stage


QUICK: dict[str, Any] = {"retry_seconds": 0.01, "request_seconds": 2.0, "secret": SECRET}


async def configured(
    shop: Workshop, base_url: str, administrations: Mapping[str, Administration], name: str = "Hoofdkantoor"
) -> UUID:
    usual = Settings()
    async with shop.pool.acquire() as conn:
        client_id = await clients.put_client(
            conn, shop.seal, OWNER, name, Account(base_url, usual.username, usual.password, usual.api_key)
        )
        for code, administration in administrations.items():
            source = administration.reader_url.replace("postgresql://", "postgresql+psycopg://")
            await clients.put_administration(
                conn, shop.seal, OWNER, Member(code, code, source, "508", "integrator", True)
            )
        return await clients.add_solution(
            conn, OWNER, client_id, name, "", list(administrations), "1h", None, "Europe/Amsterdam", {}
        )


def at(moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo("Europe/Amsterdam"))


__all__ = ["OWNER", "Stage", "at", "configured", "rows", "staged"]


def writing(items: list[Item]) -> list[Item]:
    """Those that are more than noted, as creditors are that wait for their first load."""
    return [each for each in items if each.action in WRITES]


async def change_account(stage: Stage, text: str) -> None:
    """The first ledger account gets another description."""
    code = await first(stage, rows.GLAccount)
    await people.change(stage.administrations["001"], rows.GLAccount, code, oms25=text)


def of(items: list[Item], kind: str) -> list[Item]:
    return [each for each in items if each.kind == kind]


def killed(stage: Stage, writes: int, *, written: bool = True) -> Workshop:
    """A workshop whose process is no more at so many writes; ``written``: after the last of them, else before."""
    left = writes

    def connect(account: Account) -> P2P:
        p2p = stage.shop.connect(account)
        update = p2p.update

        async def counted(*record: Any, **more: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0 or (left == 0 and not written):
                raise Killed
            await update(*record, **more)
            if left == 0:
                raise Killed

        p2p.update = counted  # type: ignore[method-assign]
        return p2p

    return Workshop(stage.settings, stage.shop.pool, Wake(), connect)


async def first(stage: Stage, kind: type[rows.Row]) -> str:
    """The code of the first record of a table."""
    async with stage.administrations["001"].connection() as conn:
        code: str = await conn.fetchval(f'SELECT "{kind.key}" FROM "{kind.table}" ORDER BY 1 LIMIT 1')
    return code


class Killed(BaseException):
    """As a process that is no more: nothing is tidied up."""
