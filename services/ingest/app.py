"""ingest, wired."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from libs.contracts.invoice import InvoiceDuplicate, InvoiceErased, InvoiceQuarantined, InvoiceReceived
from libs.contracts.party import AccountLinkMade, AccountRegistered
from libs.db.migrate import Migrations
from libs.db.settings import database_of
from libs.http.quota import Quota
from libs.links import PURPOSE as LINKS
from libs.messaging import MIGRATIONS as MESSAGING
from libs.service import Resources, Schedule, Service, Wake
from services.ingest import store
from services.ingest.access import account_api, credential_api, people_api, session_api
from services.ingest.access.credentials import Vault
from services.ingest.access.identity import OwnAuthenticator
from services.ingest.access.passwords import Passwords
from services.ingest.access.people_api import People
from services.ingest.access.tries import Tries, count, guesses
from services.ingest.api import routes
from services.ingest.backlog import Backlog
from services.ingest.described import BATCH, SUBMIT
from services.ingest.handlers import Outcomes
from services.ingest.keeping import retention_api
from services.ingest.keeping.retention import Retention
from services.ingest.keeping.scrubber import Scrubber
from services.ingest.mailbox.smtp import KeyMailbox, listen
from services.ingest.needs import checks
from services.ingest.settings import CREDENTIALS, MAILBOXES, IngestSettings
from services.ingest.store import Outcome
from services.ingest.uploads.groups import GroupCommit
from services.ingest.uploads.submissions import Submission
from services.ingest.uploads.submit import Commits, Gate

MIGRATIONS = Migrations("ingest", (MESSAGING, Path(__file__).parent / "migrations"))


def vault_of(settings: IngestSettings) -> Vault:
    return Vault(settings.derive(CREDENTIALS), settings.derive(MAILBOXES))


async def build(settings: IngestSettings, resources: Resources) -> Service:
    """Wire ingest. Needs its schema migrated."""
    worker = await resources.pools.get("ingest", "worker")
    api = await resources.pools.get("ingest", "api")
    vault = vault_of(settings)
    passwords, wake = Passwords(), Wake()
    tried = guesses(api, vault.digest)
    mails = Tries(api, vault.digest, "mail", burst=3, seconds=600, all_burst=300, all_seconds=1)
    identity = OwnAuthenticator(api, vault, passwords, tried)

    async def keep(submissions: Sequence[Submission]) -> Sequence[Outcome]:
        kept = await store.keep(worker, resources.documents, submissions)
        wake()
        return kept

    commits: Commits = GroupCommit(
        keep,
        linger=settings.group_linger_ms / 1000,
        pace=settings.group_pace_ms / 1000,
        most=settings.group_most,
        size=lambda submission: submission.size,
        account=lambda submission: submission.account_id,
        share=settings.account_share,
    )
    quota = Quota(
        "account",
        partial(count, api, vault.digest),
        per_second=settings.requests_per_second,
        burst=settings.requests_burst,
    )
    backlog = Backlog(worker, seconds=settings.backlog_seconds)
    gate = Gate(quota, backlog)
    api_routes = routes(settings, api, identity, commits, gate)
    people = People(api, worker, passwords, tried, mails, wake)
    for more in (
        account_api.routes(api, worker, wake),
        retention_api.routes(api),
        credential_api.routes(settings, api, worker, vault),
        session_api.routes(api, vault),
        people_api.routes(people, settings.derive(LINKS)),
    ):
        api_routes.include_router(more)
    retention = Retention(worker, database_of(settings), wake)
    schedules = [Schedule("ingest.retention", timedelta(seconds=settings.retention_seconds), retention.run)]
    if settings.scrub_seconds:
        often = timedelta(seconds=settings.scrub_seconds)
        schedules.append(Schedule("ingest.scrub", often, Scrubber(worker).run))
    mailbox = KeyMailbox(settings, api, vault, commits.submit, gate.admit, gate.heavy)

    return Service(
        name="ingest",
        migrations=MIGRATIONS,
        api=api_routes,
        openapi_extra_paths={"/v1/submissions": SUBMIT, "/v1/submissions:batch": BATCH},
        larger_bodies={"/v1/submissions:batch": settings.max_batch_bytes},
        consumers=(Outcomes(),),
        emits=(
            InvoiceReceived.type,
            InvoiceQuarantined.type,
            InvoiceDuplicate.type,
            InvoiceErased.type,
            AccountRegistered.type,
            AccountLinkMade.type,
        ),
        share=settings.account_share,
        listeners=(listen(settings, mailbox),),
        schedules=schedules,
        background=(commits, backlog),
        checks=checks(settings),
        identity=identity,
        wake=wake,
    )
