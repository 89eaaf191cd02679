"""What keeps links alive and shows what is left: idle tokens are renewed, spent ones swept, calls counted for gauges."""

from __future__ import annotations

import structlog

from libs.db.types import Pool
from libs.telemetry import metrics
from services.deliver.exact import links, oauth
from services.deliver.exact.allowances import Allowances
from services.deliver.exact.tokens import Tokens
from services.deliver.exact.trouble import Trouble
from services.deliver.receivers import credentials

MOST = 100
"""Links renewed in one run."""

_log = structlog.get_logger(__name__)


class Keeping:
    """``look`` every few minutes. ``pool`` has the worker role."""

    def __init__(self, pool: Pool, tokens: Tokens, allowances: Allowances) -> None:
        self._pool = pool
        self._tokens = tokens
        self._allowances = allowances

    async def look(self) -> None:
        """An unused refresh token is said to lapse after 30 days (R103: set up once only)."""
        for grant_id in await links.idle(self._pool, oauth.IDLE, MOST):
            try:
                await self._tokens.of(grant_id)
            except Trouble as trouble:
                _log.warning("an idle link could not be renewed", grant_id=str(grant_id), error=str(trouble))
        await credentials.sweep(self._pool)
        await self._count()

    async def _count(self) -> None:
        if found := await self._allowances.left():
            metrics.exact_calls_left.set(min(each.minute for each in found), {"cause": "minute"})
            metrics.exact_calls_left.set(min(each.day for each in found), {"cause": "day"})
