"""What is counted in the database, and allowed as often with ten replicas as with one: how often one address may be
tried (passwords, and mails to it, alike whether anybody has that address), and what an account may hand over.

Asked only for what costs a hundred times as much: a password is compared, a mail is sent, a hundred submissions are taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

from libs.db.types import Pool
from libs.errors import TooMany

# A row says until when the tries there are have been used up; nobody may be further ahead of now than the burst.
_COUNT = "SELECT count_guess($1, $2, $3)"


async def count(
    pool: Pool, digest: Callable[[str], bytes], name: str, each: timedelta, most: timedelta
) -> float | None:
    """Count one of what ``name`` says; None, or the seconds until there may be one more: one every ``each``, and as many at
    once as ``most`` gives. ``pool`` has the api role. Raises asyncpg's errors."""
    wait: float | None = await pool.fetchval(_COUNT, digest(name), each, most)
    return wait


class TooManyTries(TooMany):
    """This was asked too often for this address: wait as long as Retry-After says, and try again."""

    slug = "too-many-tries"
    dutch = (
        "Dit is te vaak gevraagd voor dit adres: wacht zo lang als Retry-After zegt, en probeer het opnieuw."
    )


class Tries:
    """Of ``what``, ``burst`` at once and one every ``seconds`` for each address; where ``all_burst`` is given, as many and
    one every ``all_seconds`` for all together, for what strangers may ask. ``pool`` has the api role; ``digest`` is a keyed
    hash: which addresses were tried is nobody's business."""

    def __init__(
        self,
        pool: Pool,
        digest: Callable[[str], bytes],
        what: str,
        *,
        burst: int,
        seconds: float,
        all_burst: int = 0,
        all_seconds: float = 0,
    ) -> None:
        self._pool = pool
        self._digest = digest
        self._what = what
        self._each = (burst, timedelta(seconds=seconds))
        self._all = (all_burst, timedelta(seconds=all_seconds))

    async def count(self, address: str) -> None:
        """Count one. Raises ``TooManyTries``, and asyncpg's errors."""
        await self._take(f"{self._what} {address}", *self._each)
        if self._all[0]:
            await self._take(f"{self._what}, all", *self._all)

    async def _take(self, name: str, burst: int, each: timedelta) -> None:
        wait = await count(self._pool, self._digest, name, each, burst * each)
        if wait is not None:
            raise TooManyTries(retry_after=max(1, math.ceil(wait)))


def guesses(pool: Pool, digest: Callable[[str], bytes]) -> Tries:
    """Of a password."""
    return Tries(pool, digest, "guess", burst=10, seconds=30)
