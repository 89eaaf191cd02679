"""sync, wired."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fastapi import APIRouter

from libs.contracts.masterdata import PlanApproved, RecordSettled, RunEnded
from libs.db.migrate import Migrations
from libs.messaging import MIGRATIONS as MESSAGING
from libs.service import Resources, Schedule, Service, Wake
from services.sync import api, loads_api, setup_api
from services.sync.handlers import Masterdata
from services.sync.keeping import EVERY, Keeping
from services.sync.runner import Runner
from services.sync.settings import SyncSettings
from services.sync.workshop import Workshop

MIGRATIONS = Migrations("sync", (MESSAGING, Path(__file__).parent / "migrations"))


async def build(settings: SyncSettings, resources: Resources) -> Service:
    """Wire sync. Needs its schema migrated."""
    worker = await resources.pools.get("sync", "worker")
    wake = Wake()
    shop = Workshop(settings, worker, wake)
    runner = Runner(shop)
    keeping = Keeping(
        worker,
        records=timedelta(days=settings.record_days),
        plans=timedelta(days=settings.plan_days),
        history=timedelta(days=settings.history_days),
    )
    pool = await resources.pools.get("sync", "api")
    router = APIRouter()
    router.include_router(setup_api.routes(shop))
    router.include_router(api.routes(pool, shop, wake))
    router.include_router(loads_api.routes(pool, shop, wake))
    return Service(
        name="sync",
        migrations=MIGRATIONS,
        api=router,
        consumers=(Masterdata(runner.look),),
        emits=(PlanApproved.type, RecordSettled.type, RunEnded.type),
        schedules=(
            Schedule("sync.due", timedelta(seconds=settings.look_seconds), runner.schedule),
            Schedule("sync.keeping", EVERY, keeping.run),
        ),
        workers=(runner.running(),),
        wake=wake,
    )
