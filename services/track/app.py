"""track, wired."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from libs.db.migrate import Migrations
from libs.db.settings import database_of
from libs.messaging import MIGRATIONS as MESSAGING
from libs.service import Resources, Schedule, Service
from services.track.api import routes
from services.track.bookkeeper import Bookkeeper
from services.track.boxes import Links, Notices
from services.track.dispatch import Dispatcher
from services.track.handlers import Accounts, Facts
from services.track.settings import TrackSettings

MIGRATIONS = Migrations("track", (MESSAGING, Path(__file__).parent / "migrations"))


async def build(settings: TrackSettings, resources: Resources) -> Service:
    """Wire track. Needs its schema migrated."""
    worker = await resources.pools.get("track", "worker")
    notices = Dispatcher(Notices(worker, settings, resources.base_url), settings)
    links = Dispatcher(Links(worker, settings, resources.base_url), settings)
    often = timedelta(seconds=settings.notice_seconds)
    schedules = [Schedule("track.notices", often, notices.run), Schedule("track.links", often, links.run)]
    if settings.ledger_seconds:
        books = Bookkeeper(database_of(settings))
        schedules.append(Schedule("track.ledger", timedelta(seconds=settings.ledger_seconds), books.run))
    return Service(
        name="track",
        migrations=MIGRATIONS,
        api=routes(await resources.pools.get("track", "api")),
        consumers=(Facts(), Accounts()),
        schedules=schedules,
    )
