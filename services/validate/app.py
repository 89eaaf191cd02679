"""validate, wired."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, time
from pathlib import Path

from libs.contracts.invoice import InvoiceRejected, InvoiceValidated
from libs.db.migrate import Migrations
from libs.messaging import MIGRATIONS as MESSAGING
from libs.messaging.erasing import Erasing
from libs.rules import engine
from libs.service import Resources, Service
from libs.telemetry import metrics
from services.validate import store
from services.validate.api import routes
from services.validate.handlers import Received
from services.validate.pictures import Pictures
from services.validate.settings import ValidateSettings

MIGRATIONS = Migrations("validate", (MESSAGING, Path(__file__).parent / "migrations"))


async def build(settings: ValidateSettings, resources: Resources) -> Service:
    """Wire validate. Needs its schema migrated."""
    api = await resources.pools.get("validate", "api")
    pictures = Pictures(resources.documents)
    tell_releases()
    return Service(
        name="validate",
        migrations=MIGRATIONS,
        api=routes(settings, api),
        consumers=(Received(resources.documents, pictures), Erasing("validate.erased", store.ERASE)),
        workers=(pictures,),
        emits=(InvoiceValidated.type, InvoiceRejected.type),
    )


def tell_releases() -> None:
    """From when the newest release of each pack holds, for those that have one."""
    for name, (newest, *_) in engine.releases().items():
        if newest.since is not None:
            since = datetime.combine(newest.since, time(), UTC).timestamp()
            metrics.rules_since.answer(
                {"pack": name, "release": newest.release}, functools.partial(float, since)
            )
