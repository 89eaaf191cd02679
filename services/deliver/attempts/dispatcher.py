"""The dispatcher: makes the attempts.

::

    due ─ claim: lease, attempt *started* (committed) ─▶ act ─▶ result + event (committed, if the fence holds)
     ▲                                                    │ killed here: the lease runs out; the next attempt
     └───────────── wait ◀── failed, unknown              ▼ finds out what became of this one before it acts

Each channel makes its attempts in rounds; when the next begins beside those under way says ``rounds.py``, and whose
deliveries it takes when there are more than it may ``turns.py``. So a slow receiver, or an account that sends very much,
delays nobody else. A receiver that is down is known to all workers by its breaker (``breaker.py``).

Any number of dispatchers may run. A result whose fence is no longer the delivery's is written to its attempt
and changes nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import math
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import asyncpg
import structlog

from libs import clock
from libs.db.trouble import NOT_NOW
from libs.db.types import Pool
from libs.documents.store import DocumentStore
from libs.errors import HubError
from libs.messaging import outbox
from libs.messaging.pacing import CREDIT, Pacing
from libs.service import Wake
from services.deliver import facts, results, store, telemetry
from services.deliver.attempts import breaker, claiming, conversion, fallback
from services.deliver.attempts.due import Due
from services.deliver.attempts.leases import Leases, Round
from services.deliver.attempts.rounds import FULL_BYTES, Rounds, within
from services.deliver.attempts.turns import Turns
from services.deliver.channels import ChannelAdapter, Done
from services.deliver.parcel import Channel, Failed, Job, Loaded, NotBegun, Outcome, Parked, Unknown
from services.deliver.receivers import connections
from services.deliver.settings import DeliverSettings
from services.deliver.waits import belgium, permits

IDLE_SECONDS = 1.0
PACE_SECONDS = 0.05
"""From claim to claim, while there is less than a batch: one of one costs nearly what one of fifty does."""
MOST_COMMITS = 5
"""Tries to commit one result, when it is not the database that is away."""

_TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_log = structlog.get_logger(__name__)


def _pair(job: Job) -> permits.Pair:
    return job.account_id, job.parcel.receiver.party_id


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
        self._policy = settings.policy
        self._rule = breaker.Rule(
            settings.breaker_failures, settings.retry_first_seconds, settings.breaker_longest_seconds
        )
        self._leases = Leases(pool, settings.lease_seconds, settings.attempt_seconds)
        self._makers = ThreadPoolExecutor(settings.makers, thread_name_prefix="deliver make")
        self._turns = {channel: Turns() for channel in channels}
        self.due = Due(channels)
        self._rounds = Rounds(self.due)
        self._fetching = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._away_at = -math.inf
        """When this process last could not reach the database."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Dispatch in the background; on leaving, what is begun is finished and the rest given back."""
        keeping = asyncio.create_task(self._leases.keep(), name="deliver leases")
        loops = [asyncio.create_task(self._run(c), name=f"deliver {c}") for c in self._channels]
        try:
            yield
        finally:
            self._stopping.set()
            self._leases.let_go()
            self.due.everywhere()
            await asyncio.gather(*loops)
            keeping.cancel()
            await asyncio.gather(
                keeping, *(c.close() for c in self._channels.values()), return_exceptions=True
            )
            self._makers.shutdown(wait=False)

    async def dispatch(self) -> int:
        """Claim what is due now and attempt it, a batch of each channel; returns how many."""
        count = 0
        for channel in self._channels:
            held = await self.start(channel)
            count += len(held.jobs)
            await self.attempt(channel, held)
        return count

    async def _run(self, channel: Channel) -> None:
        rounds = self._rounds
        due = self.due[channel]
        pacing = Pacing(PACE_SECONDS, CREDIT)
        while not self._stopping.is_set():
            due.clear()
            began = clock.monotonic()
            room = rounds.room(channel)
            held = await self._claimed(channel, rounds.lanes(channel), room) if room else None
            more = self._turns[channel].more
            if held is None or (held.jobs and not more):
                # Full ones follow each other; what they would owe the pace, whoever comes next would have to sleep off.
                pacing.cut(began)
            if held is not None and held.jobs:
                task = asyncio.create_task(self.attempt(channel, held), name=f"round {channel}")
                rounds.begin(channel, task, held)
                await rounds.let_move(channel, held, more=more)
            else:
                await within(IDLE_SECONDS, due)
            if held is None or not more:
                await asyncio.sleep(max(0.0, pacing.due - clock.monotonic()))
        await rounds.end(channel)

    async def _claimed(
        self, channel: Channel, busy: Collection[str] = (), room: int = FULL_BYTES
    ) -> Round | None:
        try:
            return await self.start(channel, busy, room)
        except _TROUBLE as away:
            self._away_at = clock.boottime()
            _log.warning("cannot claim", channel=channel, error=repr(away))
            return None

    async def start(self, channel: Channel, busy: Collection[str] = (), room: int = FULL_BYTES) -> Round:
        """Claim what is due, up to the delivery whose documents reach ``room`` bytes; the attempts are committed as started
        when this returns."""
        turn = self._turns[channel]
        while True:
            held = self._leases.begin()
            jobs = await claiming.claim(
                self._pool,
                channel,
                self._settings.batch,
                room,
                self._settings.lease_seconds,
                held.lease,
                busy,
                give_up_seconds=self._settings.give_up_hours * 3600,
                # Whoever has one could not reach it either, and may have a result to write. After a failover the
                # server itself looks as if it had always been there.
                abandoned=clock.boottime() - self._away_at > self._settings.lease_seconds,
                turn=turn,
            )
            if jobs or not turn.again or self._stopping.is_set():
                break
        held.takes(jobs)
        return held

    async def attempt(self, channel: Channel, held: Round) -> None:
        """Act on what was claimed; over when all results are committed, and tidied up after. Never raises."""
        jobs = list(held.jobs.values())
        if not jobs:
            return
        with self._leases.kept(held), telemetry.round_of(channel, jobs):
            try:
                await self._act(channel, held, jobs)
            except Exception as error:  # noqa: BLE001 - one strange parcel must not end the dispatcher
                _log.error("attempts failed", channel=channel, exc_info=error)
                name = type(error).__name__
                self._ended(
                    held,
                    [
                        (job, Unknown(name) if each in held.begun else NotBegun(name, fault=True))
                        for each, job in held.under_way.items()
                    ],
                )
            await asyncio.gather(*held.results)

    async def _allowed(self, channel: Channel, jobs: Sequence[Job]) -> tuple[Sequence[Job], Done]:
        """Without those that wait for their sender's word, and with the warning on those that have it (``belgium``)."""
        asked = [job for job in jobs if belgium.asks(channel, job.parcel)]
        if not asked:
            return jobs, []
        said = await permits.among(self._pool, {_pair(job) for job in asked})
        waits: Done = [(job, belgium.WAITS) for job in asked if _pair(job) not in said]
        goes = [replace(job, parcel=belgium.warned(job.parcel)) for job in asked if _pair(job) in said]
        return [*(job for job in jobs if job not in asked), *goes], waits

    async def _act(self, channel: Channel, held: Round, jobs: Sequence[Job]) -> None:
        jobs, waits = await self._allowed(channel, jobs)
        hopeless = [job for job in jobs if job.failures >= self._policy.most]
        broken = [job for job in jobs if job.broken and job not in hopeless]
        loaded, failed = await self._load([job for job in jobs if job not in hopeless and not job.broken])
        failed += [*waits, *((job, Failed("no-parcel", job.broken)) for job in broken)]
        self._ended(held, [*failed, *((job, Unknown("cut short too often")) for job in hopeless)])
        held.begun.update(each.job.delivery_id for each in loaded)
        held.acting = True
        coming = self._channels[channel].deliver(loaded)
        # Whoever hangs keeps a round going: from here on the channel alone holds documents, and lets go of each in turn.
        del loaded
        async with contextlib.aclosing(coming):
            async for done in coming:
                self._ended(held, done)

    async def _load(self, jobs: Sequence[Job]) -> tuple[list[Loaded], Done]:
        refs = [(job, r) for job in jobs for r in (job.parcel.original, job.parcel.pdf) if r is not None]
        async with self._fetching:
            # Packed and unpacked they are in memory twice: of one round at a time.
            found = await self._documents.get([r for _, r in refs], [job.account_id for job, _ in refs])
        loaded: list[Loaded] = []
        failed: Done = []
        for job in jobs:
            xml = found[job.parcel.original.document_id]
            pdf = found[job.parcel.pdf.document_id] if job.parcel.pdf else None
            bad = next((part for part in (xml, pdf) if isinstance(part, HubError)), None)
            if bad is not None:
                failed.append((job, Failed(bad.code, bad.message)))
            elif isinstance(xml, bytes) and (pdf is None or isinstance(pdf, bytes)):
                loaded.append(Loaded(job, xml, pdf))
        return await self._fit(loaded, failed)

    async def _fit(self, loaded: list[Loaded], failed: Done) -> tuple[list[Loaded], Done]:
        """In the receivers' formats, and with the pages they are to have. In threads of their own: a page alone takes as
        long as fifty deliveries, and who reads files or puts mails together must not wait for it."""
        ready = [each for each in loaded if not conversion.needed(each)]
        asked = [each for each in loaded if conversion.needed(each)]
        made = await asyncio.gather(*map(self._made, asked))
        ready += [got for got in made if isinstance(got, Loaded)]
        stay = [(each.job, got) for each, got in zip(asked, made, strict=True) if not isinstance(got, Loaded)]
        return ready, [*failed, *stay]

    async def _made(self, each: Loaded) -> Loaded | Parked | Failed:
        work = functools.partial(contextvars.copy_context().run, conversion.fit, each)
        return await asyncio.get_running_loop().run_in_executor(self._makers, work)

    def _ended(self, held: Round, done: Done) -> None:
        """These have ended: their results are committed beside whatever comes next, of this round or another."""
        if not done:
            return
        held.ends(job.delivery_id for job, _ in done)
        if held.said.is_set():
            # Its lanes are free, and there may be something for them.
            self.due[done[0][0].channel].set()
        held.results.append(asyncio.create_task(self._commit(held, done), name="deliver result"))

    async def _commit(self, held: Round, done: Done) -> None:
        """Commit results until they are: an attempt that took place must not be forgotten because the
        database is away for a while. Whoever took over meanwhile is protected by the fence. Then tidy up."""
        over: list[Job] = []
        waiting: list[tuple[Done, int]] = [(done, 1)]
        pause = 0.1
        while waiting:
            some, tries = waiting.pop(0)
            try:
                over += await self.finish(some)
            except Exception as error:  # noqa: BLE001 - whatever it is, these attempts were made
                away = isinstance(error, NOT_NOW)
                _log.warning("cannot store results yet", count=len(some), error=repr(error))
                if len(some) > 1 and not away:
                    waiting += [([one], 1) for one in some]
                elif away or tries < MOST_COMMITS:
                    waiting.append((some, tries if away else tries + 1))
                else:
                    _log.error("a result is lost: the attempt will count as unknown", exc_info=error)
                await asyncio.sleep(pause)
                # Soon enough to be first when the database is back: see `claiming.claim`.
                pause = min(pause * 2, 5.0, self._settings.lease_seconds / 4)
        held.ended(job.delivery_id for job, _ in done)
        self._rounds.freed()
        if over:
            try:
                await self._channels[over[0].channel].settled(over)
            except Exception as error:  # noqa: BLE001 - what stays is swept
                _log.warning("cannot tidy up", channel=over[0].channel, exc_info=error)

    async def finish(self, done: Done) -> list[Job]:
        """Commit results with their events, in one transaction. Returns those that nobody attempts again for now: what
        was kept to find out about them may go."""
        written = [(job, outcome, results.of(job, outcome, self._policy)) for job, outcome in done]
        async with self._pool.acquire() as conn, conn.transaction():
            told = await store.finish(conn, [result for _, _, result in written])
            events = [
                facts.ended(job, result, told[job.delivery_id], outcome)
                for job, outcome, result in written
                if job.delivery_id in told
            ]
            await outbox.append(conn, [event for event in events if event is not None])
            switching = (job.delivery_id for job, _, result in written if result.switching)
            await fallback.hasten(conn, [delivery_id for delivery_id in switching if delivery_id in told])
            opened, closed = await breaker.note(conn, done, self._rule)
            if gone := {job.parcel.connection_id for job, outcome in done if _ends_connection(outcome)} - {
                None
            }:
                await connections.end(conn, gone)
        self._wake()
        telemetry.ended(written, told)
        telemetry.breakers(opened, closed)
        return [job for job, _, result in written if job.delivery_id in told and result.state != "queued"]


def _ends_connection(outcome: Outcome) -> bool:
    return isinstance(outcome, Parked) and outcome.ends_connection
