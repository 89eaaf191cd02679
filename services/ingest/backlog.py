"""Whether what an account handed over goes on, looked at every few seconds.

What is taken in waits in the outbox while the next service has enough to do. When an account's oldest event has waited
for too long, more of it is not taken: it is told to come back (503) while it still knows what it wants to send. Others
are not concerned, because the relay goes round the accounts.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self
from uuid import UUID

import asyncpg
import structlog

from libs.contracts.invoice import InvoiceReceived
from libs.db.trouble import TRANSIENT
from libs.db.types import Pool
from libs.errors import Unavailable

_OLDEST = """
WITH RECURSIVE lane AS (
    (SELECT account FROM outbox WHERE not_before IS NULL AND routing_key = $1 ORDER BY account LIMIT 1)
     UNION ALL
    SELECT (SELECT o.account FROM outbox o
             WHERE o.not_before IS NULL AND o.routing_key = $1 AND o.account > lane.account
             ORDER BY o.account LIMIT 1)
      FROM lane WHERE lane.account IS NOT NULL
), oldest AS (
    SELECT account, (SELECT extract(epoch FROM now() - o.created_at)::float8 FROM outbox o
                      WHERE o.not_before IS NULL AND o.routing_key = $1 AND o.account = lane.account
                      ORDER BY o.id LIMIT 1) AS age
      FROM lane WHERE account IS NOT NULL
)
SELECT account, age FROM oldest WHERE age > $2
"""

_SOONEST, _LATEST = 5, 300
"""Seconds after which somebody is told to come back: a tenth of what has waited, within these."""

_log = structlog.get_logger(__name__)


def late(age: float) -> Unavailable:
    """``age`` in seconds."""
    return Unavailable(
        "What you sent before is still waiting to be processed: send this again after Retry-After.",
        nl="Wat u eerder stuurde wacht nog op verwerking: stuur dit opnieuw na Retry-After.",
        code="backlog",
        retry_after=min(_LATEST, max(_SOONEST, round(age / 10))),
    )


class Backlog:
    """``pool`` has the worker role; ``seconds`` an event may wait, 0 for ever."""

    def __init__(self, pool: Pool, *, seconds: float, every: float = 2.0) -> None:
        self._pool = pool
        self._seconds = seconds
        self._every = every
        self._ages: dict[UUID, float] = {}
        self._task: asyncio.Task[None] | None = None

    def check(self, account_id: UUID) -> None:
        """Raises ``Unavailable`` (``backlog``) when the account's oldest event has waited for too long."""
        if self._ages and (age := self._ages.get(account_id)) is not None:
            raise late(age)

    async def look(self) -> None:
        """Find the accounts that have to wait."""
        rows = await self._pool.fetch(_OLDEST, InvoiceReceived.type, self._seconds)
        self._ages = {row["account"]: row["age"] for row in rows}

    async def __aenter__(self) -> Self:
        if self._seconds:
            self._task = asyncio.create_task(self._look_for_ever(), name="backlog")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.look()
            except (*TRANSIENT, asyncpg.PostgresError) as away:
                # What cannot be asked cannot be stored either, which the callers are told.
                _log.debug("the backlog cannot be seen", error=type(away).__name__)
