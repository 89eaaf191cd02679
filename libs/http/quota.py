"""How much one account may ask for: a token bucket, told in ``RateLimit`` fields.

Fields after draft-ietf-httpapi-ratelimit-headers-10: ``RateLimit-Policy`` names the bucket with its size (``q``) and the
seconds in which it fills (``w``), ``RateLimit`` what is left (``r``) and the seconds until it is full again (``t``).

Buckets stand where all processes see them, and asking there about every request would cost more than the request. So a
process takes a twentieth of the burst at a time, for itself, and asks nobody while it has some of it. What one process has
in hand another cannot give away: an account that goes from one to the other is told to wait a twentieth too early at most,
and may do as much too much after a rest. What is left is told by what this process knows.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

from libs import clock
from libs.errors import TooMany

_MOST = 10_000
"""Accounts of which something is kept. The one that was not heard for longest is forgotten, with what is in hand for it."""
_PARTS = 20

Count: TypeAlias = Callable[[str, timedelta, timedelta], Awaitable[float | None]]
"""Counts one part for the bucket of this name, where one comes every so often and as many as fill that time are there at
once. None, or the seconds until there may be another."""


class OverQuota(TooMany):
    """You send more than your account may: wait as long as Retry-After says, and send the same again."""

    dutch = (
        "U stuurt meer dan uw account mag: wacht zo lang als Retry-After zegt, en stuur hetzelfde opnieuw."
    )

    def __init__(self, retry_after: int, headers: Mapping[str, str]) -> None:
        super().__init__(retry_after=retry_after)
        self.headers = headers


class _Bucket:
    __slots__ = ("asking", "at", "in_hand", "tokens", "until")

    def __init__(self, tokens: float, at: float) -> None:
        self.in_hand = 0
        self.tokens = tokens
        """Where all see them, as far as is known here, at the time ``at``."""
        self.at = at
        self.until = at
        """Before that there is no more."""
        self.asking = asyncio.Lock()


class Quota:
    """``per_second`` requests over time, ``burst`` at once; 0 a second: no limit."""

    def __init__(
        self,
        name: str,
        count: Count,
        *,
        per_second: float,
        burst: int,
        time: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._name = name
        self._count = count
        self._rate = per_second
        self._burst = burst
        self._part = max(1, burst // _PARTS)
        self._time = time
        self._policy = f'"{name}";q={burst};w={max(1, math.ceil(burst / per_second))}' if per_second else ""
        self._buckets: OrderedDict[UUID, _Bucket] = OrderedDict()

    async def take(self, account_id: UUID) -> Mapping[str, str]:
        """Count one request; returns the fields to answer with. Raises ``OverQuota``, and what ``count`` raises."""
        if not self._rate:
            return {}
        bucket = self._bucket(account_id)
        if not bucket.in_hand:
            async with bucket.asking:
                if not bucket.in_hand:
                    await self._take_part(account_id, bucket)
        bucket.in_hand -= 1
        left = bucket.in_hand + bucket.tokens
        # Only whole parts are given.
        given = bucket.in_hand + self._part * math.floor(bucket.tokens / self._part)
        return self._fields(given, self._burst - left)

    def _bucket(self, account_id: UUID) -> _Bucket:
        now = self._time()
        bucket = self._buckets.get(account_id)
        if bucket is None:
            bucket = self._buckets[account_id] = _Bucket(self._burst, now)
            if len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(account_id)
            bucket.tokens = min(self._burst - bucket.in_hand, bucket.tokens + (now - bucket.at) * self._rate)
            bucket.at = now
        return bucket

    async def _take_part(self, account_id: UUID, bucket: _Bucket) -> None:
        wait = bucket.until - self._time()
        if wait <= 0:
            each, most = (timedelta(seconds=many / self._rate) for many in (self._part, self._burst))
            counted = await self._count(f"{self._name} {account_id}", each, most)
            if counted is None:
                bucket.in_hand += self._part
                bucket.tokens = max(0.0, bucket.tokens - self._part)
                return
            wait = counted
            bucket.until = self._time() + wait
            bucket.tokens = self._part - wait * self._rate
        raise OverQuota(max(1, math.ceil(wait)), self._fields(0, self._burst - bucket.tokens))

    def _fields(self, left: int, lacking: float) -> Mapping[str, str]:
        return {
            "RateLimit-Policy": self._policy,
            "RateLimit": f'"{self._name}";r={left};t={math.ceil(lacking / self._rate)}',
        }
