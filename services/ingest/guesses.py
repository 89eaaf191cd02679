"""How often a password may be tried for one address, counted in the database: as often with ten replicas as with one.

What ``tries`` counts each process counts for itself; of guesses that would be the one number that must not grow with the
hub. Asked only where a password is compared, which costs a hundred times as much.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

from libs.db.types import Pool
from services.ingest.tries import TooManyTries

# A row says until when the tries there are have been used up; nobody may be further ahead of now than the burst.
_COUNT = """
INSERT INTO guess AS g (address, used_until) VALUES ($1, now() + $2::interval)
ON CONFLICT (address) DO UPDATE SET used_until = greatest(g.used_until, now()) + $2::interval
 WHERE greatest(g.used_until, now()) + $2::interval <= now() + $3::interval
RETURNING 1
"""
_WAIT = "SELECT extract(epoch FROM used_until + $2::interval - $3::interval - now())::float8 FROM guess WHERE address = $1"


class Guesses:
    """``burst`` at once and one every ``seconds`` for each address. ``pool`` has the api role; ``digest`` is a keyed hash:
    which addresses were tried is nobody's business."""

    def __init__(
        self, pool: Pool, digest: Callable[[str], bytes], *, burst: int = 10, seconds: float = 30
    ) -> None:
        self._pool = pool
        self._digest = digest
        self._each = timedelta(seconds=seconds)
        self._most = burst * self._each

    async def count(self, address: str) -> None:
        """Count one. Raises ``TooManyTries``, and asyncpg's errors."""
        key = self._digest(f"guess {address}")
        if await self._pool.fetchval(_COUNT, key, self._each, self._most):
            return
        wait = await self._pool.fetchval(_WAIT, key, self._each, self._most)
        raise TooManyTries(retry_after=max(1, math.ceil(wait or 0)))
