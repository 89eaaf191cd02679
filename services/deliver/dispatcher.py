"""The dispatcher: makes the attempts.

::

    due ─ claim: lease + fence, attempt *started* (committed) ─▶ act ─▶ result + event (committed, fence holds)
     ▲                                                             │ killed here: the lease runs out,
     └───────────── backoff ◀── failed                             ▼ the next attempt asks the channel first

Several dispatchers may run. A result whose fence is no longer the delivery's is written to its attempt and
changes nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from uuid import UUID

import structlog

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceConfirmed, InvoiceHandedOver, InvoiceUndeliverable
from libs.db.types import Pool
from libs.documents.store import DocumentStore
from libs.errors import HubError
from libs.messaging import outbox
from libs.messaging.batch import AWAY
from libs.service import Wake
from services.deliver import SOURCE, plan, store
from services.deliver.channels import ChannelAdapter
from services.deliver.channels.folder import FolderChannel
from services.deliver.parcel import Channel, Failed, HandedOver, Job, Loaded, Outcome, Refused
from services.deliver.settings import DeliverSettings
from services.deliver.store import Result, Told

_log = structlog.get_logger(__name__)
_IDLE_SECONDS = 1.0
_LINGER_SECONDS = 0.02


class Dispatcher:
    def __init__(
        self,
        settings: DeliverSettings,
        pool: Pool,
        documents: DocumentStore,
        channels: Mapping[Channel, ChannelAdapter],
        wake: Wake,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._documents = documents
        self._channels = channels
        self._wake = wake
        self._due = asyncio.Event()
        self._stopping = False

    def due(self) -> None:
        """Something may be due now."""
        self._due.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Dispatch in the background; on leaving, what is in hand is finished."""
        task = asyncio.create_task(self._run(), name="dispatcher")
        try:
            yield
        finally:
            self._stopping = True
            self._due.set()
            await task

    async def _run(self) -> None:
        while not self._stopping:
            self._due.clear()
            try:
                done = await self.dispatch()
                if done:
                    continue
                seconds = await store.seconds_until_due(self._pool)
            except AWAY as away:
                _log.warning("database away", error=repr(away))
                seconds = None
            pause = _IDLE_SECONDS if seconds is None else min(max(seconds, 0.0), _IDLE_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), pause)
            await asyncio.sleep(_LINGER_SECONDS)

    async def dispatch(self) -> int:
        """Make one round of attempts; returns how many."""
        jobs = await self.start()
        if jobs:
            deadline = clock.monotonic() + self._settings.lease_seconds * 0.8
            loaded, outcomes = await self._act(jobs, deadline)
            await self.finish(outcomes)
            await self._settled(loaded)
        return len(jobs)

    async def start(self) -> list[Job]:
        """Claim what is due; the attempts are committed as started when this returns."""
        return await store.claim(self._pool, self._settings.batch, self._settings.lease_seconds)

    async def _act(
        self, jobs: Sequence[Job], deadline: float
    ) -> tuple[list[Loaded], list[tuple[Job, Outcome]]]:
        loaded, outcomes = await self._load(jobs)
        by_channel: dict[Channel, list[Loaded]] = {}
        for each in loaded:
            by_channel.setdefault(each.job.channel, []).append(each)
        if clock.monotonic() > deadline:
            # Fetching took so long that the lease may be lost: doing nothing is the only safe act.
            return [], [(each.job, Failed("the lease ran out before the attempt")) for each in loaded]
        done = await asyncio.gather(*(self.act(channel, own) for channel, own in by_channel.items()))
        return loaded, [*outcomes, *(pair for pairs in done for pair in pairs)]

    async def act(self, channel: Channel, loaded: Sequence[Loaded]) -> list[tuple[Job, Outcome]]:
        """Hand a batch to its channel."""
        results = await self._channels[channel].deliver(loaded)
        return [(each.job, outcome) for each, outcome in zip(loaded, results, strict=True)]

    async def _load(self, jobs: Sequence[Job]) -> tuple[list[Loaded], list[tuple[Job, Outcome]]]:
        refs = [
            (job, ref) for job in jobs for ref in (job.parcel.original, job.parcel.pdf) if ref is not None
        ]
        found = await self._documents.get([r for _, r in refs], [job.account_id for job, _ in refs])
        loaded: list[Loaded] = []
        outcomes: list[tuple[Job, Outcome]] = []
        for job in jobs:
            xml = found[job.parcel.original.document_id]
            pdf = found[job.parcel.pdf.document_id] if job.parcel.pdf else None
            if isinstance(xml, HubError):
                outcomes.append((job, Failed(f"document: {xml.message}")))
            elif isinstance(pdf, HubError):
                outcomes.append((job, Failed(f"document: {pdf.message}")))
            else:
                loaded.append(Loaded(job, xml, pdf))
        return loaded, outcomes

    async def finish(self, outcomes: Sequence[tuple[Job, Outcome]]) -> None:
        """Commit the results with their events."""
        results = [self._result(job, outcome) for job, outcome in outcomes]
        async with self._pool.acquire() as conn, conn.transaction():
            told = await store.finish(conn, results)
            await outbox.append(
                conn,
                [
                    event
                    for (job, outcome), result in zip(outcomes, results, strict=True)
                    if job.delivery_id in told
                    and (event := _event(job, outcome, result, told[job.delivery_id])) is not None
                ],
            )
        for job, _ in outcomes:
            if job.delivery_id not in told:
                _log.warning("lease lost, result ignored", delivery=str(job.delivery_id), attempt=job.number)
        self._wake()

    async def _settled(self, loaded: Sequence[Loaded]) -> None:
        for channel in {each.job.channel for each in loaded}:
            await self._channels[channel].settled([each for each in loaded if each.job.channel == channel])

    def _result(self, job: Job, outcome: Outcome) -> Result:
        if isinstance(outcome, HandedOver):
            name = job.base_name if job.channel == "folder" else None
            return Result(
                job, "handed_over", "handed_over", outcome.receipt, repeated=outcome.repeated, file_name=name
            )
        if isinstance(outcome, Refused):
            return Result(job, "undeliverable", "refused", outcome.reason.en)
        wait = plan.next_attempt(job.number, self._settings.most_attempts)
        return Result(job, "queued" if wait else "undeliverable", "failed", outcome.detail, wait=wait)


def _event(job: Job, outcome: Outcome, result: Result, told: Told) -> Event | None:
    if result.state == "queued":
        return None
    fields = {
        "invoice_id": job.invoice_id,
        "account_id": job.account_id,
        "sequence": told.sequence,
        "delivery_id": job.delivery_id,
        "channel": job.channel,
        "receiver_id": job.parcel.receiver.party_id,
        "receiver_name": job.parcel.receiver.name,
        "attempt": job.number,
    }
    data: InvoiceHandedOver | InvoiceUndeliverable
    if isinstance(outcome, HandedOver):
        again = " (repeated after an attempt of unknown end, same Message-ID)" if outcome.repeated else ""
        data = InvoiceHandedOver.model_validate({**fields, "receipt": outcome.receipt + again})
    elif isinstance(outcome, Refused):
        data = InvoiceUndeliverable.model_validate({**fields, "code": outcome.code, "reason": outcome.reason})
    else:
        data = InvoiceUndeliverable.model_validate({**fields, "code": "gave-up", "reason": plan.GAVE_UP})
    return new_event(
        data,
        source=SOURCE,
        account=job.account_id,
        correlation_id=told.correlation,
        traceparent=told.traceparent,
    )


class Watcher:
    """Sees which pairs receivers have taken from their folders: those have arrived."""

    def __init__(self, pool: Pool, folder: FolderChannel, wake: Wake) -> None:
        self._pool = pool
        self._folder = folder
        self._wake = wake

    async def look(self) -> None:
        after = UUID(int=0)
        while page := await store.in_folders(self._pool, after, 1000):
            after = page[-1].delivery_id
            gone = await self._folder.taken(
                [(each.parcel.settings.get("folder", ""), each.file_name) for each in page]
            )
            taken = [each for each, away in zip(page, gone, strict=True) if away]
            if taken:
                await self._confirm(taken)

    async def _confirm(self, taken: Sequence[store.InFolder]) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            told = await store.confirm(conn, [each.delivery_id for each in taken])
            await outbox.append(
                conn, [_confirmed(each, told[each.delivery_id]) for each in taken if each.delivery_id in told]
            )
        self._wake()


def _confirmed(each: store.InFolder, told: Told) -> Event:
    return new_event(
        InvoiceConfirmed(
            invoice_id=each.invoice_id,
            account_id=each.account_id,
            sequence=told.sequence,
            delivery_id=each.delivery_id,
            channel="folder",
            receiver_id=each.parcel.receiver.party_id,
            receiver_name=each.parcel.receiver.name,
            attempt=each.attempts,
            evidence=f"the receiver took {each.file_name}.xml from its folder",
        ),
        source=SOURCE,
        account=each.account_id,
        correlation_id=told.correlation,
        traceparent=told.traceparent,
    )
