"""Books senders' own invoices in their own books: claims what is due, acts, commits each result with its fact.

As with deliveries: *attempt started* is committed before anything is done, a result counts only under the fence it was
begun with, and whoever takes over what was cut short looks up what became of it (``booking``). A division that is slow or
has no calls left holds up those claimed together with it, and no others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID

import asyncpg
import structlog

from libs import clock
from libs.db.types import Pool
from libs.documents.store import DocumentStore
from libs.errors import HubError
from libs.messaging import outbox
from libs.service import Wake
from services.deliver.attempts.leases import SAFE
from services.deliver.exact import sales, sales_store
from services.deliver.exact.kinds import SALES, Kind
from services.deliver.exact.sales_store import Claimed
from services.deliver.parcel import Failed, Job, Lease, Loaded, NotBegun, Outcome, Unknown
from services.deliver.settings import DeliverSettings

AT_ONCE = 8
"""Sales of one round."""
MOST_COMMITS = 5
_log = structlog.get_logger(__name__)

Book: TypeAlias = Callable[[Loaded, UUID, Kind], Awaitable[Outcome]]
"""One attempt at one booking, in this party's books (``ExactChannel.book``). It asks ``job.lease.held`` before each act."""


class SalesRunner:
    """``pool`` has the worker role."""

    def __init__(
        self, pool: Pool, documents: DocumentStore, book: Book, settings: DeliverSettings, wake: Wake
    ) -> None:
        self._pool = pool
        self._documents = documents
        self._book = book
        self._policy = settings.policy
        self._seconds = settings.lease_seconds
        self._wake = wake

    async def look(self) -> None:
        """Until nothing is due."""
        while await self.round():
            pass

    async def round(self) -> int:
        """Claim some and attempt them; returns how many."""
        lease_until = clock.boottime() + SAFE * self._seconds
        claimed = await sales_store.claim(self._pool, AT_ONCE, self._seconds, Lease(lease_until))
        # A lease of its own for each: one that is lost is no reason to let go of the others.
        await asyncio.gather(*(self._attempt(each, Lease(lease_until)) for each in claimed))
        return len(claimed)

    async def _attempt(self, claimed: Claimed, lease: Lease) -> None:
        job = replace(claimed.job, lease=lease)
        async with self._kept(job):
            outcome = await self._outcome(claimed, job)
            await self._finish(job, outcome)

    async def _outcome(self, claimed: Claimed, job: Job) -> Outcome:
        if claimed.twice:
            return sales.twice(job.parcel.summary.number or "")
        begun = False
        try:
            each = await self._loaded(job)
            if isinstance(each, Failed):
                return each
            begun = True
            return await self._book(each, claimed.party_id, SALES)
        except Exception as error:  # noqa: BLE001 - one strange invoice must not end the round
            _log.exception("sale failed", sale_id=str(job.delivery_id))
            name = type(error).__name__
            return Unknown(name) if begun else NotBegun(name, fault=True, wait=self._policy.first)

    async def _loaded(self, job: Job) -> Loaded | Failed:
        refs = [ref for ref in (job.parcel.original, job.parcel.pdf) if ref is not None]
        found = await self._documents.get(refs, [job.account_id for _ in refs])
        xml = found[job.parcel.original.document_id]
        pdf = found[job.parcel.pdf.document_id] if job.parcel.pdf is not None else None
        bad = next((part for part in (xml, pdf) if isinstance(part, HubError)), None)
        if bad is not None:
            return Failed(bad.code, bad.message)
        return Loaded(job, xml if isinstance(xml, bytes) else None, pdf if isinstance(pdf, bytes) else None)

    @contextlib.asynccontextmanager
    async def _kept(self, job: Job) -> AsyncIterator[None]:
        """Its lease is renewed until the block ends; once lost, nothing more is begun under it."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(self._seconds / 4)
                now = clock.boottime()
                with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    kept = await sales_store.renew(self._pool, job, self._seconds)
                    job.lease.until = now + SAFE * self._seconds if kept else 0.0

        renewing = asyncio.create_task(renew(), name="sale lease")
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _finish(self, job: Job, outcome: Outcome) -> None:
        """Commit the result until it is: what was booked must not be forgotten because the database is away for a moment.
        Forgotten all the same, it is looked up."""
        result = sales.ended(job, outcome, self._policy)
        for tries in range(MOST_COMMITS):
            try:
                async with self._pool.acquire() as conn, conn.transaction():
                    sequence = await sales_store.finish(conn, result)
                    told = sales.fact(result, sequence) if sequence is not None else None
                    await outbox.append(conn, [told] if told is not None else [])
                self._wake()
                return
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as away:
                _log.warning("cannot store the result of a sale yet", error=repr(away))
                await asyncio.sleep(0.1 * 3**tries)
        _log.error("a result is lost: the attempt will count as unknown", sale_id=str(job.delivery_id))
