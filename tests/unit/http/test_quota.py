"""A bucket empties by one a request, fills with time, and says so in fields."""

from __future__ import annotations

from uuid import UUID

import pytest

from libs.http import problems
from libs.http.quota import OverQuota, Quota

A, B = UUID(int=1), UUID(int=2)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_is_left_is_told_and_nothing_more_is_given() -> None:
    time = Time()
    quota = Quota("account", per_second=2, burst=3, time=time)
    assert [quota.take(A)["RateLimit"] for _ in range(3)] == [
        '"account";r=2;t=1', '"account";r=1;t=1', '"account";r=0;t=2',
    ]  # fmt: skip
    assert quota.take(B)["RateLimit-Policy"] == '"account";q=3;w=2'
    with pytest.raises(OverQuota) as over:
        quota.take(A)
    reply = problems.of(over.value)
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "1")
    assert reply.headers["ratelimit"] == '"account";r=0;t=2'
    time.now += 0.5
    assert quota.take(A)["RateLimit"] == '"account";r=0;t=2'
    with pytest.raises(OverQuota):
        quota.take(A)
    time.now += 3600
    assert quota.take(A)["RateLimit"] == '"account";r=2;t=1'


def test_no_rate_is_no_limit() -> None:
    quota = Quota("account", per_second=0, burst=1)
    assert [quota.take(A) for _ in range(3)] == [{}, {}, {}]


def test_forgotten_buckets_are_those_not_used_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.http.quota._MOST", 2)
    quota = Quota("account", per_second=0.001, burst=1, time=Time())
    quota.take(A)
    quota.take(B)
    with pytest.raises(OverQuota):
        quota.take(A)
    quota.take(UUID(int=3))
    with pytest.raises(OverQuota):
        quota.take(A)
    quota.take(B)
