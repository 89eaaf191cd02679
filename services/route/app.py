"""route, wired."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fastapi import APIRouter

from libs.contracts.invoice import (
    InvoiceLinked,
    InvoiceParked,
    InvoiceRecalled,
    InvoiceReleased,
    InvoiceReturned,
    InvoiceRouted,
)
from libs.db.migrate import Migrations
from libs.messaging import MIGRATIONS as MESSAGING
from libs.messaging.erasing import Erasing
from libs.service import Resources, Schedule, Service, Wake
from services.route import api, store
from services.route.companies.claims import Claims
from services.route.confirming import letter_api
from services.route.gauges import EVERY, Gauges
from services.route.handlers import Outcomes, Validated
from services.route.loads import load_api
from services.route.settings import RouteSettings
from services.route.trade_register import kvk_api, lookup_api
from services.route.trade_register.corroborator import Corroborator
from services.route.trade_register.lookups import Lookups, care_of
from services.route.waits import parked_api, recall_api
from services.route.waits.patience import Patience
from services.route.waits.releases import Releases

MIGRATIONS = Migrations("route", (MESSAGING, Path(__file__).parent / "migrations"))


async def build(settings: RouteSettings, resources: Resources) -> Service:
    """Wire route. Needs its schema migrated."""
    worker = await resources.pools.get("route", "worker")
    pool = await resources.pools.get("route", "api")
    wake = Wake()
    router = APIRouter()
    register = kvk_api.configured(settings)
    lookups = Lookups(worker, register, care_of(settings))
    # Before the parties: theirs would take "lookup" for an id.
    router.include_router(lookup_api.routes(worker, lookups))
    router.include_router(api.routes(settings, pool, worker, wake))
    router.include_router(letter_api.routes(settings, pool, worker, lookups, wake, resources.base_url))
    router.include_router(load_api.routes(settings, worker, wake))
    router.include_router(parked_api.routes(pool, worker, wake))
    router.include_router(recall_api.routes(worker, wake))
    corroborator = Corroborator(worker, lookups, wake, settings.release_most)
    releases = Releases(worker, wake, settings.release_most)
    patience = Patience(worker, wake, timedelta(days=settings.parked_days), settings.release_most)
    return Service(
        name="route",
        migrations=MIGRATIONS,
        api=router,
        consumers=(Validated(worker), Outcomes(), Erasing("route.erased", *store.ERASE), Claims()),
        emits=(
            InvoiceRouted.type,
            InvoiceParked.type,
            InvoiceReleased.type,
            InvoiceReturned.type,
            InvoiceLinked.type,
            InvoiceRecalled.type,
        ),
        schedules=(
            Schedule("route.release", timedelta(seconds=settings.release_every_s), releases.run),
            Schedule("route.register", timedelta(seconds=settings.kvk_every_s), corroborator.run),
            Schedule("route.patience", timedelta(seconds=settings.parked_every_s), patience.run),
            Schedule("route.gauges", EVERY, Gauges(worker).look),
        ),
        background=(register,) if register else (),
        wake=wake,
    )
