"""A bucket empties by one a request, fills with time, and says so in fields, whichever process is asked."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from uuid import UUID

import pytest

from libs.http import problems
from libs.http.quota import OverQuota, Quota

A, B = UUID(int=1), UUID(int=2)


class Hub:
    """Where all processes see the buckets (``tests/integration/ingest/test_tries.py`` has the real one), and the time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.asked = 0
        self._used_until: dict[str, float] = defaultdict(float)

    async def count(self, name: str, each: timedelta, most: timedelta) -> float | None:
        self.asked += 1
        await asyncio.sleep(0)
        used = max(self.now, self._used_until[name]) + each.total_seconds()
        if (wait := used - self.now - most.total_seconds()) > 1e-9:
            return wait
        self._used_until[name] = used
        return None

    def process(self, *, per_second: float, burst: int) -> Quota:
        return Quota("account", self.count, per_second=per_second, burst=burst, time=lambda: self.now)


async def left(quota: Quota, account: UUID = A) -> str:
    return (await quota.take(account))["RateLimit"]


async def taken(*quotas: Quota, of: int) -> int:
    """How many of so many requests at once are taken, dealt out over the processes."""
    asked = [quotas[n % len(quotas)].take(A) for n in range(of)]
    return sum(isinstance(each, dict) for each in await asyncio.gather(*asked, return_exceptions=True))


async def test_what_is_left_is_told_and_nothing_more_is_given() -> None:
    hub = Hub()
    quota = hub.process(per_second=2, burst=3)
    assert [await left(quota) for _ in range(3)] == [
        '"account";r=2;t=1', '"account";r=1;t=1', '"account";r=0;t=2',
    ]  # fmt: skip
    assert (await quota.take(B))["RateLimit-Policy"] == '"account";q=3;w=2'
    with pytest.raises(OverQuota) as over:
        await quota.take(A)
    reply = problems.of(over.value)
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "1")
    assert reply.headers["ratelimit"] == '"account";r=0;t=2'
    hub.now += 0.5
    assert await left(quota) == '"account";r=0;t=2'
    with pytest.raises(OverQuota):
        await quota.take(A)
    hub.now += 3600
    assert await left(quota) == '"account";r=2;t=1'


async def test_no_rate_is_no_limit() -> None:
    hub = Hub()
    quota = hub.process(per_second=0, burst=1)
    assert [await quota.take(A) for _ in range(3)] == [{}, {}, {}]
    assert hub.asked == 0


async def test_processes_give_together_what_one_would_and_ask_seldom() -> None:
    hub = Hub()
    one, other = (hub.process(per_second=100, burst=1000) for _ in range(2))
    assert await taken(one, other, of=3000) == 1000
    assert hub.asked == 22, "twenty parts of fifty, and each was told once that there is no more"
    assert await taken(one, other, of=1000) == 0
    assert hub.asked == 22, "who is told to come back later asks for nobody"
    hub.now += 3
    assert await taken(one, other, of=1000) == 300


async def test_what_is_left_is_told_in_the_parts_that_it_is_given_in() -> None:
    hub = Hub()
    one, other = (hub.process(per_second=100, burst=1000) for _ in range(2))
    assert await left(one) == '"account";r=999;t=1'
    assert await taken(other, of=1000) == 950
    assert await taken(one, of=60) == 49
    hub.now += 0.6
    assert await left(one) == '"account";r=49;t=10'


async def test_forgotten_buckets_are_those_not_used_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.http.quota._MOST", 2)
    hub = Hub()
    quota = hub.process(per_second=1, burst=40)
    await quota.take(A)
    await quota.take(B)
    await quota.take(A)
    assert hub.asked == 2, "a part is two"
    await quota.take(UUID(int=3))
    assert (await left(quota), hub.asked) == ('"account";r=37;t=3', 4)
    await quota.take(B)
    assert hub.asked == 5, "B was forgotten"
