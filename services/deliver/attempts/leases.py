"""Keeps the leases of attempts under way.

A lease is short, so that a dead process's work is taken over soon, and renewed while an attempt runs, so
that a slow receiver does not lose it. Acting is allowed only until a moment well before the database gives
the delivery away, on a clock that runs on while the process is stopped or its machine sleeps: whoever slept
through its lease finds out before it acts.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import structlog

from libs import clock
from libs.db.types import Pool
from services.deliver import store
from services.deliver.parcel import Job, Lease

MOVES_SECONDS = 5.0
"""Without a result for so long, a round stands still."""
SAFE = 0.75
"""Share of a lease after which nothing is begun."""

_log = structlog.get_logger(__name__)


@dataclass
class Round:
    """What was claimed together: one lease for all of it."""

    lease: Lease
    began: float
    """On ``clock.boottime``, like its latest result."""
    jobs: dict[UUID, Job] = field(default_factory=dict)
    """Those without a result so far."""
    size: int = 0
    """Bytes of their documents: who commits slowly may hold them still."""
    acting: bool = False
    """Its channel has it: from here on results come."""
    begun: set[UUID] = field(default_factory=set)
    """Those that it was given: something may have been done about them."""
    ending: set[UUID] = field(default_factory=set)
    """Those whose result is being committed: the database may know before we do."""
    results: list[asyncio.Task[None]] = field(default_factory=list)
    """Being committed, or that."""
    latest: float = -math.inf
    said: asyncio.Event = field(default_factory=asyncio.Event)
    """Of each it is known how it ended."""

    @property
    def under_way(self) -> dict[UUID, Job]:
        """Those of which that is not known."""
        return {each: job for each, job in self.jobs.items() if each not in self.ending}

    @property
    def left(self) -> int:
        """How many those are."""
        return len(self.jobs) - len(self.ending)

    @property
    def lanes(self) -> set[str]:
        """Where something is under way still."""
        return {job.lane for job in self.under_way.values()}

    @property
    def moves(self) -> bool:
        """Whether something came of it lately, or may yet."""
        return clock.boottime() - max(self.began, self.latest) < MOVES_SECONDS

    def takes(self, jobs: Sequence[Job]) -> None:
        """These were claimed."""
        self.jobs = {job.delivery_id: job for job in jobs}
        self.size = sum(job.parcel.size for job in jobs)

    def ends(self, ids: Iterable[UUID]) -> None:
        """The results of these are there and are being committed."""
        self.latest = clock.boottime()
        self.ending.update(ids)
        if not self.left:
            self.said.set()

    def ended(self, ids: Iterable[UUID]) -> None:
        """They are committed."""
        for each in ids:
            if job := self.jobs.pop(each, None):
                self.size -= job.parcel.size
            self.ending.discard(each)


class Leases:
    def __init__(self, pool: Pool, seconds: float, longest: float) -> None:
        self._pool = pool
        self._seconds = seconds
        self._longest = longest
        self._rounds: list[Round] = []
        self._ending = False

    def begin(self) -> Round:
        """Call it before claiming: the lease counts from now."""
        now = clock.boottime()
        return Round(Lease(now + SAFE * self._seconds), now)

    @contextlib.contextmanager
    def kept(self, held: Round) -> Iterator[None]:
        """Renew this round's lease until the block ends."""
        if self._ending:
            held.lease.until = 0.0
        self._rounds.append(held)
        try:
            yield
        finally:
            self._rounds.remove(held)

    def let_go(self) -> None:
        """Begin nothing any more; what is begun keeps its lease until it ends."""
        self._ending = True
        for held in self._rounds:
            held.lease.until = 0.0

    async def keep(self) -> None:
        """Renew for ever; cancel it."""
        while True:
            await asyncio.sleep(self._seconds / 4)
            for held in list(self._rounds):
                # A lease that cannot be renewed runs out, and nothing is begun under it: no more is needed.
                with contextlib.suppress(
                    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError
                ):
                    await self.renew(held)

    async def renew(self, held: Round) -> None:
        """Renew one round's lease, unless it took so long that its attempts count as lost."""
        now = clock.boottime()
        jobs: Sequence[Job] = list(held.jobs.values())
        if not jobs or now - held.began > self._longest:
            return
        kept = await store.renew(self._pool, jobs, self._seconds)
        lost = (held.jobs.keys() & {job.delivery_id for job in jobs}) - kept - held.ending
        if lost:
            # Somebody else has part of it. One lease for all: nothing more of this round is begun.
            held.lease.until = 0.0
            _log.warning("leases lost", count=len(lost))
        elif not self._ending:
            held.lease.until = now + SAFE * self._seconds
