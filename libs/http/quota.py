"""How much one account may ask for: a token bucket, told in ``RateLimit`` fields.

Fields after draft-ietf-httpapi-ratelimit-headers-10: ``RateLimit-Policy`` names the bucket with its size (``q``) and the
seconds in which it fills (``w``), ``RateLimit`` what is left (``r``) and the seconds until it is full again (``t``).

Buckets live in the process. Replicas that share them would ask a server about every request, which costs more than
the request: with n replicas an account may do up to n times as much.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from uuid import UUID

from libs import clock
from libs.errors import TooMany

_MOST = 10_000
"""Buckets that are kept. One that was not used for longest is forgotten, which fills it."""


class OverQuota(TooMany):
    """You send more than your account may: wait as long as Retry-After says, and send the same again."""

    dutch = (
        "U stuurt meer dan uw account mag: wacht zo lang als Retry-After zegt, en stuur hetzelfde opnieuw."
    )

    def __init__(self, retry_after: int, headers: Mapping[str, str]) -> None:
        super().__init__(retry_after=retry_after)
        self.headers = headers


class _Bucket:
    __slots__ = ("at", "tokens")

    def __init__(self, tokens: float, at: float) -> None:
        self.tokens = tokens
        self.at = at


class Quota:
    """``per_second`` requests over time, ``burst`` at once; 0 a second: no limit."""

    def __init__(
        self, name: str, *, per_second: float, burst: int, time: Callable[[], float] = clock.monotonic
    ) -> None:
        self._name = name
        self._rate = per_second
        self._burst = burst
        self._time = time
        self._policy = f'"{name}";q={burst};w={max(1, math.ceil(burst / per_second))}' if per_second else ""
        self._buckets: OrderedDict[UUID, _Bucket] = OrderedDict()

    def take(self, account_id: UUID) -> Mapping[str, str]:
        """Count one request; returns the fields to answer with. Raises ``OverQuota``."""
        if not self._rate:
            return {}
        now = self._time()
        bucket = self._buckets.get(account_id)
        if bucket is None:
            bucket = self._buckets[account_id] = _Bucket(self._burst, now)
            if len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(account_id)
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
            bucket.at = now
        if bucket.tokens < 1:
            raise OverQuota(max(1, math.ceil((1 - bucket.tokens) / self._rate)), self._fields(0, self._burst))
        bucket.tokens -= 1
        return self._fields(int(bucket.tokens), self._burst - bucket.tokens)

    def _fields(self, left: int, lacking: float) -> Mapping[str, str]:
        return {
            "RateLimit-Policy": self._policy,
            "RateLimit": f'"{self._name}";r={left};t={math.ceil(lacking / self._rate)}',
        }
