"""sync, wired."""

from __future__ import annotations

from pathlib import Path

from libs.db.migrate import Migrations
from libs.messaging import MIGRATIONS as MESSAGING
from libs.service import Resources, Service
from services.sync.api import routes
from services.sync.settings import SyncSettings

MIGRATIONS = Migrations("sync", (MESSAGING, Path(__file__).parent / "migrations"))


async def build(settings: SyncSettings, resources: Resources) -> Service:  # noqa: ARG001 - every build takes them
    """Wire sync. Needs its schema migrated."""
    return Service(
        name="sync",
        migrations=MIGRATIONS,
        api=routes(await resources.pools.get("sync", "api")),
    )
