"""validate, wired."""

from __future__ import annotations

from pathlib import Path

from libs.contracts.invoice import InvoiceRejected, InvoiceValidated
from libs.db.migrate import Migrations
from libs.messaging import MIGRATIONS as MESSAGING
from libs.service import Resources, Service
from services.validate.api import routes
from services.validate.handlers import Received
from services.validate.pictures import Pictures
from services.validate.settings import ValidateSettings

MIGRATIONS = Migrations("validate", (MESSAGING, Path(__file__).parent / "migrations"))


async def build(settings: ValidateSettings, resources: Resources) -> Service:
    """Wire validate. Needs its schema migrated."""
    api = await resources.pools.get("validate", "api")
    pictures = Pictures(resources.documents)
    return Service(
        name="validate",
        migrations=MIGRATIONS,
        api=routes(settings, api),
        consumers=(Received(resources.documents, pictures),),
        workers=(pictures,),
        emits=(InvoiceValidated.type, InvoiceRejected.type),
    )
