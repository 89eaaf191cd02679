"""deliver, wired."""

from __future__ import annotations

import functools
from datetime import timedelta
from pathlib import Path

from libs.contracts.invoice import (
    InvoiceAnswered,
    InvoiceBounced,
    InvoiceConfirmed,
    InvoiceDeliveryParked,
    InvoiceDeliveryReleased,
    InvoiceDeliverySwitched,
    InvoiceHandedOver,
    InvoiceImported,
    InvoicePaid,
    InvoiceReversed,
    InvoiceSaleBooked,
    InvoiceSaleParked,
    InvoiceUndeliverable,
)
from libs.contracts.party import AccountConnectionLapsed
from libs.db.migrate import Migrations
from libs.db.types import Pool
from libs.http.outside import Outside
from libs.messaging import MIGRATIONS as MESSAGING
from libs.messaging.erasing import Erasing
from libs.service import Resources, Schedule, Service, Wake
from services.deliver.api import owned, routes
from services.deliver.arriving.afar import Afar
from services.deliver.arriving.arrivals import Arrivals
from services.deliver.arriving.globe import GlobeReports
from services.deliver.arriving.sandbox import SandboxReports
from services.deliver.attempts.dispatcher import Dispatcher
from services.deliver.attempts.fallback import Fallbacks
from services.deliver.channels.folder import FolderChannel
from services.deliver.channels.https import HttpsChannel
from services.deliver.channels.pull import PullChannel
from services.deliver.channels.relay import Relay, Relays
from services.deliver.channels.sandbox import SandboxChannel
from services.deliver.channels.sftp import SftpChannel
from services.deliver.channels.smtp import SmtpChannel
from services.deliver.converting import convert_api
from services.deliver.email.bounce_door import BounceDoor, listen
from services.deliver.email.dkim import Signer
from services.deliver.email.return_paths import PURPOSE, ReturnPaths
from services.deliver.email.returned import Returned
from services.deliver.erased import ERASE
from services.deliver.exact import wiring as exact_online
from services.deliver.gauges import EVERY, Gauges
from services.deliver.handlers import Recalled, Routed
from services.deliver.needs import checks
from services.deliver.payments import api as payments_api
from services.deliver.payments.following import Following
from services.deliver.payments.lines import MOST_BYTES
from services.deliver.receivers import credentials, received_api, waiting_api
from services.deliver.receivers.pushing import Pushing
from services.deliver.settings import DeliverSettings
from services.deliver.views import Showing
from services.deliver.waits import held_api, parked_api
from services.deliver.waits.parked import Parking

MIGRATIONS = Migrations("deliver", (MESSAGING, Path(__file__).parent / "migrations"))
SWEEP = timedelta(minutes=10)
LOOK_FOR_PAYMENTS = timedelta(seconds=2)


def mail_channel(settings: DeliverSettings) -> SmtpChannel:
    return SmtpChannel(
        relays(settings),
        settings.mail_from,
        per_domain=settings.mail_connections_per_domain,
        return_paths=return_paths(settings),
        signer=signer(settings),
    )


def relays(settings: DeliverSettings) -> Relays:
    """The server for all mail, and those that domains have for themselves: who logs in at the one is nobody's business
    at the others."""
    of_server = functools.partial(
        Relay,
        most=settings.mail_connections,
        slow=settings.mail_connections_slow,
        seconds=settings.smtp_seconds,
        tls=settings.smtp_tls,
    )
    usual = of_server(
        settings.smtp_host,
        settings.smtp_port,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
    )
    own = {server: of_server(*server) for server in set(settings.mail_servers.values())}
    return Relays(usual, {domain: own[server] for domain, server in settings.mail_servers.items()})


def return_paths(settings: DeliverSettings) -> ReturnPaths | None:
    """Addresses for bounces, where the hub is to hear of them."""
    if settings.bounce_domain is None:
        return None
    return ReturnPaths(settings.bounce_domain, settings.derive(PURPOSE))


def signer(settings: DeliverSettings) -> Signer | None:
    """What signs mails, where there is a key."""
    if settings.dkim_key is None or settings.dkim_selector is None:
        return None
    return Signer(
        settings.mail_from.rpartition("@")[2], settings.dkim_selector, settings.dkim_key.get_secret_value()
    )


def https_channel(settings: DeliverSettings, worker: Pool) -> HttpsChannel:
    keys = settings.keys

    def outside() -> Outside:
        return Outside(
            seconds=settings.https_seconds,
            most=settings.https_connections,
            also=settings.also,
            trusted=settings.https_certificates,
        )

    return HttpsChannel(
        outside,
        functools.partial(credentials.of, worker, keys, purpose="webhook"),
        at_once=settings.https_connections,
        per_lane=settings.https_connections_per_receiver,
    )


def sftp_channel(settings: DeliverSettings, worker: Pool) -> SftpChannel:
    keys = functools.partial(credentials.of, worker, settings.keys, purpose="sftp")
    return SftpChannel(keys, seconds=settings.sftp_seconds, also=settings.also)


async def build(settings: DeliverSettings, resources: Resources) -> Service:
    """Wire deliver. Needs its schema migrated."""
    worker = await resources.pools.get("deliver", "worker")
    api = await resources.pools.get("deliver", "api")
    told, wake = Wake(), Wake()
    folder = FolderChannel(settings.folder_root)
    sftp = sftp_channel(settings, worker)
    exact = exact_online.build(settings, worker)
    dispatcher = Dispatcher(
        settings,
        worker,
        resources.documents,
        {
            "folder": folder,
            "sftp": sftp,
            "smtp": mail_channel(settings),
            "https": https_channel(settings, worker),
            "exact_online": exact.channel,
            "pull": PullChannel(timedelta(days=settings.pull_days)),
            "sandbox": SandboxChannel(),
        },
        told,
    )
    # `told`: facts were committed, and what the consumer planned. `wake`: and something else may be due.
    told.connect(dispatcher.due.committed)
    wake.connect(told)
    wake.connect(dispatcher.due.everywhere)
    afar = Afar(worker, sftp)
    arrivals = Arrivals(worker, folder, afar, told)
    patience = timedelta(days=settings.parked_days)
    parking = Parking(worker, wake, patience, settings.lease_seconds)
    showing = Showing(worker, timedelta(hours=settings.give_up_hours))
    # Before the routes of one delivery, whose id would be `waiting`.
    router = waiting_api.routes(worker, resources.documents, wake)
    router.include_router(exact.routes(functools.partial(owned, api, worker)))
    router.include_router(routes(api, worker, showing, Pushing(worker, settings)))
    router.include_router(parked_api.routes(api, worker, wake, showing))
    router.include_router(held_api.routes(worker, wake))
    router.include_router(received_api.routes(worker, resources.documents, told))
    router.include_router(convert_api.routes())
    router.include_router(payments_api.routes(worker, wake))
    paths = return_paths(settings)
    listeners = []
    if paths is not None:
        door = BounceDoor(paths, Returned(worker, settings.policy).take, wake)
        listeners.append(
            listen(door, settings.bounce_host, settings.bounce_port, str(settings.bounce_domain))
        )
    return Service(
        name="deliver",
        migrations=MIGRATIONS,
        api=router,
        consumers=(
            Routed(worker, patience, dispatcher.due.planned),
            Recalled(patience),
            Erasing("deliver.erased", *ERASE),
        ),
        emits=(
            InvoiceHandedOver.type,
            InvoiceConfirmed.type,
            InvoiceBounced.type,
            InvoiceUndeliverable.type,
            InvoiceDeliveryParked.type,
            InvoiceDeliveryReleased.type,
            InvoiceDeliverySwitched.type,
            InvoiceImported.type,
            InvoicePaid.type,
            InvoiceReversed.type,
            InvoiceSaleBooked.type,
            InvoiceSaleParked.type,
            InvoiceAnswered.type,
            AccountConnectionLapsed.type,
        ),
        schedules=(
            Schedule("deliver.arrivals", timedelta(seconds=settings.poll_seconds), arrivals.look),
            Schedule(
                "deliver.arrivals-afar", timedelta(seconds=settings.sftp_poll_seconds), arrivals.look_afar
            ),
            Schedule(
                "deliver.globe",
                timedelta(seconds=settings.poll_seconds),
                GlobeReports(worker, "folder", folder, told).look,
            ),
            Schedule(
                "deliver.globe-afar",
                timedelta(seconds=settings.sftp_results_seconds),
                GlobeReports(worker, "sftp", afar, told).look,
            ),
            Schedule("deliver.sandbox", timedelta(seconds=1), SandboxReports(worker, told).look),
            Schedule("deliver.parked", timedelta(seconds=settings.parked_seconds), parking.look),
            Schedule(
                "deliver.fallback", timedelta(seconds=settings.parked_seconds), Fallbacks(worker, wake).look
            ),
            Schedule("deliver.sweep", SWEEP, arrivals.sweep),
            *exact.schedules(wake, resources.documents),
            Schedule(
                "deliver.payments",
                LOOK_FOR_PAYMENTS,
                Following(worker, exact.calling, wake, timedelta(seconds=settings.payments_seconds)).look,
            ),
            Schedule("deliver.gauges", EVERY, Gauges(worker).look),
        ),
        workers=(dispatcher.running(),),
        listeners=listeners,
        larger_bodies={payments_api.PATH: MOST_BYTES},
        checks=checks(settings),
        wake=told,
    )
