"""Exact Online, wired: what ``app.py`` needs of it in one place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter

from libs.db.types import Pool
from libs.documents.store import DocumentStore
from libs.http.client import client
from libs.service import Schedule, Wake
from services.deliver.exact import link_api, sales_api
from services.deliver.exact.allowances import Allowances
from services.deliver.exact.channel import ExactChannel
from services.deliver.exact.client import Calling
from services.deliver.exact.keeping import Keeping
from services.deliver.exact.lapses import Lapses
from services.deliver.exact.link_api import Mine
from services.deliver.exact.linking import Linking
from services.deliver.exact.oauth import App
from services.deliver.exact.reports import ExactReports
from services.deliver.exact.sales_runner import SalesRunner
from services.deliver.exact.tokens import Tokens
from services.deliver.settings import DeliverSettings

SECONDS = 30.0
"""Without a byte from Exact."""
CONNECTIONS = 40
NO_APP = App("", "", "")


@dataclass(frozen=True, slots=True)
class Exact:
    calling: Calling
    channel: ExactChannel
    linking: Linking | None
    allowances: Allowances
    worker: Pool
    settings: DeliverSettings

    def routes(self, mine: Mine) -> APIRouter:
        router = link_api.routes(self.worker, self.linking, self.allowances, mine, self.settings)
        router.include_router(sales_api.routes(self.worker))
        return router

    def schedules(self, wake: Wake, documents: DocumentStore) -> tuple[Schedule, ...]:
        keeping = Keeping(self.worker, self.calling.tokens, self.allowances)
        sales = SalesRunner(self.worker, documents, self.channel.book, self.settings, wake)
        return (
            Schedule("deliver.exact-sales", timedelta(seconds=1), sales.look),
            Schedule("deliver.exact", timedelta(seconds=1), ExactReports(self.worker, wake).look),
            Schedule("deliver.exact-lapsed", timedelta(seconds=2), Lapses(self.worker, wake).look),
            Schedule("deliver.exact-links", timedelta(minutes=10), keeping.look),
        )


def build(settings: DeliverSettings, worker: Pool) -> Exact:
    """Without an app at Exact there are no links: what was linked once waits, and says so."""
    app = settings.exact_app
    http = client(timeout=SECONDS, most=CONNECTIONS)
    allowances = Allowances(worker)
    tokens = Tokens(worker, settings.keys, app or NO_APP, http)
    calling = Calling(http, allowances, tokens, (app or NO_APP).client_id)
    return Exact(
        calling,
        ExactChannel(worker, calling, timedelta(seconds=settings.exact_settle_seconds)),
        Linking(worker, settings.keys, calling, app) if app is not None else None,
        allowances,
        worker,
        settings,
    )
