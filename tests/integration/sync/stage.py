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
from libs.service import Wake
from services.sync import clients, plans
from services.sync.clients import Member
from services.sync.p2p.client import Account
from services.sync.planner import Load, Mode
from services.sync.plans import Item, Plan
from services.sync.settings import SyncSettings
from services.sync.workshop import Workshop
from tests.sims.globe import Administration, Fill, Globe, rows
from tests.sims.p2p import Control, P2PServer
from tests.sims.p2p.settings import Settings

OWNER = UUID(int=1)
RECORDS = 100
"""The fewest an administration of the simulator has."""


@dataclass
class Stage:
    shop: Workshop
    control: Control
    globe: Globe
    solution_id: UUID
    administrations: Mapping[str, Administration]
    settings: SyncSettings = field(repr=False)

    async def plan(
        self, mode: Mode = "changes", load: Load | None = None, deleted: tuple[str, ...] = ()
    ) -> Plan:
        return await self.shop.planner.plan(self.solution_id, mode, load=load, deleted=deleted)

    async def items(self, plan: Plan) -> list[Item]:
        async with self.shop.pool.acquire() as conn:
            return await plans.items(conn, plan.plan_id, 0, 100_000)

    async def apply(self, plan: Plan) -> Plan:
        async with self.shop.pool.acquire() as conn:
            await plans.approve(conn, plan.plan_id, plan.hash)
        return await self.shop.applier.apply(plan.plan_id)

    async def outcomes(self, plan: Plan) -> dict[str, int]:
        async with self.shop.pool.acquire() as conn:
            return await plans.outcomes(conn, plan.plan_id)

    async def sync(self, mode: Mode = "changes") -> list[Item]:
        """Plan and apply; what became of the records."""
        plan = await self.plan(mode)
        if plan.writes:
            assert (await self.apply(plan)).state == "applied"
        return await self.items(plan)

    async def settle(self) -> None:
        """Until both sides are alike but for suppliers."""
        await self.sync()

    async def found(self, entity: str, external_id: str) -> dict[str, Any]:
        found = await self.control.find(entity, external_id)
        assert found is not None, (entity, external_id)
        return found

    async def solution(self, **settings: Any) -> None:
        """Change the solution's settings."""
        async with self.shop.pool.acquire() as conn:
            await conn.execute(
                "UPDATE solution SET settings = $2 WHERE solution_id = $1", self.solution_id, settings
            )


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
    settings = SyncSettings(**{"retry_seconds": 0.01, "request_seconds": 2.0, **more})
    shop = Workshop(settings, await pools.get("sync", "worker"), Wake())
    administrations = {}
    for fill in fills:
        made = await globe.create(fill.company())
        await made.load(fill.rows())
        administrations[fill.code] = made
    solution_id = await configured(shop, p2p.base_url, administrations)
    return Stage(shop, control, globe, solution_id, administrations, settings)


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
