"""Bookings that wait for calls: given turns so that hardly a call is unused while one waits, and none is made too many."""

from __future__ import annotations

import heapq
import random
from bisect import bisect_right
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.deliver.exact.budget import PER_DAY, PER_MINUTE, Allowance
from services.deliver.exact.turns import AT_HEAD, EACH, ROOM, Turns

START = datetime(2026, 11, 2, tzinfo=UTC)
INVOICES, DIVISIONS = 20_000, 10
SECOND = timedelta(seconds=1)


def worked(invoices: int, workers: int, seed: int) -> tuple[list[datetime], int]:
    """A division in which all bookings are there in the morning, on a clock that jumps to whatever is next: when each call
    was made, and how often somebody asked in vain."""
    chance, allowance, turns = random.Random(seed), Allowance.fresh(START), [Turns() for _ in range(workers)]
    made: list[datetime] = []
    due = [(START, n, 0) for n in range(invoices)]
    now, vain = START, 0
    while due:
        at, n, done = heapq.heappop(due)
        now = max(now, at)
        wait = allowance.ask(now, "booking", ROOM if done == 0 else 1)
        if wait is None:
            made.append(now)
            if done + 1 < ROOM:
                heapq.heappush(due, (now + timedelta(milliseconds=180), n, done + 1))
            else:
                turns[n % workers].done("100", UUID(int=n))
            continue
        vain += 1
        passed = (now - START).total_seconds()
        told = turns[n % workers].wait("100", UUID(int=n), wait.until - now, passed, half_way=done > 0)
        assert told >= wait.until - now
        # Whoever looks for what is due looks once a second.
        heapq.heappush(due, (now + told + chance.random() * SECOND, n, done))
    return made, vain


@pytest.mark.proves("R100")
@pytest.mark.parametrize(("workers", "divisions"), [(1, DIVISIONS), (3, 1)])
def test_a_day_of_20000_over_10_divisions_uses_the_calls_there_are_and_no_more(
    workers: int, divisions: int
) -> None:
    """Each division has calls of its own, and takes two days for it."""
    for division in range(divisions):
        made, vain = worked(INVOICES // DIVISIONS, workers, division)
        assert len(made) == ROOM * INVOICES // DIVISIONS
        assert set(Counter(each.date() for each in made).values()) == {PER_DAY}
        assert max(Counter(each.replace(second=0, microsecond=0) for each in made).values()) <= PER_MINUTE
        for n, each in enumerate(made):
            assert bisect_right(made, each + 60 * SECOND) - n <= PER_MINUTE
        for day in (0, 1):
            of_day = made[day * PER_DAY : (day + 1) * PER_DAY]
            minutes = (of_day[-1] - of_day[0]) / (60 * SECOND)
            assert PER_DAY / (minutes * PER_MINUTE) >= 0.95
        # Asking in vain costs the database something.
        assert vain <= 5 * len(made) * workers


def test_turns_are_given_in_order_and_the_head_is_short() -> None:
    turns, minute = Turns(), timedelta(minutes=1)
    ids = [UUID(int=n) for n in range(10)]

    def asked(n: int, wait: timedelta = minute, now: float = 0.0, *, half_way: bool = False) -> float:
        return turns.wait("100", ids[n], wait, now, half_way=half_way).total_seconds()

    assert [asked(n) for n in range(10)] == [60 + EACH * n for n in range(10)]
    # Their turns come, and there are no calls: a few at the head, the others behind all.
    ten = timedelta(seconds=10)
    assert [asked(n, ten, 60) for n in range(AT_HEAD)] == [10] * AT_HEAD
    assert asked(AT_HEAD, ten, 60) == EACH * 10
    assert asked(5, ten, 60, half_way=True) == 10
    # Another day's calls, or a blocked key: everybody gets a turn after that.
    hour = timedelta(hours=1)
    assert [asked(n, hour, now=200) for n in (0, 1)] == [3600, 3600 + EACH]
    assert turns.wait("200", ids[0], minute, 60, half_way=False) == minute
