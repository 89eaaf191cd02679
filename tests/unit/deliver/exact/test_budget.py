"""The budget of calls to Exact Online: never over it, and hardly ever under it while something waits."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from services.deliver.exact.budget import (
    HOUR,
    KEPT_OF_DAY,
    KEPT_OF_MINUTE,
    MOST_ERRORS,
    WINDOW,
    Allowance,
    Endpoint,
    Said,
    Use,
    Wait,
)

NOW = datetime(2026, 11, 2, 8, 0, 13, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def taken(allowance: Allowance, now: datetime, use: Use, most: int = 10_000) -> int:
    count = 0
    while count < most and allowance.ask(now, use) is None:
        count += 1
    return count


@pytest.mark.proves("R100")
def test_a_day_of_20000_invoices_over_10_divisions_is_never_over_and_hardly_under() -> None:
    """5 calls each, so twice what a day allows: the day has to be used, whatever Exact means by a minute."""
    start = datetime(2026, 11, 2, tzinfo=UTC)
    for division in range(10):
        # Calls take their time, and not all divisions begin at the full minute.
        now, allowance = start + timedelta(seconds=7.3 * division), Allowance.fresh(start)
        made: list[datetime] = []
        waiting = 2_000 * 5
        while waiting and now < start + timedelta(days=2):
            # The first of a booking asks whether there is room for all of it.
            wait = allowance.ask(now, "booking", 5 if waiting % 5 == 0 else 1)
            if wait is not None:
                assert wait.until > now
                now = wait.until
                continue
            made.append(now)
            waiting -= 1
            now += timedelta(milliseconds=180)
        assert not waiting
        assert set(Counter(each.date() for each in made).values()) == {5_000}
        assert max(Counter(each.replace(second=0, microsecond=0) for each in made).values()) <= 60
        for n, each in enumerate(made):
            assert bisect_right(made, each + 60 * SECOND) - n <= 60
        # While work waited and the day had calls left, nearly every call of each minute was used.
        for day in (0, 1):
            of_day = made[day * 5_000 : (day + 1) * 5_000]
            minutes = (of_day[-1] - of_day[0]) / (60 * SECOND)
            assert 5_000 / (minutes * 60) >= 0.95


def test_what_takes_five_calls_is_not_begun_with_four_left() -> None:
    allowance = Allowance(NOW + HOUR, day_used=4_996)
    assert allowance.ask(NOW, "booking", 5) == Wait(NOW + HOUR, "day")
    assert allowance.ask(NOW, "booking", 1) is None, "one under way goes on"
    # Of a minute it is: with fewer of its calls left than are worth waiting for, it waits for those.
    allowance = Allowance(NOW + HOUR, calls=[NOW - SECOND * n for n in range(58, 0, -1)])
    wait = allowance.ask(NOW, "booking", 5)
    assert wait is not None
    assert (wait.why, wait.takes) == ("minute", 5 * WINDOW / 60)
    assert allowance.ask(wait.until, "booking", 5) is None


@pytest.mark.proves("R112")
def test_polling_leaves_something_and_waits_for_bookings() -> None:
    allowance = Allowance.fresh(NOW)
    assert taken(allowance, NOW, "polling") == 60 - KEPT_OF_MINUTE
    assert taken(allowance, NOW, "booking") == KEPT_OF_MINUTE
    # A booking was put off: as long as more come, polling takes nothing.
    later = NOW + 61 * SECOND
    assert taken(allowance, later, "polling") == 0
    assert taken(allowance, later, "booking") == 60
    # Nobody books any more: polling goes on.
    assert taken(allowance, later + timedelta(minutes=3), "polling") > 50
    spent = Allowance(NOW + HOUR, day_used=5_000 - KEPT_OF_DAY)
    assert taken(spent, NOW, "polling") == 0
    assert taken(spent, NOW, "booking") == 60


def test_headers_are_obeyed() -> None:
    ends = NOW.replace(microsecond=0) + timedelta(hours=3)
    said = Said.of(
        {
            "X-RateLimit-Limit": "9000",
            "X-RateLimit-Remaining": "10",
            "X-RateLimit-Reset": str(int(ends.timestamp() * 1000)),
            "X-RateLimit-Minutely-Limit": "100",
            "X-RateLimit-Minutely-Remaining": "7",
            "X-RateLimit-Minutely-Reset": str(int((NOW + 47 * SECOND).timestamp() * 1000)),
        }
    )
    allowance = Allowance.fresh(NOW)
    allowance.hear(said, NOW)
    assert allowance.left() == (7, 10)
    assert (allowance.per_minute, allowance.per_day, allowance.day_ends) == (100, 9_000, ends)
    # It never says that more is left than was counted here: some calls are still on their way.
    allowance.hear(Said(9_000, 500, ends, 100, 90, None), NOW)
    assert allowance.left() == (7, 10)


@pytest.mark.parametrize("text", ["", "-1", "soon", "9" * 40, "1e3", "٣"])
def test_headers_that_are_no_numbers_are_as_if_not_there(text: str) -> None:
    assert Said.of({"X-RateLimit-Remaining": text, "X-RateLimit-Minutely-Reset": text}) == Said()


def test_too_many_of_both_kinds() -> None:
    minute = NOW + 20 * SECOND
    allowance = Allowance.fresh(NOW)
    assert allowance.refused(Said(minute_left=0, minute_ends=minute), NOW) == Wait(minute, "minute")
    assert allowance.ask(NOW, "booking") == Wait(minute, "minute")
    assert allowance.ask(minute, "booking") is None
    day = NOW + timedelta(hours=9)
    assert allowance.refused(Said(day_left=0, day_ends=day), minute) == Wait(day, "day")
    # Without a moment, or with one that is over: a minute.
    for said in (Said(), Said(minute_left=0, minute_ends=NOW - HOUR)):
        assert Allowance.fresh(NOW).refused(said, NOW) == Wait(NOW + timedelta(minutes=1), "minute")


def test_the_tenth_error_never_comes_however_many_are_under_way() -> None:
    endpoint = Endpoint()
    begun = 0
    while endpoint.ask(NOW) is None:
        begun += 1
    assert begun == MOST_ERRORS
    for _ in range(begun):
        endpoint.end(NOW, 400)
    assert endpoint.ask(NOW + HOUR - SECOND) == Wait(NOW + HOUR, "errors")
    assert endpoint.ask(NOW + HOUR) is None
    # What went well, or got no answer, is no error; what never ended counts no more after a while.
    endpoint = Endpoint(failed=[NOW] * 8)
    for status in (201, 500, None, 429):
        assert endpoint.ask(NOW) is None
        endpoint.end(NOW, status)
    assert endpoint.ask(NOW) is None
    assert endpoint.ask(NOW) is not None
    assert endpoint.ask(NOW + timedelta(minutes=4)) is None


@pytest.mark.parametrize("said", [Said(minute_limit=2), Said(day_limit=2)])
def test_where_there_is_never_room_for_all_steps_what_there_is_will_do(said: Said) -> None:
    """Nothing asked means no answer that says otherwise: it would wait for ever."""
    allowance = Allowance.fresh(NOW)
    allowance.hear(said, NOW)
    assert isinstance(allowance.ask(NOW, "polling"), Wait)
    assert allowance.ask(NOW, "booking", 5) is None
    assert isinstance(allowance.ask(NOW, "booking", 5), Wait)
