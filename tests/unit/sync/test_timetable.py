"""When a solution runs."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from libs.errors import BadInput
from services.sync import timetable

ZONE = "Europe/Amsterdam"


def runs(at: time, start: date, days: int) -> list[datetime]:
    moment = datetime.combine(start, time(0), ZoneInfo(ZONE)).astimezone(UTC)
    end = moment + timedelta(days=days)
    found = []
    while (moment := timetable.following("day", at, ZONE, moment)) < end:
        found.append(moment)
    return found


@pytest.mark.parametrize("start", [date(2026, 3, 27), date(2026, 10, 23)], ids=["spring", "autumn"])
@pytest.mark.parametrize("at", [time(6, 30), time(2, 30), time(0, 0), time(3, 0), time(2, 0)], ids=str)
@pytest.mark.proves("R206", "SB21")
def test_once_a_day_is_once_on_every_local_date(at: time, start: date) -> None:
    found = runs(at, start, 5)
    local = [moment.astimezone(ZoneInfo(ZONE)) for moment in found]
    assert len({moment.date() for moment in local}) == len(local) >= 4
    usual = [moment for moment in local if moment.date().day not in (29, 25)]
    assert {moment.time() for moment in usual} == {at}


def test_a_time_that_is_left_out_is_the_moment_of_the_jump() -> None:
    before = datetime(2026, 3, 28, 22, tzinfo=UTC)
    assert timetable.following("day", time(2, 30), ZONE, before) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_time_that_comes_twice_runs_at_its_first_coming() -> None:
    before = datetime(2026, 10, 24, 22, tzinfo=UTC)
    first = timetable.following("day", time(2, 30), ZONE, before)
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert timetable.following("day", time(2, 30), ZONE, first) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@pytest.mark.proves("R206")
def test_with_an_interval_the_time_plays_no_part() -> None:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert timetable.following("15m", time(6, 30), ZONE, now) == now + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("every", "at", "zone"), [("7m", None, ZONE), ("day", None, ZONE), ("1h", None, "Mars/Dome")]
)
def test_a_schedule_that_cannot_be(every: str, at: time | None, zone: str) -> None:
    with pytest.raises(BadInput):
        timetable.checked(every, at, zone)
    timetable.checked("day", time(6, 30), ZONE)
