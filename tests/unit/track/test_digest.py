"""Which ranges of the ledger need a look (DESIGN §6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from libs import clock
from services.track import digest
from services.track.digest import Range, Sum

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
WELL = {
    "received": Sum(4, 0b1111),
    "quarantined": Sum(1, 0b10000),
    "valid": Sum(3, 0b0111),
    "invalid": Sum(1, 0b1000),
    "routed": Sum(2, 0b0011),
    "waiting": Sum(1, 0b0100),
    "queued": Sum(1, 0b0001),
    "delivered": Sum(1, 0b0010),
    "receipt": Sum(1, 0b0010),
    "told-delivered": Sum(1, 0b0010),
    "told-invalid": Sum(1, 0b1000),
    "told-quarantined": Sum(1, 0b10000),
    "status": Sum(5, 0b11111),
}
"""Five invoices, one bit each: waiting to be delivered, delivered, parked, rejected, quarantined."""


def test_it_balances_when_every_invoice_has_its_place() -> None:
    assert digest.balanced(WELL)
    assert digest.balanced({})


@pytest.mark.parametrize("part", list(WELL))
@pytest.mark.parametrize("wrong", [Sum(1, 0), Sum(0, 0b100000)], ids=["one more", "another one"])
def test_whatever_is_missing_or_too_much_or_another_is_seen(part: str, wrong: Sum) -> None:
    assert not digest.balanced({**WELL, part: WELL[part] + wrong})
    assert not digest.balanced({name: sums for name, sums in WELL.items() if name != part})


def test_every_part_that_is_summed_is_in_a_balance() -> None:
    weighed = {part for left, right in digest.BALANCES for part in (*left, *right)}
    summed = {part for parts in (digest.PARTS, digest.PASSING) for names in parts.values() for part in names}
    assert weighed == summed


def test_ranges_cover_every_id_once_and_are_short_where_things_move() -> None:
    found = digest.ranges(NOW)
    assert found[0].low == UUID(int=0)
    assert found[-1].high == UUID(int=(1 << 128) - 1)
    assert all(a.high == b.low and a.low < a.high for a, b in pairwise(found))
    for age, longest in (
        (timedelta(minutes=5), 1),
        (timedelta(hours=20), 30),
        (timedelta(days=2000), 60 * 24 * 60),
    ):
        at = int((NOW - age).timestamp() * 1000) << 80
        (own,) = [each for each in found if each.low.int <= at < each.high.int]
        assert (own.high.int - own.low.int) >> 80 <= longest * 60_000


def test_an_id_of_today_is_in_a_range_of_today() -> None:
    now = clock.now()
    made = clock.uuid7()
    (own,) = [each for each in digest.ranges(now) if each.low <= made < each.high]
    assert (own.high.int - own.low.int) >> 80 <= 121_000


@pytest.mark.parametrize("size", [1, 3, 15, 16, 17, 1000])
def test_a_range_is_split_without_a_gap(size: int) -> None:
    whole = Range(UUID(int=5), UUID(int=5 + size))
    pieces = list(whole.split(16))
    assert pieces[0].low == whole.low
    assert pieces[-1].high == whole.high
    assert all(a.high == b.low for a, b in pairwise(pieces))
    assert len(pieces) <= 16
