"""deliver, wired."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from libs.contracts.invoice import InvoiceConfirmed, InvoiceHandedOver, InvoiceUndeliverable
from libs.db.migrate import Migrations
from libs.messaging import MIGRATIONS as MESSAGING
from libs.service import Resources, Schedule, Service, Wake
from services.deliver.api import routes
from services.deliver.channels.folder import FolderChannel
from services.deliver.channels.smtp import SmtpChannel
from services.deliver.dispatcher import Dispatcher, Watcher
from services.deliver.handlers import Routed
from services.deliver.settings import DeliverSettings

MIGRATIONS = Migrations("deliver", (MESSAGING, Path(__file__).parent / "migrations"))


async def build(settings: DeliverSettings, resources: Resources) -> Service:
    """Wire deliver. Needs its schema migrated."""
    worker = await resources.pools.get("deliver", "worker")
    api = await resources.pools.get("deliver", "api")
    wake = Wake()
    folder = FolderChannel(settings.folder_root)
    smtp = SmtpChannel(
        settings.smtp_host, settings.smtp_port, settings.mail_from, connections=settings.mail_connections
    )
    dispatcher = Dispatcher(settings, worker, resources.documents, {"folder": folder, "smtp": smtp}, wake)
    watcher = Watcher(worker, folder, wake)
    return Service(
        name="deliver",
        migrations=MIGRATIONS,
        api=routes(api, worker),
        consumers=(Routed(worker, dispatcher.due),),
        emits=(InvoiceHandedOver.type, InvoiceConfirmed.type, InvoiceUndeliverable.type),
        schedules=(Schedule("folders", timedelta(seconds=settings.poll_seconds), watcher.look),),
        listeners=(dispatcher.running(),),
        wake=wake,
    )
