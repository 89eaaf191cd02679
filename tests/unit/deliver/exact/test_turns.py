"""Bookings that wait for calls: given turns so that hardly a call is unused while one waits, and none is made too many."""

from __future__ import annotations

import heapq
import random
from bisect import bisect_left, bisect_right
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.deliver.exact.budget import PER_DAY, PER_MINUTE, Allowance, Said
from services.deliver.exact.channel import AT_ONCE
from services.deliver.exact.turns import AT_HEAD, Turns

START = datetime(2026, 11, 2, tzinfo=UTC)
INVOICES, DIVISIONS = 20_000, 10
LASTS = timedelta(milliseconds=180)
"""A call."""
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def worked(invoices: int, calls: int, limit: int, workers: int, seed: int) -> tuple[list[datetime], int]:
    """A division in which all bookings are there in the morning, on a clock that jumps to whatever is next: when each call
    was made, and how often somebody asked in vain. What is allowed, the first answer tells."""
    chance, allowance, turns = random.Random(seed), Allowance.fresh(START), [Turns() for _ in range(workers)]
    allowed = Said(minute_limit=limit, day_limit=limit * PER_DAY // PER_MINUTE)
    lines = [[(START, n, 0) for n in range(worker, invoices, workers)] for worker in range(workers)]
    busy: list[tuple[datetime, int, int]] = []
    free, made, vain, now = [AT_ONCE] * workers, [], 0, START
    while busy or any(lines):
        due = [(max(now, line[0][0]), worker) for worker, line in enumerate(lines) if line and free[worker]]
        if due and (not busy or min(due)[0] <= busy[0][0]):
            now, worker = min(due)
            _, n, done = heapq.heappop(lines[worker])
            free[worker] -= 1
        else:
            now, n, done = heapq.heappop(busy)
            worker = n % workers
            allowance.hear(allowed, now)
        if done == calls:
            turns[worker].done("100", UUID(int=n))
            free[worker] += 1
            continue
        wait = allowance.ask(now, "booking", calls if done == 0 else 1)
        if wait is None:
            made.append(now)
            heapq.heappush(busy, (now + LASTS, n, done + 1))
            continue
        vain += 1
        free[worker] += 1
        passed, left = (now - START).total_seconds(), wait.until - now
        told = turns[worker].wait("100", UUID(int=n), left, wait.takes, passed, half_way=done > 0)
        assert told >= left
        # Whoever looks for what is due looks once a second.
        heapq.heappush(lines[worker], (now + told + chance.random() * SECOND, n, done))
    return made, vain


@pytest.mark.proves("R100")
@pytest.mark.parametrize("limit", [60, 100, 300])
@pytest.mark.parametrize("calls", [1, 3, 4, 5, 7])
def test_a_day_of_20000_over_10_divisions_uses_the_calls_there_are_and_no_more(
    calls: int, limit: int
) -> None:
    """Each division has calls of its own; one worker, or three that know nothing of each other. But for what is usual,
    25 minutes of it."""
    usual = (calls, limit) == (5, PER_MINUTE)
    invoices = INVOICES // DIVISIONS if usual else 25 * limit // calls
    for workers in (1, 3) if usual else (1,):
        made, vain = worked(invoices, calls, limit, workers, seed=calls * limit)
        assert len(made) == calls * invoices
        assert max(Counter(each.date() for each in made).values()) <= limit * PER_DAY // PER_MINUTE
        for n, each in enumerate(made):
            assert bisect_right(made, each + MINUTE) - n <= limit
        # While work waits, so many of the calls are made that its minutes have; but for the last, and tomorrow's.
        for day in {each.date() for each in made}:
            of_day = [each for each in made if each.date() == day]
            minutes = max(1, int((of_day[-1] - of_day[0]) / MINUTE))
            used = bisect_left(of_day, of_day[0] + minutes * MINUTE)
            assert used >= 0.95 * minutes * limit, (workers, day)
        # Asking in vain costs the database something.
        assert vain <= 3 * len(made) * workers


def test_turns_are_given_in_order_and_the_head_is_short() -> None:
    turns, each = Turns(), timedelta(seconds=5)
    ids = [UUID(int=n) for n in range(10)]

    def asked(n: int, wait: timedelta, now: float = 0.0, *, half_way: bool = False) -> float:
        return turns.wait("100", ids[n], wait, each, now, half_way=half_way).total_seconds()

    assert [asked(n, MINUTE) for n in range(10)] == [60 + 5 * n for n in range(10)]
    # Their turns come, and there are no calls: a few at the head, the others behind all.
    ten = timedelta(seconds=10)
    assert [asked(n, ten, 60) for n in range(AT_HEAD)] == [10] * AT_HEAD
    assert asked(AT_HEAD, ten, 60) == 5 * 10
    assert asked(5, ten, 60, half_way=True) == 10
    # Another day's calls, or a blocked key: everybody gets a turn after that.
    hour = timedelta(hours=1)
    assert [asked(n, hour, 200) for n in (0, 1)] == [3600, 3605]
    assert turns.wait("200", ids[0], MINUTE, each, 60, half_way=False) == MINUTE
