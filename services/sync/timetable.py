"""When a solution runs: every so often, or once a day at a time of day in its own time zone (R206). Pure.

Once a day means one run on each local date, whatever the clock does to it: a time that daylight saving leaves out
runs at the moment the clock jumps, one that comes twice runs at its first coming.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from libs.errors import BadInput

EVERY: Mapping[str, timedelta] = {
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "2h": timedelta(hours=2),
    "4h": timedelta(hours=4),
    "8h": timedelta(hours=8),
}
DAILY = "day"


def checked(every: str, at: time | None, timezone: str) -> None:
    """Raises ``BadInput`` for a schedule that cannot be."""
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as unknown:
        raise BadInput(
            f"There is no time zone {timezone}: write it as Europe/Amsterdam.",
            nl=f"Er is geen tijdzone {timezone}: schrijf Europe/Amsterdam of Europe/Brussels.",
            code="unknown-time-zone",
        ) from unknown
    if every != DAILY and every not in EVERY:
        raise BadInput(
            f"Repeat every {', '.join(EVERY)} or {DAILY}.",
            nl=f"Herhaal elke {', '.join(EVERY)} of {DAILY}.",
            code="unknown-interval",
        )
    if every == DAILY and at is None:
        raise BadInput(
            "Once a day needs a time, such as 06:30.",
            nl="Eenmaal per dag heeft een tijd nodig, zoals 06:30.",
            code="time-missing",
        )


def following(every: str, at: time | None, timezone: str, after: datetime) -> datetime:
    """The first run after a moment, in UTC. With an interval the time of day plays no part."""
    if every != DAILY:
        return after + EVERY[every]
    zone = ZoneInfo(timezone)
    today = after.astimezone(zone).date()
    for days in range(3):
        moment = _at(today + timedelta(days=days), at or time(0), zone)
        if moment > after:
            return moment
    raise AssertionError("every day has its run")


def _at(day: date, at: time, zone: ZoneInfo) -> datetime:
    """A local time of a day as an instant. One that is left out becomes the instant of the jump."""
    local = datetime.combine(day, at, zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        return _jump(moment, zone)
    return moment


def _jump(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clock is put forward, in the day before ``moment``: after it the offset is another."""
    low, high = moment - timedelta(days=1), moment
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == high.astimezone(zone).utcoffset():
            high = middle
        else:
            low = middle
    return (high + timedelta(seconds=0.5)).replace(microsecond=0)
