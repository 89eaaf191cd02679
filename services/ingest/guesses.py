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
_COUNT = "SELECT count_guess($1, $2, $3)"


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
        wait = await self._pool.fetchval(_COUNT, key, self._each, self._most)
        if wait is not None:
            raise TooManyTries(retry_after=max(1, math.ceil(wait)))
