"""ingest, wired."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from libs.contracts.invoice import InvoiceDuplicate, InvoiceQuarantined, InvoiceReceived
from libs.contracts.party import AccountRegistered
from libs.db.migrate import Migrations
from libs.messaging import MIGRATIONS as MESSAGING
from libs.service import Resources, Service, Wake
from services.ingest import session_api, store
from services.ingest.api import routes
from services.ingest.credentials import Vault
from services.ingest.described import SUBMIT
from services.ingest.groups import GroupCommit
from services.ingest.handlers import Outcomes
from services.ingest.identity import KeyAuthenticator
from services.ingest.settings import IngestSettings
from services.ingest.smtp import KeyMailbox, listen
from services.ingest.store import Kept
from services.ingest.submissions import Submission

MIGRATIONS = Migrations("ingest", (MESSAGING, Path(__file__).parent / "migrations"))


def vault_of(settings: IngestSettings) -> Vault:
    return Vault(settings.derive("ingest credentials"), settings.derive("ingest mailbox addresses"))


async def build(settings: IngestSettings, resources: Resources) -> Service:
    """Wire ingest. Needs its schema migrated."""
    worker = await resources.pools.get("ingest", "worker")
    api = await resources.pools.get("ingest", "api")
    vault = vault_of(settings)
    identity = KeyAuthenticator(api, vault)
    wake = Wake()

    async def keep(submissions: Sequence[Submission]) -> Sequence[tuple[Kept, ...]]:
        kept = await store.keep(worker, resources.documents, submissions)
        wake()
        return kept

    commits: GroupCommit[Submission, tuple[Kept, ...]] = GroupCommit(
        keep,
        linger=settings.group_linger_ms / 1000,
        pace=settings.group_pace_ms / 1000,
        most=settings.group_most,
        size=lambda submission: submission.size,
    )
    api_routes = routes(settings, api, worker, vault, identity, commits)
    api_routes.include_router(session_api.routes(api, vault))
    mailbox = KeyMailbox(settings, api, vault, commits.submit)

    return Service(
        name="ingest",
        migrations=MIGRATIONS,
        api=api_routes,
        openapi_extra_paths={"/v1/submissions": SUBMIT},
        consumers=(Outcomes(),),
        emits=(
            InvoiceReceived.type,
            InvoiceQuarantined.type,
            InvoiceDuplicate.type,
            AccountRegistered.type,
        ),
        listeners=(listen(settings, mailbox),),
        background=(commits,),
        identity=identity,
        wake=wake,
    )
